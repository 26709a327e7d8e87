//! Handles that share a token in a real directory. Two handles of one process exclude each other as two processes do.

#![cfg(unix)]

use std::fs::{self, File, Permissions};

use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use std::{env, process};

use tc_auth::{Auth, Error, Now, Ticket, Unsealed};

const FIRST: &str = "API:5:first=";
const KEY: &[u8] = b"0123456789abcdef0123456789abcdef";

/// Set for a child process that runs one test under other conditions.
const CHILD: &str = "TC_AUTH_TEST_SHARING";

/// A directory for one test, deleted at its end.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Scratch {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("tc_auth-sharing-{}-{count}", process::id()));
        fs::create_dir(&path).unwrap();
        set_mode(&path, 0o700);
        Scratch(path)
    }

    fn file(&self, kind: &str) -> PathBuf {
        self.0.join(format!("{}.{kind}", handle(FIRST).family().unwrap()))
    }

    /// A handle with a token that is due, as another process has it.
    fn member(&self) -> Auth {
        let auth = handle(FIRST);
        auth.share_in(&self.0, Some(KEY), Now::read()).unwrap();
        auth
    }

    fn refuses(&self) -> bool {
        let auth = handle(FIRST);
        let result = auth.share_in(&self.0, Some(KEY), Now::read());
        // Then the handle is as it was.
        assert!(result.is_ok() || poll(&auth).unwrap().is_some());
        result == Err(Error::StoreIo)
    }

    fn token_file(&self) -> Vec<u8> {
        fs::read(self.file("token")).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn handle(token: &str) -> Auth {
    let now = Now::read();
    let auth = Auth::new_token(token, Some(now.unix), now).unwrap();
    auth.set_api_path("https://company.example/api").unwrap();
    auth
}

fn poll(auth: &Auth) -> tc_auth::Result<Option<Ticket>> {
    auth.poll(Duration::ZERO, Now::read)
}

fn response(token: &str) -> String {
    format!(r#"{{"success":true,"apiToken":"{token}"}}"#)
}

fn complete(ticket: Ticket, token: &str) -> tc_auth::Result<()> {
    ticket.complete(200, response(token).as_bytes(), Now::read()).0
}

fn token(auth: &Auth) -> String {
    auth.token().unwrap().value().to_owned()
}

/// The newest token, as a process gets it that starts now.
fn stored(scratch: &Scratch) -> String {
    token(&scratch.member())
}

/// In three rounds, without a renewal in between: after each of them the file can be read with the round's keys alone.
#[test]
fn a_key_is_changed_without_a_renewal() {
    let scratch = Scratch::new();
    let share = |key: &str| handle(FIRST).share_in(&scratch.0, Some(key.as_bytes()), Now::read());
    assert_eq!(share("old"), Ok(()));
    assert_eq!(share("new"), Err(Error::SealInvalid));
    let sealed_with_old = scratch.token_file();
    assert_eq!(share("old\nnew"), Ok(()));
    assert_eq!(scratch.token_file(), sealed_with_old);
    assert_eq!(share("new\nold"), Ok(()));
    assert_ne!(scratch.token_file(), sealed_with_old);
    assert_eq!(share("new"), Ok(()));
    assert_eq!(share("old"), Err(Error::SealInvalid));
}

#[test]
fn one_renews_and_the_others_adopt() {
    let scratch = Scratch::new();
    let [a, b] = [scratch.member(), scratch.member()];
    let ticket = poll(&a).unwrap().unwrap();
    assert_eq!(poll(&b).err(), Some(Error::RenewalTimeout));
    assert_eq!(stored(&scratch), FIRST);
    complete(ticket, "second").unwrap();
    assert_eq!(stored(&scratch), "second");
    assert_eq!(token(&b), FIRST);
    assert!(poll(&b).unwrap().is_none());
    assert_eq!(token(&b), "second");

    b.update_token("third", None, Now::read()).unwrap();
    assert!(poll(&a).unwrap().is_none());
    assert_eq!((token(&a), stored(&scratch)), ("third".to_owned(), "third".to_owned()));
    assert_eq!(a.share_in(&scratch.0, None, Now::read()), Err(Error::AlreadySet));
    assert_eq!(a.share_in("/missing", None, Now::read()), Err(Error::AlreadySet));
}

/// Somebody was stopped while it wrote. The token is valid, so nobody may wait for it.
#[test]
fn a_stopped_writer_keeps_nobody_waiting() {
    let scratch = Scratch::new();
    let auth = Auth::new_token(FIRST, Some(Now::read().unix + 100), Now::read()).unwrap();
    auth.set_api_path("https://company.example/api").unwrap();
    auth.share_in(&scratch.0, Some(KEY), Now::read()).unwrap();
    let writer = File::options().write(true).open(scratch.file("write-lock")).unwrap();
    writer.lock().unwrap();
    let at = |seconds: u64| {
        let mut now = after(Duration::from_secs(seconds));
        now.unix += seconds as i64;
        now
    };
    let is_due = || at(60);
    let start = Instant::now();
    assert!(auth.poll(Duration::from_secs(60), is_due).unwrap().is_none());
    assert!(start.elapsed() < Duration::from_secs(3));
    for _ in 0..100 {
        assert!(auth.poll(Duration::ZERO, is_due).unwrap().is_none());
    }
    // With an expired token there is nothing to go ahead with.
    assert_eq!(auth.poll(Duration::ZERO, || at(101)).err(), Some(Error::RenewalTimeout));
    writer.unlock().unwrap();
    assert!(auth.poll(Duration::ZERO, || at(65)).unwrap().is_some());
}

#[test]
fn a_token_that_could_not_be_saved_is_saved_when_the_handle_is_freed() {
    let scratch = Scratch::new();
    let auth = scratch.member();
    let ticket = poll(&auth).unwrap().unwrap();
    set_mode(&scratch.file("token"), 0o644);
    assert_eq!(complete(ticket, "second"), Err(Error::StoreIo));
    set_mode(&scratch.file("token"), 0o600);
    drop(auth);
    assert_eq!(stored(&scratch), "second");
}

/// It came from a store of the user's own.
#[test]
fn an_unsealed_token_is_saved() {
    let scratch = Scratch::new();
    let [auth, elsewhere] = [scratch.member(), handle(FIRST)];
    elsewhere.update_token("second", None, Now::read()).unwrap();
    let sealed = elsewhere.seal(None).unwrap();
    assert_eq!(auth.unseal(sealed, None, Now::read()), Ok(Unsealed::Adopted));
    assert!(poll(&auth).unwrap().is_none());
    assert_eq!(stored(&scratch), "second");
}

#[test]
fn the_token_of_a_ticket_from_before_is_saved() {
    let scratch = Scratch::new();
    let auth = handle(FIRST);
    let ticket = poll(&auth).unwrap().unwrap();
    auth.share_in(&scratch.0, Some(KEY), Now::read()).unwrap();
    complete(ticket, "second").unwrap();
    assert_eq!(stored(&scratch), "second");
}

#[test]
fn a_process_that_restarts_gets_the_newest_token() {
    let scratch = Scratch::new();
    let first = scratch.member();
    complete(poll(&first).unwrap().unwrap(), "second").unwrap();
    drop(first);
    let restarted = scratch.member();
    assert_eq!(token(&restarted), "second");
    // The file has exactly one line of seal, and no end of line.
    assert_eq!(restarted.seal(Some(KEY)).unwrap().as_bytes(), scratch.token_file());
    // Another family in the same directory.
    let other = handle("API:5:other=");
    other.share_in(&scratch.0, None, Now::read()).unwrap();
    assert!(poll(&other).unwrap().is_some());
    assert_eq!(token(&other), "API:5:other=");
}

#[test]
fn a_ticket_that_is_dropped_is_free_for_others() {
    let scratch = Scratch::new();
    let [a, b] = [scratch.member(), scratch.member()];
    drop(poll(&a).unwrap().unwrap());
    // The pause after a failure is the family's.
    assert!(poll(&b).unwrap().is_none());
    let later = || after(Duration::from_secs(100));
    let ticket = b.poll(Duration::ZERO, later).unwrap();
    assert!(ticket.is_some());
    // A handle that is freed while its ticket is out still saves what arrives.
    drop(b);
    complete(ticket.unwrap(), "second").unwrap();
    assert_eq!(stored(&scratch), "second");
}

fn after(time: Duration) -> Now {
    let mut now = Now::read();
    now.monotonic += time;
    now
}

/// After 120 s the next caller puts another file in the place of the lock.
#[test]
fn a_stopped_holder_loses_the_lock_and_undoes_nothing() {
    let scratch = Scratch::new();
    let [stopped, next] = [scratch.member(), scratch.member()];
    let late = poll(&stopped).unwrap().unwrap();
    let lock = fs::metadata(scratch.file("renewal-lock")).unwrap().ino();
    let before = || after(Duration::from_secs(110));
    assert_eq!(next.poll(Duration::ZERO, before).err(), Some(Error::RenewalTimeout));
    assert_eq!(fs::metadata(scratch.file("renewal-lock")).unwrap().ino(), lock);
    let lapsed = || after(Duration::from_secs(121));
    let ticket = next.poll(Duration::ZERO, lapsed).unwrap().unwrap();
    assert_ne!(fs::metadata(scratch.file("renewal-lock")).unwrap().ino(), lock);
    ticket.complete(200, response("second").as_bytes(), lapsed()).0.unwrap();
    complete(late, "late").unwrap();
    assert_eq!((token(&stopped), stored(&scratch)), ("second".to_owned(), "second".to_owned()));
}

// --- what share_in refuses

const KINDS: [&str; 4] = ["token", "renewal-lock", "write-lock", "record"];

/// Puts something in the place of a file.
type Plant = Box<dyn Fn(&Path)>;

fn make(mode: u32) -> impl Fn(&Path) {
    move |path| {
        drop(File::create(path).unwrap());
        set_mode(path, mode);
    }
}

fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").args(["-m", "600"]).arg(path).status().unwrap().success());
}

#[test]
fn files_that_are_not_ours_alone_are_refused() {
    let hard_link = |path: &Path| {
        let other = path.with_extension("other");
        make(0o600)(&other);
        fs::hard_link(other, path).unwrap();
    };
    let faults: [(&str, Plant); 9] = [
        ("link", Box::new(|path| symlink(path.with_extension("other"), path).unwrap())),
        ("link to a file", Box::new(|path| symlink("/etc/passwd", path).unwrap())),
        ("pipe", Box::new(pipe)),
        ("directory", Box::new(|path| fs::create_dir(path).unwrap())),
        ("0644", Box::new(make(0o644))),
        ("0640", Box::new(make(0o640))),
        ("0602", Box::new(make(0o602))),
        ("0620", Box::new(make(0o620))),
        ("two links", Box::new(hard_link)),
    ];
    for kind in KINDS {
        for (fault, plant) in &faults {
            let scratch = Scratch::new();
            plant(&scratch.file(kind));
            assert!(scratch.refuses(), "{kind}: {fault}");
            // Later it must not be followed, either.
            let scratch = Scratch::new();
            let member = scratch.member();
            fs::remove_file(scratch.file(kind)).unwrap();
            plant(&scratch.file(kind));
            let saved = member.update_token("second", None, Now::read());
            let expected = if kind == "write-lock" || kind == "token" { Err(Error::StoreIo) } else { Ok(()) };
            assert_eq!(saved, expected, "{kind}: {fault}");
            assert_eq!(token(&member), "second");
        }
        // What is planted is the reason: a file of our own is none.
        let scratch = Scratch::new();
        if kind != "token" {
            make(0o600)(&scratch.file(kind));
        }
        assert!(!scratch.refuses(), "{kind}");
    }
}

fn is_root() -> bool {
    let path = env::temp_dir().join(format!("tc_auth-owner-{}", process::id()));
    drop(File::create(&path).unwrap());
    let owner = fs::metadata(&path).unwrap().uid();
    fs::remove_file(path).unwrap();
    owner == 0
}

#[test]
fn another_owner_is_refused() {
    if !is_root() {
        return; // nobody else can give a file away
    }
    let foreign = |path: &Path| std::os::unix::fs::chown(path, Some(65534), None).unwrap();
    for kind in KINDS {
        let scratch = Scratch::new();
        drop(scratch.member());
        foreign(&scratch.file(kind));
        assert!(scratch.refuses(), "{kind}");
    }
    let scratch = Scratch::new();
    foreign(&scratch.0);
    assert!(scratch.refuses());
}

#[test]
fn unsafe_directories_are_refused() {
    for (mode, is_refused) in [
        (0o700, false),
        (0o755, false),
        (0o1777, true),
        (0o1770, true),
        (0o777, true),
        (0o770, true),
        (0o702, true),
        (0o720, true),
    ] {
        let scratch = Scratch::new();
        set_mode(&scratch.0, mode);
        assert_eq!(scratch.refuses(), is_refused, "{mode:o}");
    }
    let scratch = Scratch::new();
    let inside = |name: &str| Scratch(scratch.0.join(name));
    assert!(inside("missing").refuses());
    assert!(Scratch(PathBuf::new()).refuses());
    make(0o600)(&scratch.0.join("file"));
    assert!(inside("file").refuses());
    fs::create_dir(scratch.0.join("real")).unwrap();
    symlink(scratch.0.join("real"), scratch.0.join("link")).unwrap();
    assert!(!inside("link").refuses(), "a link to a directory is what it names");
    #[cfg(target_os = "linux")]
    for unknown in ["/proc/self", "/sys"] {
        assert!(Scratch(PathBuf::from(unknown)).refuses());
    }
}

// --- what is in the files

#[test]
fn a_file_that_can_not_be_unsealed() {
    let valid = {
        let scratch = Scratch::new();
        drop(scratch.member());
        scratch.token_file()
    };
    let long = [b"TC2.".as_slice(), &[b'A'; 1 << 20]].concat();
    for (text, error) in [
        (&b""[..], Error::SealInvalid),
        (b"garbage", Error::SealInvalid),
        (&valid[..valid.len() - 1], Error::SealInvalid),
        (&[&valid[..], b"\n"].concat(), Error::SealInvalid),
        (b"TC2.later", Error::SealVersion),
        (&long, Error::SealVersion),
    ] {
        let scratch = Scratch::new();
        fs::write(scratch.file("token"), text).unwrap();
        set_mode(&scratch.file("token"), 0o600);
        let auth = handle(FIRST);
        assert_eq!(auth.share_in(&scratch.0, Some(KEY), Now::read()), Err(error));
        assert_eq!(scratch.token_file(), text);
        assert!(poll(&auth).unwrap().is_some(), "it is not shared");

        // Later, whoever has a token writes it there, unless a newer library wrote the file.
        fs::remove_file(scratch.file("token")).unwrap();
        let member = scratch.member();
        fs::write(scratch.file("token"), text).unwrap();
        let _ = poll(&member);
        let is_replaced = scratch.token_file() != text;
        assert_eq!(is_replaced, error == Error::SealInvalid);
        let result = member.update_token("second", None, Now::read());
        assert_eq!(result, if is_replaced { Ok(()) } else { Err(Error::StoreIo) });
        assert_eq!(scratch.token_file() != text, is_replaced);
    }
}

#[test]
fn a_wrong_key_shows_at_the_start() {
    let scratch = Scratch::new();
    drop(scratch.member());
    for key in [None, Some(&b"another"[..])] {
        assert_eq!(handle(FIRST).share_in(&scratch.0, key, Now::read()), Err(Error::SealInvalid));
    }
    assert_eq!(handle(FIRST).share_in(&scratch.0, Some(b"a\n\nb"), Now::read()), Err(Error::InvalidArgument));
    let both = [b"another\n", KEY].concat();
    handle(FIRST).share_in(&scratch.0, Some(&both), Now::read()).unwrap();
    let hmac = Auth::new_hmac("1", "secret").unwrap();
    assert_eq!(hmac.share_in(&scratch.0, None, Now::read()), Err(Error::WrongKind));
}

/// It would take minutes and gigabytes to read this file.
#[test]
fn a_huge_file_is_not_read() {
    let scratch = Scratch::new();
    let file = File::options().create_new(true).write(true).mode(0o600).open(scratch.file("token")).unwrap();
    file.set_len(1 << 40).unwrap();
    let started = Instant::now();
    assert_eq!(handle(FIRST).share_in(&scratch.0, Some(KEY), Now::read()), Err(Error::SealInvalid));
    assert!(started.elapsed() < Duration::from_secs(5));
}

/// Of the file that a killed process has left, nothing is used, whatever it is.
#[test]
fn what_a_killed_process_has_left() {
    let target = Scratch::new();
    fs::write(target.0.join("target"), "untouched").unwrap();
    let to_target = |path: &Path| symlink(target.0.join("target"), path).unwrap();
    let leftovers: [&dyn Fn(&Path); 5] = [&make(0o600), &make(0o666), &make(0), &to_target, &pipe];
    for leave in leftovers {
        let scratch = Scratch::new();
        leave(&scratch.file("token.new"));
        leave(&scratch.file("renewal-lock.new"));
        let [a, b] = [scratch.member(), scratch.member()];
        let _stopped = poll(&a).unwrap().unwrap();
        let lapsed = || after(Duration::from_secs(121));
        let ticket = b.poll(Duration::ZERO, lapsed).unwrap().unwrap();
        ticket.complete(200, response("second").as_bytes(), lapsed()).0.unwrap();
        assert_eq!(stored(&scratch), "second");
        assert_eq!(names(&scratch), ["record", "renewal-lock", "token", "write-lock"]);
    }
    assert_eq!(fs::read(target.0.join("target")).unwrap(), b"untouched");
}

fn names(scratch: &Scratch) -> Vec<String> {
    let family = format!("{}.", handle(FIRST).family().unwrap());
    let names = fs::read_dir(&scratch.0).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.map(|name| name.strip_prefix(&family).unwrap().to_owned()).collect();
    names.sort();
    names
}

/// Each write is another version, however fast one follows the other.
#[test]
fn no_change_is_missed() {
    let scratch = Scratch::new();
    let [writer, reader] = [scratch.member(), scratch.member()];
    for count in 0..300 {
        writer.update_token(format!("{count:03}"), None, Now::read()).unwrap();
        assert!(poll(&reader).unwrap().is_none());
        assert_eq!(token(&reader), token(&writer));
    }
}

#[test]
fn deleted_files_come_back() {
    let scratch = Scratch::new();
    let [a, b] = [scratch.member(), scratch.member()];
    for name in names(&scratch) {
        fs::remove_file(scratch.file(&name)).unwrap();
    }
    let ticket = poll(&a).unwrap().unwrap();
    assert_eq!(poll(&b).err(), Some(Error::RenewalTimeout));
    complete(ticket, "second").unwrap();
    assert!(poll(&b).unwrap().is_none());
    assert_eq!(token(&b), "second");
    assert_eq!(names(&scratch), ["record", "renewal-lock", "token", "write-lock"]);
}

/// Such as by a tool that cleans up.
#[test]
fn a_directory_that_was_deleted_and_made_again() {
    let scratch = Scratch::new();
    let [a, b] = [scratch.member(), scratch.member()];
    complete(poll(&a).unwrap().unwrap(), "second").unwrap();
    fs::remove_dir_all(&scratch.0).unwrap();
    assert!(poll(&a).unwrap().is_none());
    fs::create_dir(&scratch.0).unwrap();
    set_mode(&scratch.0, 0o700);
    let later = || after(Duration::from_secs(2));
    assert!(a.poll(Duration::ZERO, later).unwrap().is_none());
    assert_eq!(stored(&scratch), "second");
    assert!(poll(&b).unwrap().is_none());
    assert_eq!(token(&b), "second");
    b.update_token("third", None, Now::read()).unwrap();
    assert!(poll(&a).unwrap().is_none());
    assert_eq!(token(&a), "third");

    // Not if it is unsafe now.
    fs::remove_dir_all(&scratch.0).unwrap();
    fs::create_dir(&scratch.0).unwrap();
    set_mode(&scratch.0, 0o777);
    assert_eq!(a.update_token("fourth", None, Now::read()), Err(Error::StoreIo));
}

// --- in a process of its own

/// Runs the test of that name in a child process: `script` is shell code that ends with running "$@".
fn in_a_child(test: &str, script: &str) {
    let mut shell = Command::new("sh");
    let shell = shell.args(["-c", script, "sh"]).arg(env::current_exe().unwrap());
    let output = shell.args(["--exact", test, "--nocapture"]).env(CHILD, "1").output().unwrap();
    let [out, err] = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(output.status.success() && out.contains("1 passed"), "{script}: {out}{err}");
}

fn is_child() -> bool {
    env::var_os(CHILD).is_some()
}

#[test]
fn the_umask_does_not_matter() {
    if !is_child() {
        for umask in ["000", "077", "777"] {
            in_a_child("the_umask_does_not_matter", &format!("umask {umask}; exec \"$@\""));
        }
        return;
    }
    let scratch = Scratch::new();
    let [a, b] = [scratch.member(), scratch.member()];
    let _stopped = poll(&a).unwrap().unwrap();
    let lapsed = || after(Duration::from_secs(121));
    let ticket = b.poll(Duration::ZERO, lapsed).unwrap().unwrap();
    ticket.complete(200, response("second").as_bytes(), lapsed()).0.unwrap();
    for name in names(&scratch) {
        assert_eq!(fs::metadata(scratch.file(&name)).unwrap().mode() & 0o7777, 0o600, "{name}");
    }
}

/// A token whose text is longer than the largest file that this process may write: to it, the disk is full.
#[test]
fn a_full_disk() {
    if !is_child() {
        // In units of 512 or 1024 bytes. The signal would end the process.
        return in_a_child("a_full_disk", "trap '' XFSZ; ulimit -f 1; exec \"$@\"");
    }
    let scratch = Scratch::new();
    let [a, b] = [scratch.member(), scratch.member()];
    let before = scratch.token_file();
    let long = "x".repeat(2000);
    assert_eq!(a.update_token(&long, None, Now::read()), Err(Error::StoreIo));
    assert_eq!(token(&a), long);
    assert_eq!(scratch.token_file(), before);
    assert_eq!(names(&scratch), ["record", "renewal-lock", "token", "write-lock"], "no half file is left");

    // The record needs no room, so others can still renew.
    let ticket = poll(&b).unwrap().unwrap();
    assert_eq!(complete(ticket, &long), Err(Error::StoreIo));
    assert_eq!(token(&b), long);
    let third = scratch.member();
    assert_eq!(poll(&third).err(), Some(Error::RenewalTimeout), "nobody else may renew before that token is saved");

    // Later polls try again, and give up nothing.
    let later = || after(Duration::from_secs(2));
    assert!(b.poll(Duration::ZERO, later).unwrap().is_none());
    assert_eq!(poll(&third).err(), Some(Error::RenewalTimeout));
    b.update_token("short", None, after(Duration::from_secs(4))).unwrap();
    assert_eq!(stored(&scratch), "short");
    assert!(poll(&third).unwrap().is_none());
}

/// The same on a file system without any room left.
#[test]
#[cfg(target_os = "linux")]
fn a_full_file_system() {
    if !is_child() {
        // It needs a mount, which nobody else sees.
        if Command::new("unshare").args(["-m", "true"]).status().is_ok_and(|status| status.success()) {
            in_a_child("a_full_file_system", "exec unshare -m \"$@\"");
        }
        return;
    }
    let scratch = Scratch::new();
    let mut mount = Command::new("mount");
    assert!(mount.args(["-t", "tmpfs", "-o", "size=64k,mode=700", "none"]).arg(&scratch.0).status().unwrap().success());
    let [a, b] = [scratch.member(), scratch.member()];
    let before = scratch.token_file();
    let filler = scratch.0.join("filler");
    let mut file = File::create(&filler).unwrap();
    while file.write_all(&[b'x'; 512]).is_ok() {}
    let now = Now::read();
    assert_eq!(a.update_token("second", Some(now.unix), now), Err(Error::StoreIo));
    assert_eq!((token(&a).as_str(), scratch.token_file()), ("second", before));
    // Another one can still take the ticket, because its record needs no room.
    let ticket = poll(&b).unwrap().unwrap();
    assert_eq!(complete(ticket, "third"), Err(Error::StoreIo));
    let other = scratch.member();
    assert_eq!(poll(&other).err(), Some(Error::RenewalTimeout));
    // With room, each saves its own: what the application has set replaces what was renewed.
    fs::remove_file(&filler).unwrap();
    drop(file);
    let later = || after(Duration::from_secs(2));
    assert!(b.poll(Duration::ZERO, later).unwrap().is_none());
    assert_eq!(stored(&scratch), "third");
    let _ = a.poll(Duration::ZERO, later);
    assert_eq!(stored(&scratch), "second");
    assert_eq!(names(&scratch), ["record", "renewal-lock", "token", "write-lock"]);
    drop((a, b, other));
    assert!(Command::new("umount").arg(&scratch.0).status().unwrap().success());
}
