//! The parser of command-line arguments, which are separated by NUL. Parts of the text may be `grown`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tc_auth::{Auth, Kind, Now};
use tc_auth_fuzz::{grown, linear, planted};

fuzz_target!(|input: &[u8]| {
    let text = &*grown(input);
    let arguments: Vec<_> = text.split(|byte| *byte == 0).collect();
    let result = linear(text.len(), || Auth::from_args(arguments.iter().copied(), Now::read()));
    if let Ok(auth) = result
        && auth.kind() == Kind::Token
    {
        let token = auth.token().unwrap();
        let value = token.value().as_bytes();
        // The planted fault: a value is a separate argument, and `--tc_token=X` contains none.
        let holds = |argument: &&[u8]| if planted("wrong") { *argument == value } else { argument.ends_with(value) };
        assert!(arguments.iter().any(holds), "a token that was not passed");
    }
    let (discovered, why) = Auth::discover(arguments.iter().copied(), &|_| None, Now::read());
    assert_eq!(discovered.is_ok(), Auth::from_args(arguments.iter().copied(), Now::read()).is_ok());
    assert!(why.starts_with("arguments: ") && why.is_ascii());
});
