//! Compares the library with its peers in one interleaved run, and writes a table and a chart, whose names say whether
//! there were SHA instructions.
//!
//!     bench LIBRARY DIRECTORY ['NAME=COMMAND ARGUMENT...']...
//!
//! The other arguments are peers in other languages (see ../peers.rs). `make bench` passes those that are installed.

use std::ffi::CString;
use std::fmt::Write as _;
use std::hint::black_box;
use std::process::Command;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use std::{env, fs};

use tc_auth_benches::peers::{self, Candidate};
use tc_auth_benches::tc_auth::{Handle, TcAuth};
use tc_auth_benches::{NOW, SHA_HIDDEN, TOKEN, floor, sha_instructions, uri};

/// OpenSSL, to compare the time to load it.
const LIBCRYPTO: &str = "libcrypto.so.3";

const URI_LENS: [usize; 3] = [84, 300, 2_048];
/// Many short rounds, so that other processes do not disturb all of them.
const ROUNDS: usize = 150;
/// About how long each candidate is measured in each round.
const SLICE: Duration = Duration::from_millis(1);

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match &arguments[..] {
        [option, file] if option == "--load" => println!("{}", load(file)),
        [library, directory, programs @ ..] => {
            let report = report(library, programs);
            print!("{}", report.text);
            fs::create_dir_all(directory).expect("the directory");
            let start = format!("{directory}/{}", file_name());
            fs::write(format!("{start}.md"), report.text).expect("the table");
            fs::write(format!("{start}.svg"), report.chart).expect("the chart");
            eprintln!("{start}.md, .svg");
        }
        _ => panic!("usage: bench LIBRARY DIRECTORY ['NAME=COMMAND ARGUMENT...']..."),
    }
}

struct Report {
    text: String,
    chart: String,
}

fn report(path: &str, programs: &[String]) -> Report {
    let library: &'static TcAuth = Box::leak(Box::new(TcAuth::load(path).expect("the shared library")));
    let mut text = format!("# Results\n\nMade by `make bench`; docs/performance.md explains them. {}\n", machine());
    let mut chart = String::new();
    for len in URI_LENS {
        let (table, bars) = signing(library, len, programs);
        text += &table;
        if len == URI_LENS[0] {
            chart = draw(&bars);
            let _ = writeln!(text, "\n![The same as a chart]({}.svg)", file_name());
        }
    }
    text += &tokens(library);
    text += &several_threads(library);
    text += &the_rest(library, path);
    Report { text, chart }
}

// --- one thread

/// The nanoseconds per call in each round.
struct Timings {
    name: String,
    rounds: Vec<f64>,
}

impl Timings {
    fn minimum(&self) -> f64 {
        self.rounds.iter().copied().fold(f64::INFINITY, f64::min)
    }

    fn median(&self) -> f64 {
        median(self.rounds.clone())
    }

    /// The ratio to another one, round by round, so that a temporary slowdown of the machine cancels out.
    fn times(&self, other: &Timings) -> f64 {
        median(self.rounds.iter().zip(&other.rounds).map(|(mine, theirs)| mine / theirs).collect())
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Measures all candidates in turn, repeatedly.
fn interleaved(mut candidates: Vec<(String, Box<dyn FnMut(u32) -> u64>)>) -> Vec<Timings> {
    let counts: Vec<u32> = candidates.iter_mut().map(|(_, run)| calibrated(run)).collect();
    let mut timings: Vec<Timings> =
        candidates.iter().map(|(name, _)| Timings { name: name.clone(), rounds: Vec::new() }).collect();
    for round in 0..ROUNDS {
        // Start with another one each time, because the previous one has an influence.
        for turn in 0..candidates.len() {
            let index = (round + turn) % candidates.len();
            let count = counts[index];
            timings[index].rounds.push((candidates[index].1)(count) as f64 / f64::from(count));
        }
    }
    timings
}

/// How many calls take a slice of time. Also gives JIT compilers time to warm up.
fn calibrated(run: &mut Box<dyn FnMut(u32) -> u64>) -> u32 {
    let warm = Instant::now();
    let mut count = 1;
    loop {
        let taken = Duration::from_nanos(run(count));
        if taken >= SLICE && warm.elapsed() > Duration::from_millis(500) {
            return count;
        }
        if taken < SLICE {
            count = count.saturating_mul(2);
        }
    }
}

fn signing(library: &'static TcAuth, len: usize, programs: &[String]) -> (String, Vec<(String, f64)>) {
    let handle = library.hmac();
    let target = uri(len);
    let mut text = format!("\n## Signed requests, {len} bytes of URI\n\n");
    let mut found = vec![Ok(peers::ours("**tc_auth**", handle, target.clone()))];
    found.extend(peers::libraries(&target));
    for program in programs {
        let (name, command) = program.split_once('=').expect("NAME=COMMAND");
        let command: Vec<String> = command.split(' ').map(str::to_owned).collect();
        found.push(peers::program(name, &target, &command));
    }
    let compressions = floor::compressions(len);
    let mut state = [0; 8];
    let floor_name = format!("*the floor: {compressions} compressions*");
    let mut candidates: Vec<(String, Box<dyn FnMut(u32) -> u64>)> = vec![(
        floor_name,
        Box::new(move |count| {
            let start = Instant::now();
            for _ in 0..count {
                floor::run(black_box(compressions), black_box(&mut state));
            }
            start.elapsed().as_nanos() as u64
        }),
    )];
    let mut absent = String::new();
    for found in found {
        match found {
            Ok(candidate) => {
                let target = CString::new(target.clone()).expect("no NUL");
                candidates.push((candidate.name.clone(), checked(candidate, handle, target)));
            }
            Err(why) => _ = writeln!(absent, "\nSKIP  {why}"),
        }
    }
    let timings = interleaved(candidates);
    let (floor, ours) = (&timings[0], &timings[1]);
    let _ = writeln!(
        text,
        "tc_auth takes **{:.2} times the floor** (minima: {:.2}).\n",
        ours.times(floor),
        ours.minimum() / floor.minimum()
    );
    text += "| | times tc_auth | by minima | minimum | median |\n| --- | ---: | ---: | ---: | ---: |\n";
    for row in &timings {
        let _ = writeln!(
            text,
            "| {} | {:.2} | {:.2} | {:.0} ns | {:.0} ns |",
            row.name,
            row.times(ours),
            row.minimum() / ours.minimum(),
            row.minimum(),
            row.median()
        );
    }
    (text + &absent, timings.into_iter().map(|row| (row.name.clone(), row.minimum())).collect())
}

/// Checks the last headers of each round as a server does.
fn checked(mut candidate: Candidate, server: Handle<'static>, target: CString) -> Box<dyn FnMut(u32) -> u64> {
    Box::new(move |count| {
        let sample = (candidate.run)(count);
        assert!(
            server.verifies(&target, &sample.authorization, &sample.timestamp),
            "{} does not sign: {:?} {:?}",
            candidate.name,
            sample.authorization,
            sample.timestamp
        );
        sample.nanos
    })
}

fn tokens(library: &'static TcAuth) -> String {
    let handle = library.token(0);
    let list_handle = library.hmac();
    let list_uri = CString::new(uri(84)).expect("no NUL");
    let into = peers::ours("", handle, uri(84));
    let mut into_run = into.run;
    let alone = library.token(0);
    alone.set_api_path(c"https://company.example/api");
    let shared = library.token(0);
    shared.set_api_path(c"https://company.example/api");
    let directory = env::temp_dir().join(format!("tc_auth-bench-{}", std::process::id()));
    fs::create_dir(&directory).expect("a directory");
    shared.share_in(&CString::new(directory.as_os_str().as_encoded_bytes()).expect("no NUL"));
    let file = fs::read_dir(&directory).expect("the directory").next().expect("its files").expect("a file").path();
    let file = CString::new(file.as_os_str().as_encoded_bytes()).expect("no NUL");
    let rows = interleaved(vec![
        ("a token, `tc_auth_headers_into`".to_owned(), Box::new(move |count| into_run(count).nanos)),
        (
            "a signature, `tc_auth_headers`: a list, made and freed".to_owned(),
            Box::new(move |count| {
                let start = Instant::now();
                for _ in 0..count {
                    list_handle.headers(black_box(&list_uri));
                }
                start.elapsed().as_nanos() as u64
            }),
        ),
        ("a poll".to_owned(), polls(alone)),
        ("a poll of a token that processes share".to_owned(), polls(shared)),
        (
            "*one `fstatat` of a file*".to_owned(),
            Box::new(move |count| {
                let start = Instant::now();
                for _ in 0..count {
                    // SAFETY: the name ends in NUL, and zeros are a valid value of all fields.
                    let stat = unsafe {
                        let mut stat: libc::stat = std::mem::zeroed();
                        assert_eq!(
                            libc::fstatat(libc::AT_FDCWD, file.as_ptr(), &mut stat, libc::AT_SYMLINK_NOFOLLOW),
                            0
                        );
                        stat
                    };
                    black_box(stat);
                }
                start.elapsed().as_nanos() as u64
            }),
        ),
    ]);
    let _ = fs::remove_dir_all(directory);
    let mut text = "\n## Other calls, 84 bytes of URI\n\n| | minimum | median |\n| --- | ---: | ---: |\n".to_owned();
    for row in rows {
        let _ = writeln!(text, "| {} | {:.0} ns | {:.0} ns |", row.name, row.minimum(), row.median());
    }
    text
}

/// Before each request, as long as nothing is due and no file changes.
fn polls(handle: Handle<'static>) -> Box<dyn FnMut(u32) -> u64> {
    Box::new(move |count| {
        let start = Instant::now();
        for _ in 0..count {
            assert!(!handle.poll(|| unreachable!("nothing is due")));
        }
        start.elapsed().as_nanos() as u64
    })
}

// --- several threads

/// What several threads do at once.
#[derive(Clone, Copy)]
enum Work {
    /// Compressions without shared data: how much two threads slow each other down on this CPU in any case.
    Floor,
    Headers(Handle<'static>),
}

/// The time of one call, with this many threads that call at once.
fn on_threads(threads: usize, work: Work, target: &str) -> f64 {
    const CALLS: u32 = 1_000;
    let barrier = Barrier::new(threads);
    let total: u64 = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    let (mut value, mut state) = ([0; 256], [0; 8]);
                    let mut call = || match work {
                        Work::Floor => floor::run(black_box(floor::compressions(target.len())), black_box(&mut state)),
                        Work::Headers(handle) => {
                            black_box(handle.headers_into(black_box(target.as_bytes()), NOW, &mut value));
                        }
                    };
                    call(); // the first call of a thread does more
                    barrier.wait();
                    let start = Instant::now();
                    for _ in 0..CALLS {
                        call();
                    }
                    start.elapsed().as_nanos() as u64
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().expect("a worker")).sum()
    });
    total as f64 / threads as f64 / f64::from(CALLS)
}

fn several_threads(library: &'static TcAuth) -> String {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let mut counts = vec![1, 2, cores];
    counts.dedup();
    let target = uri(84);
    let mut text = format!(
        "\n## Threads that share a handle ({cores} processors)\n\n\
        | | threads | over one thread | by minima | minimum of a call | median |\n\
        | --- | ---: | ---: | ---: | ---: | ---: |\n"
    );
    let replaced = library.token(0);
    let done = AtomicBool::new(false);
    let mut rows = Vec::new();
    for (name, work) in [
        ("*compressions alone, nothing shared*", Work::Floor),
        ("HMAC", Work::Headers(library.hmac())),
        ("token", Work::Headers(library.token(0))),
        ("token that is replaced each millisecond", Work::Headers(replaced)),
    ] {
        for &threads in &counts {
            rows.push((threads, work, Timings { name: name.to_owned(), rounds: Vec::new() }));
        }
    }
    thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0.. {
                if done.load(Ordering::Relaxed) {
                    break;
                }
                replaced.update_token(if round % 2 == 0 { c"another-token" } else { TOKEN }, 0);
                thread::sleep(Duration::from_millis(1));
            }
        });
        for _ in 0..ROUNDS {
            for (threads, work, timings) in &mut rows {
                timings.rounds.push(on_threads(*threads, *work, &target));
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    let mut alone = 0;
    for (index, (threads, _, row)) in rows.iter().enumerate() {
        if *threads == 1 {
            alone = index;
        }
        let one = &rows[alone].2;
        let _ = writeln!(
            text,
            "| {} | {threads} | {:.2} | {:.2} | {:.0} ns | {:.0} ns |",
            row.name,
            row.times(one),
            row.minimum() / one.minimum(),
            row.minimum(),
            row.median()
        );
    }
    let threads = cores.max(2);
    let (renewals, requests, longest) = renewals(library, threads);
    let _ = writeln!(
        text,
        "\nA token that lives 2 s was renewed {renewals} times, which a pause makes take 100 ms each, by one of {threads} threads that made \
        {requests} requests. The longest that one of the others waited for that, in `tc_auth_renewal_poll` and \
        `tc_auth_headers_into` together: **{longest:.1} ms**."
    );
    text
}

/// The numbers of renewals and requests, and the longest request, in ms, of a thread that did not renew.
fn renewals(library: &'static TcAuth, threads: usize) -> (u64, u64, f64) {
    let now = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
    let handle = library.token(now() as i64 + 2);
    handle.set_api_path(c"https://company.example/api");
    let (renewed, requests, longest) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let end = Instant::now() + Duration::from_secs(6);
    let target = uri(84);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut value = [0; 256];
                while Instant::now() < end {
                    let start = Instant::now();
                    let was_renewed = handle.poll(|| {
                        thread::sleep(Duration::from_millis(100));
                        let number = renewed.fetch_add(1, Ordering::Relaxed);
                        let expires = now() + 2;
                        format!(r#"{{"success":true,"apiToken":"token-{number}","apiTokenExpires":"{expires}"}}"#)
                    });
                    handle.headers_into(target.as_bytes(), NOW, &mut value);
                    requests.fetch_add(1, Ordering::Relaxed);
                    if !was_renewed {
                        longest.fetch_max(start.elapsed().as_micros() as u64, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    (renewed.into_inner(), requests.into_inner(), longest.into_inner() as f64 / 1e3)
}

// --- memory, loading

fn the_rest(library: &'static TcAuth, path: &str) -> String {
    let mut text = "\n## Loading, and memory\n\n".to_owned();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..40 {
        ours.push(loaded_by_another_process(path));
        theirs.push(loaded_by_another_process(LIBCRYPTO));
    }
    let [ours, theirs] = [ours, theirs].map(|rounds| Timings { name: String::new(), rounds });
    let _ = writeln!(
        text,
        "`dlopen` takes {:.0} µs at least, {:.0} in the median; libcrypto's {:.0} and {:.0}: **{:.2} times libcrypto's**.",
        ours.minimum() / 1e3,
        ours.median() / 1e3,
        theirs.minimum() / 1e3,
        theirs.median() / 1e3,
        ours.minimum() / theirs.minimum()
    );
    const HANDLES: usize = 10_000;
    let mut handles = Vec::with_capacity(HANDLES);
    // SAFETY: it takes no arguments.
    let used = || unsafe { libc::mallinfo2() }.uordblks;
    let before = used();
    handles.extend((0..HANDLES).map(|_| library.hmac()));
    let per_handle = (used() - before) / HANDLES;
    handles.into_iter().for_each(Handle::free);
    let _ = writeln!(text, "An HMAC handle takes **{per_handle} bytes** of heap, with what the allocator adds.");
    text
}

/// In nanoseconds; in a new process each time.
fn loaded_by_another_process(file: &str) -> f64 {
    let output =
        Command::new(env::current_exe().expect("this program")).args(["--load", file]).output().expect("it runs");
    String::from_utf8_lossy(&output.stdout).trim().parse().unwrap_or(f64::NAN)
}

fn load(file: &str) -> u128 {
    let start = Instant::now();
    // SAFETY: loading either library has no harmful side effect.
    let library = unsafe { libloading::Library::new(file) }.expect("the library");
    let taken = start.elapsed().as_nanos();
    std::mem::forget(library);
    taken
}

/// Each kind of CPU has its own results.
fn file_name() -> &'static str {
    if sha_instructions() { "with-sha-instructions" } else { "without-sha-instructions" }
}

/// The CPU and its relevant features.
fn machine() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        cpu.lines().find(|line| line.starts_with(name)).and_then(|line| line.split_once(": ")).map_or("", |pair| pair.1)
    };
    let with = |present: bool| if present { "with" } else { "**without**" };
    let (sha, hidden) = (with(sha_instructions()), if SHA_HIDDEN { " (hidden)" } else { "" });
    let avx2 = with(field("flags").split(' ').any(|flag| flag == "avx2"));
    format!("{}, {sha} SHA instructions{hidden}, {avx2} AVX2.", field("model name"))
}

// --- the chart

/// A dot for each candidate, from the fastest to the slowest, on a logarithmic scale, because they differ by an order
/// of magnitude.
fn draw(found: &[(String, f64)]) -> String {
    const ROW: f64 = 26.0;
    const LEFT: f64 = 330.0;
    const DECADE: f64 = 170.0;
    let mut found: Vec<_> = found.iter().collect();
    found.sort_by(|a, b| a.1.total_cmp(&b.1));
    let x = |nanos: f64| LEFT + (nanos / 100.0).log10() * DECADE;
    let bottom = 40.0 + ROW * found.len() as f64;
    let (width, height) = (x(300_000.0), bottom + 30.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" font-family=\"sans-serif\" \
        font-size=\"13\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
        <text x=\"10\" y=\"20\" font-weight=\"bold\">Time to sign a request of 84 bytes (minimum; logarithmic)</text>\n"
    );
    for (nanos, label) in [(1e2, "100 ns"), (1e3, "1 µs"), (1e4, "10 µs"), (1e5, "100 µs")] {
        let at = x(nanos);
        let _ = writeln!(svg, "<path d=\"M{at:.1} 34V{bottom:.1}\" stroke=\"#ccc\"/>");
        let _ = writeln!(svg, "<text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{label}</text>", bottom + 18.0);
    }
    for (row, (name, nanos)) in found.into_iter().enumerate() {
        let (at, y) = (x(*nanos), 54.0 + ROW * row as f64);
        let (plain, colour) =
            (name.replace(['*', '`'], ""), if name.contains("tc_auth") { "#c0392b" } else { "#34495e" });
        let _ = writeln!(svg, "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{plain}</text>", LEFT - 12.0, y + 4.0);
        let _ = writeln!(svg, "<path d=\"M{LEFT:.1} {y:.1}H{at:.1}\" stroke=\"{colour}\"/>");
        let _ = writeln!(svg, "<circle cx=\"{at:.1}\" cy=\"{y:.1}\" r=\"5\" fill=\"{colour}\"/>");
        let _ = writeln!(svg, "<text x=\"{:.1}\" y=\"{:.1}\">{nanos:.0} ns</text>", at + 10.0, y + 4.0);
    }
    svg + "</svg>\n"
}
