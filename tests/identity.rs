//! No handle ever returns the token of another one, whatever other threads do between two instructions of a call.
//!
//! A thread that reads a token is interrupted after every instruction. After each pair of instructions, in turn,
//! another thread replaces tokens: first both handles' tokens, so that the second one's gets the memory of the first
//! one's, and then the second one's again. With arc-swap 1.9.3, the first handle then returned the token of the second.

#![cfg(all(target_os = "linux", target_arch = "x86_64", not(miri)))]

use std::arch::asm;
use std::hint::spin_loop;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;

use tc_auth::{Auth, Now};

/// The command for the other thread, which sets it back to `NOTHING` when it is done.
static COMMAND: AtomicUsize = AtomicUsize::new(NOTHING);
const NOTHING: usize = 0;
const REPLACE_BOTH: usize = 1;
const REPLACE_SECOND: usize = 2;
const END: usize = 3;

/// Instructions since the call began, and after which of them tokens are replaced.
static STEP: AtomicUsize = AtomicUsize::new(0);
static FIRST: AtomicUsize = AtomicUsize::new(0);
static SECOND: AtomicUsize = AtomicUsize::new(0);

/// The largest distance between the two instructions: reading a pointer and checking it again are closer.
const APART: usize = 60;

fn tell(command: usize) {
    COMMAND.store(command, SeqCst);
    while COMMAND.load(SeqCst) != NOTHING {
        spin_loop();
    }
}

/// The signal handler, called after each instruction.
extern "C" fn step(_signal: libc::c_int) {
    let step = STEP.fetch_add(1, SeqCst);
    if step == FIRST.load(SeqCst) {
        tell(REPLACE_BOTH);
    } else if step == SECOND.load(SeqCst) {
        tell(REPLACE_SECOND);
    }
}

/// Runs the call one instruction at a time. Also returns the number of instructions.
fn stepped<T>(call: impl FnOnce() -> T) -> (T, usize) {
    STEP.store(0, SeqCst);
    // SAFETY: the trap flag makes the CPU signal after each instruction, and changes nothing else.
    unsafe { asm!("pushfq", "or qword ptr [rsp], 0x100", "popfq") };
    let result = call();
    // SAFETY: the same.
    unsafe { asm!("pushfq", "and qword ptr [rsp], ~0x100", "popfq") };
    (result, STEP.load(SeqCst))
}

#[test]
#[cfg_attr(debug_assertions, ignore = "so many instructions take minutes: cargo test --release --test identity")]
fn each_handle_returns_its_own_token() {
    let now = Now::read();
    // SAFETY: the handler may run while a token is read: it takes no lock and allocates nothing.
    unsafe { libc::signal(libc::SIGTRAP, step as extern "C" fn(libc::c_int) as libc::sighandler_t) };
    // Use up the mappings for tokens, which are slow: further tokens are on the heap.
    let _others: Vec<_> = (0..4100).map(|_| Auth::new_token("other", None, now).unwrap()).collect();
    let [first, second] = ["first", "second"].map(|token| Auth::new_token(token, None, now).unwrap());
    let mut numbers = 0..;
    let mut replace = |auth: &Auth, name: &str| {
        auth.update_token(format!("{name}:{:09}", numbers.next().unwrap_or(0)), None, now).unwrap();
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            loop {
                match COMMAND.load(SeqCst) {
                    NOTHING => spin_loop(),
                    REPLACE_BOTH => {
                        replace(&first, "first");
                        replace(&second, "second");
                        COMMAND.store(NOTHING, SeqCst);
                    }
                    REPLACE_SECOND => {
                        replace(&second, "second");
                        COMMAND.store(NOTHING, SeqCst);
                    }
                    _ => break,
                }
            }
        });
        let mut wrong = None;
        first.token().unwrap(); // a thread's first call does more
        let (_, all) = stepped(|| first.token().unwrap());
        assert!((20..1000).contains(&all), "{all} instructions");
        'pairs: for at in 0..all {
            for later in at + 1..(at + APART).min(all) {
                FIRST.store(at, SeqCst);
                SECOND.store(later, SeqCst);
                let (token, _) = stepped(|| first.token().unwrap());
                if !token.value().starts_with("first") {
                    wrong = Some(format!("{} after the instructions {at} and {later} of {all}", token.value()));
                    break 'pairs;
                }
            }
        }
        COMMAND.store(END, SeqCst);
        assert_eq!(wrong, None);
        println!("{all} instructions");
    });
}
