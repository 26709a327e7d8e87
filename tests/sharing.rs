//! Handles that share a token in a real directory. Two handles of one process exclude each other as two processes do.

#![cfg(unix)]

use std::ffi::CString;
use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use std::{env, process};

use tc_auth::{Auth, Error, Now, Ticket};

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
