//! Sealed tokens: only an unchanged text opens, handles of a family agree in the end, and none goes back.
//!
//! Fields: the first token of the family; another token; its expiry; keys (empty: none); a text that may have been
//! sealed, and may be `grown`; a program. Each byte of the program is a step.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use tc_auth::{Auth, Error, Moment, Now, Unsealed};
use tc_auth_fuzz::{fields, grown, linear, number, planted};

const START: i64 = 1_700_000_000;
const FOREVER: i64 = 99_999_999_999;

/// Keys by the header, one per line; `None` if they are not valid.
fn keys(text: &[u8]) -> Option<Vec<&[u8]>> {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let lines: Vec<_> =
        text.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line)).collect();
    let good = |line: &&[u8]| !line.is_empty() && !line.iter().any(|byte| *byte < 0x20 || *byte == 0x7f);
    (lines.len() <= 4 && lines.iter().all(good)).then_some(lines)
}

/// What is wrong with a text that nobody sealed.
fn fault(text: &[u8]) -> Error {
    let version: Vec<_> = text.strip_prefix(b"TC").unwrap_or_default().splitn(2, |byte| *byte == b'.').collect();
    let known = match version[..] {
        [number, _] => {
            number.is_empty() || !number.iter().all(u8::is_ascii_digit) || number == b"1" || number[0] == b'0'
        }
        _ => true,
    };
    if known { Error::SealInvalid } else { Error::SealVersion }
}

/// A handle, as in one process of a family.
struct Process<'a> {
    auth: Auth,
    key: Option<&'a [u8]>,
}

/// What is compared to find the newer one.
type Newest = (u64, String, Option<i64>);

impl<'a> Process<'a> {
    fn new(first: &[u8], key: Option<&'a [u8]>, now: Now) -> Option<Process<'a>> {
        let auth = Auth::new_token(first, None, now).ok()?;
        auth.set_api_path("https://company.example/api").unwrap();
        Some(Process { auth, key })
    }

    fn seal(&self) -> String {
        self.auth.seal(self.key).unwrap()
    }

    fn newest(&self) -> Newest {
        let token = self.auth.token().unwrap();
        let generation = u64::from_str_radix(&self.seal()[4..20], 16).unwrap();
        (generation, token.value().to_owned(), token.expires())
    }

    /// Renews the token if it is due, or pretends to and is late.
    fn renew(&self, body: &str, now: Now) {
        if let Some(ticket) = self.auth.poll(Duration::ZERO, || now).unwrap_or_default() {
            assert!(ticket.needed());
            let (before, token) = (self.newest(), self.auth.token().unwrap().value().to_owned());
            let body = body.replace("SAME", &token);
            let result = ticket.complete(200, body.as_bytes(), now).0;
            let changed = self.newest() != before;
            assert_eq!(result.is_ok(), changed);
            let is_another = self.newest().1 != before.1;
            assert_eq!(self.newest().0 - before.0, u64::from(is_another));
        }
    }
}

/// Several processes of a family, which share what they seal.
fn run(first: &[u8], key: Option<&[u8]>, program: &[u8], start: Now) {
    let processes = [(); 3].map(|()| Process::new(first, key, start).unwrap());
    let mut stored: Vec<String> = Vec::new();
    for (step, pair) in program.chunks(2).take(60).enumerate() {
        let passed = 200 * step as u64; // longer than a ticket lives and any pause
        let now = Now { unix: start.unix + passed as i64, monotonic: start.monotonic + Duration::from_secs(passed) };
        let (process, what) = (&processes[usize::from(pair[0]) % 3], usize::from(pair[0]) / 3);
        let choice = usize::from(*pair.get(1).unwrap_or(&0));
        let before = process.newest();
        match what % 5 {
            0 => {
                let expires = [None, Some(1), Some(now.unix + 100), Some(FOREVER)][choice % 4];
                process.auth.update_token(["a", "b", "APIV2:c", "\u{7e}"][choice / 4 % 4], expires, now).unwrap();
            }
            1 => process.renew(
                [
                    r#"{"success":true,"apiToken":"c"}"#,
                    r#"{"success":true,"apiToken":"A","apiTokenExpires":99999999999}"#,
                    r#"{"success":true,"apiToken":"SAME","apiTokenExpires":99999999999}"#,
                    r#"{"success":false}"#,
                    "",
                ][choice % 5],
                now,
            ),
            2 => stored.push(process.seal()),
            _ if stored.is_empty() => {}
            _ => {
                let sealed = &stored[choice % stored.len()];
                let outcome = process.auth.unseal(sealed, key, now).unwrap();
                let (after, theirs) = (process.newest(), u64::from_str_radix(&sealed[4..20], 16).unwrap());
                match outcome {
                    // The planted fault: an older token is expected to count.
                    Unsealed::Adopted => assert_eq!(process.seal(), *sealed),
                    Unsealed::Older if planted("wrong") => assert_eq!(process.seal(), *sealed),
                    Unsealed::Older => assert!(after == before && theirs <= before.0),
                    Unsealed::Same => assert_eq!((process.seal(), after), (sealed.clone(), before.clone())),
                    other => panic!("{other:?}"),
                }
            }
        }
        let after = process.newest();
        // Only the application can set an earlier expiry.
        let is_same = what % 5 == 0 && (after.0, &after.1) == (before.0, &before.1);
        assert!(is_same || after >= before, "it goes back");
    }
    // Whoever has seen all texts has the newest one.
    let now = Now { unix: start.unix + 20_000, monotonic: start.monotonic + Duration::from_secs(20_000) };
    stored.extend(processes.each_ref().map(Process::seal));
    for process in &processes {
        for sealed in &stored {
            process.auth.unseal(sealed, key, now).unwrap();
        }
    }
    assert!(processes.iter().all(|process| process.seal() == processes[0].seal()));
}

fuzz_target!(|input: &[u8]| {
    let Some([first, token, expires, key, text, program]) = fields(input) else { return };
    let now = Now { unix: START, monotonic: Moment::now() };
    let key = (!key.is_empty()).then_some(key);
    let Some(one) = Process::new(first, key, now) else { return };
    let expires = Some(number(expires)).filter(|expires| *expires != 0);

    let text = grown(text);
    let unseal = |auth: &Auth, text: &[u8]| linear(text.len(), || auth.unseal(text, key, now));
    let Some(lines) = key.map_or(Some(Vec::new()), keys) else {
        assert_eq!(one.auth.seal(key), Err(Error::InvalidArgument));
        return assert_eq!(unseal(&one.auth, &text), Err(Error::InvalidArgument));
    };
    match unseal(&one.auth, &text) {
        // A text of the corpus: there is only one for this content.
        Ok(_) => assert!(lines.len() > 1 || one.seal().as_bytes() == &*text || one.newest().0 == 0),
        Err(error) => assert_eq!(error, fault(&text)),
    }

    let Some(one) = Process::new(first, key, now) else { return };
    if one.auth.update_token(token, expires, now).is_err() {
        return;
    }
    let too_long = token.len() > 65_528;
    let sealed = linear(token.len(), || one.auth.seal(key));
    assert_eq!(sealed.as_ref().err(), too_long.then_some(&Error::SealInvalid));
    let Ok(sealed) = sealed else { return };
    for line in lines.iter().copied().map(Some).chain([None]) {
        let opens = line == lines.first().copied();
        let other = Auth::new_token(first, None, now).unwrap();
        let outcome = other.unseal(&sealed, line, now);
        assert_eq!(outcome.is_ok(), opens);
        if opens {
            let found = other.token().unwrap();
            assert_eq!((found.value().as_bytes(), found.expires()), (token, expires));
            assert_eq!(other.seal(line).as_ref(), Ok(&sealed));
        }
    }

    // A byte is replaced, removed or added, or the rest is cut off.
    if let [place, more, kind, byte, ..] = *program {
        let mut changed = sealed.clone().into_bytes();
        let place = (usize::from(place) << 8 | usize::from(more)) % (changed.len() + 1);
        match kind % 4 {
            0 if place < changed.len() => changed[place] = byte,
            1 if place < changed.len() => _ = changed.remove(place),
            2 => changed.truncate(place),
            _ => changed.insert(place, byte),
        }
        if changed != sealed.as_bytes() {
            assert_eq!(unseal(&one.auth, &changed), Err(fault(&changed)));
        }
    }
    run(first, key, program, now);
});
