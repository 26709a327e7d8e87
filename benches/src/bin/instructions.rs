//! Counts the instructions of one call through the C ABI, by single steps, so that the load of the machine does not
//! matter.
//!
//!     instructions LIBRARY           prints the counts, and fails if there are more than the gates allow
//!     instructions LIBRARY planted   the same with one more pass over the URI in each call: fails unless that is too many
//!
//! The cost of a hash depends on the CPU: a compression takes about 170 instructions with SHA instructions, and 3,350
//! without. So the gates limit what the library adds to the necessary compressions and, if the CPU has SHA
//! instructions, also the total. A run counts one of the two paths, and says which one it could not count.

use std::hint::black_box;
use std::process::ExitCode;

use tc_auth_benches::tc_auth::{Buffer, TcAuth};
use tc_auth_benches::{TOKEN, floor, sha_instructions, uri};

const TIME: i64 = 1_513_703_787;

struct Gate {
    uri_len: usize,
    /// Beyond the compressions. Compilers differ by a few percent.
    added: u64,
    /// The total with SHA instructions.
    total: u64,
}

const GATES: [Gate; 2] =
    [Gate { uri_len: 84, added: 930, total: 1_500 }, Gate { uri_len: 2_048, added: 1_400, total: 7_100 }];

/// A token is copied, not hashed.
const TOKEN_GATE: u64 = 380;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let (path, planted) = match &arguments[..] {
        [_, path] => (path, false),
        [_, path, option] if option == "planted" => (path, true),
        _ => {
            eprintln!("usage: instructions LIBRARY [planted]");
            return ExitCode::from(2);
        }
    };
    let with_sha = sha_instructions();
    let library = TcAuth::load(path).expect("the shared library");
    let mut buffer: Buffer = [0; 256];
    let mut kept = true;
    let mut check = |what: String, count: u64, gate: u64| {
        println!("{what}: {count}, at most {gate}{}", if count <= gate { "" } else { ": TOO MANY" });
        kept &= count <= gate;
    };

    let hmac = library.hmac();
    for Gate { uri_len, added, total } in GATES {
        let uri = uri(uri_len);
        let compressions = floor::compressions(uri_len);
        let mut state = [0; 8];
        let least = instructions(|| floor::run(black_box(compressions), black_box(&mut state)));
        let call = instructions(|| {
            black_box(hmac.headers_into(uri.as_bytes(), TIME, black_box(&mut buffer)));
            if planted {
                black_box(uri.bytes().fold(0, u8::wrapping_add));
            }
        });
        println!("{uri_len} bytes: {call} instructions, of which {compressions} compressions take {least}");
        check(format!("{uri_len} bytes, beyond the compressions"), call - least, added);
        if with_sha {
            check(format!("{uri_len} bytes, in all"), call, total);
        }
    }
    if !planted {
        println!("not tested on this CPU: the path {} SHA instructions", if with_sha { "without" } else { "with" });
    }
    let (token, uri) = (library.token(0), uri(84));
    let call = instructions(|| _ = black_box(token.headers_into(uri.as_bytes(), TIME, black_box(&mut buffer))));
    check(format!("token of {} bytes, in all", TOKEN.count_bytes()), call, TOKEN_GATE);
    if kept != planted { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The instructions of some work, not counting what only its first run does.
fn instructions(mut work: impl FnMut()) -> u64 {
    steps(&mut work) - steps(&mut || ())
}

/// Runs the work in a child process between two stops, and single-steps from one to the other.
fn steps(work: &mut dyn FnMut()) -> u64 {
    // SAFETY: the process has one thread; the child calls only what is safe after fork(), and never returns.
    unsafe {
        let child = libc::fork();
        assert!(child >= 0, "fork");
        if child == 0 {
            if libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0) != 0 {
                libc::_exit(1);
            }
            for _ in 0..3 {
                work(); // the first call also binds functions and detects CPU features
            }
            libc::raise(libc::SIGSTOP);
            work();
            libc::raise(libc::SIGSTOP);
            libc::_exit(0);
        }
        let stopped_by = || {
            let mut status = 0;
            assert_eq!(libc::waitpid(child, &mut status, 0), child);
            assert!(libc::WIFSTOPPED(status), "the traced child ended: is ptrace allowed here?");
            libc::WSTOPSIG(status)
        };
        assert_eq!(stopped_by(), libc::SIGSTOP);
        let mut steps = 0;
        loop {
            assert_eq!(libc::ptrace(libc::PTRACE_SINGLESTEP, child, 0, 0), 0, "single steps");
            match stopped_by() {
                libc::SIGTRAP => steps += 1,
                libc::SIGSTOP => break,
                signal => panic!("the call ended with signal {signal}"),
            }
        }
        libc::kill(child, libc::SIGKILL);
        libc::waitpid(child, &mut 0, 0);
        steps
    }
}
