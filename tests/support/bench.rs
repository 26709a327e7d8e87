//! The time to sign one request in Rust, beside the usual way: the crates `hmac` and `sha2`. Prints a Markdown table.

use std::hint::black_box;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tc_auth::Auth;

const ACCESS_ID: &str = "12345678901234567890";
const SECRET_KEY: &str = "tc_auth-example-secret";
const URI: &str = "/api/v3/indicators?tql=typeName%20in%20(%22Host%22)&resultLimit=100&resultStart=1000";

const ROUNDS: usize = 61;
const CALLS: u32 = 5_000;

/// Authorization and Timestamp.
type Signature = (String, String);

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs().cast_signed()
}

fn usual() -> Signature {
    let timestamp = now().to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(black_box(SECRET_KEY).as_bytes()).expect("any key will do");
    mac.update(format!("{URI}:GET:{timestamp}").as_bytes());
    (format!("TC {ACCESS_ID}:{}", Base64Display::new(&mac.finalize().into_bytes(), &STANDARD)), timestamp)
}

fn ours(auth: &Auth) -> Signature {
    let headers = auth.headers("GET", black_box(URI), now()).expect("headers");
    let mut values = headers.iter().map(|(_, value)| value.to_owned());
    (values.next().expect("Authorization"), values.next().expect("Timestamp"))
}

/// Nanoseconds per call.
fn time(auth: &Auth, sign: impl Fn() -> Signature) -> f64 {
    let start = Instant::now();
    for _ in 1..CALLS {
        black_box(sign());
    }
    let (authorization, timestamp) = sign();
    let taken = start.elapsed();
    let (authorization, timestamp) = (authorization.as_bytes(), timestamp.as_bytes());
    auth.verify("GET", URI, Some(authorization), Some(timestamp), now(), 300).expect("a right signature");
    taken.as_nanos() as f64 / f64::from(CALLS)
}

fn main() {
    let auth = Auth::new_hmac(ACCESS_ID, SECRET_KEY).expect("a key pair");
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        times[0].push(time(&auth, usual));
        times[1].push(time(&auth, || ours(&auth)));
    }
    times.iter_mut().for_each(|times| times.sort_by(f64::total_cmp));
    println!("| Rust, {} bytes | minimum | median | times as fast |\n| --- | --- | --- | --- |", URI.len());
    for (name, way) in ["`hmac` and `sha2`, new for each request", "`tc_auth::Auth`"].into_iter().zip(&times) {
        let (minimum, median) = (way[0], way[ROUNDS / 2]);
        println!("| {name} | {minimum:.0} ns | {median:.0} ns | {:.2} |", times[0][0] / minimum);
    }
}
