//! The sources of credentials, in the Rust API. `tests/c/test_cases.c` runs the same table through the C ABI.

mod support;

use std::path::{Path, PathBuf};
use std::{env, fs};

use serde_json::Value;
use support::{list, read, text};
use tc_auth::{Auth, Error, Now, Result};

/// The files of the cases; one is too large for the repository and is created.
fn file(name: &str) -> PathBuf {
    if name == "large" {
        let path = env::temp_dir().join(format!("tc_auth-large-{}", std::process::id()));
        fs::write(&path, vec![0; (1 << 20) + 1]).unwrap();
        return path;
    }
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/params").join(name)
}

#[test]
fn sources() {
    let mut secrets = 0;
    for case in list(&read("credentials.json")) {
        let name = text(case, "name");
        let (result, why) = make(case);
        let (status, describe) = match &result {
            Ok(auth) => ("OK".to_owned(), auth.describe()),
            Err(status) => (support::screaming_snake(&format!("{status:?}")), String::new()),
        };
        assert_eq!(status, text(case, "status"), "{name}: {why}");
        if let Some(expected) = case["describe"].as_str() {
            assert_eq!(describe, expected, "{name}");
        }
        if let Some(expected) = case["why"].as_str() {
            assert_eq!(why, expected, "{name}");
        }
        for secret in ["from-a-file", "k e y", "a b", "ajfmuyodhscwegea"] {
            assert!(!describe.contains(secret) && !why.contains(secret), "{name}");
            secrets += 1;
        }
    }
    assert!(secrets > 4 * 60);
    let _ = fs::remove_file(file("large"));
}

#[test]
fn a_parameter_file_has_at_most_a_mebibyte() {
    let path = env::temp_dir().join(format!("tc_auth-mebibyte-{}", std::process::id()));
    for (size, status) in [(1 << 20, Error::ConfigDecrypt), ((1 << 20) + 1, Error::ConfigIo)] {
        fs::write(&path, vec![0; size]).unwrap();
        assert_eq!(Auth::from_param_file(&path, "ajfmuyodhscwegea", Now::read()).err(), Some(status), "{size}");
    }
    fs::remove_file(path).unwrap();
}

fn make(case: &Value) -> (Result<Auth>, String) {
    let now = Now::read();
    let arguments: Vec<_> = case["args"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let arguments = arguments.iter().map(|argument| argument.as_bytes());
    let path = case["file"].as_str().map(file);
    let lookup = |name: &str| match name {
        "TC_APP_PARAM_FILE" => path.as_ref().map(|path| path.to_str().unwrap().as_bytes().to_vec()),
        "TC_APP_PARAM_KEY" => case["key"].as_str().map(|key| key.as_bytes().to_vec()),
        _ => case["env"][name].as_str().map(|value| value.as_bytes().to_vec()),
    };
    let auth = match text(case, "source") {
        "json" => {
            let json = support::argument(&case["json"]).unwrap();
            Auth::from_json([json.start, vec![json.fill; json.times]].concat(), now)
        }
        "args" => Auth::from_args(arguments, now),
        "env" => Auth::from_env(&lookup, now),
        "param_file" => Auth::from_param_file(path.clone().unwrap_or_default(), text(case, "key"), now),
        "discover" => return Auth::discover(arguments, &lookup, now),
        other => panic!("no such source: {other}"),
    };
    (auth, String::new())
}

#[test]
fn the_example_declares_names_that_are_read() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples-c/install.json");
    let install: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let names: Vec<_> = list(&install["params"]).iter().map(|param| text(param, "name")).collect();
    // As the platform does: an argument for each declared name.
    let arguments: Vec<_> = names.iter().map(|name| format!("--{name}=value-of-{name}")).collect();
    let auth = Auth::from_args(arguments.iter().map(|argument| argument.as_bytes()), Now::read()).unwrap();
    assert!(auth.describe().contains("access id value-of-api_access_id"));
    let secret = list(&install["params"]).iter().find(|param| text(param, "name") == "api_secret_key").unwrap();
    assert_eq!(secret["encrypt"], true);
    for word in ["${USER:KEYCHAIN}", "${ORGANIZATION:KEYCHAIN}"] {
        assert!(list(&secret["validValues"]).iter().any(|value| value == word));
    }
}
