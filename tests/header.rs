//! `include/tc_auth.h` is what cbindgen makes of `src/ffi`.

use std::path::Path;
use std::{env, fs};

fn generate() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut config = cbindgen::Config::from_file(root.join("cbindgen.toml")).expect("cbindgen.toml");
    config.header = Some(fs::read_to_string(root.join("src/ffi/preamble.h")).expect("src/ffi/preamble.h"));
    config.after_includes = Some(format!(
        "\n/** The version of this header; tc_auth_version() is that of the library that is running. */\n\
         #define TC_AUTH_VERSION_MAJOR {}\n\
         /** Grows with each addition. */\n\
         #define TC_AUTH_VERSION_MINOR {}\n\
         /** Grows with each correction. */\n\
         #define TC_AUTH_VERSION_PATCH {}",
        env!("CARGO_PKG_VERSION_MAJOR"),
        env!("CARGO_PKG_VERSION_MINOR"),
        env!("CARGO_PKG_VERSION_PATCH"),
    ));
    let bindings = cbindgen::generate_with_config(root, config).expect("src/ffi must be readable for cbindgen");
    let mut header = Vec::new();
    bindings.write(&mut header);
    let header = String::from_utf8(header).expect("a header in UTF-8");
    // A macro that is a negative number belongs in parentheses.
    let parenthesized = |line: &str| match line.rsplit_once(" -") {
        Some((define, number)) if define.starts_with("#define ") => format!("{define} (-{number})\n"),
        _ => format!("{line}\n"),
    };
    header.lines().map(parenthesized).collect()
}

#[test]
fn the_committed_header_is_the_generated_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("include/tc_auth.h");
    let generated = generate();
    if env::var_os("TC_AUTH_WRITE_HEADER").is_some() {
        fs::write(&path, &generated).expect("include/ must be writable");
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    // No assert_eq: nobody reads two whole headers in a message.
    assert!(
        committed == generated,
        "include/tc_auth.h is not what src/ffi says: run `make header` and commit the result"
    );
}

#[test]
fn the_header_speaks_c() {
    for (number, line) in generate().lines().enumerate() {
        for word in ["Option<", "MaybeUninit", "# Safety", "Status::", "[`", "`Ok`", "Rust", "panic!"] {
            assert!(!line.contains(word), "line {}: {word:?} in {line:?}", number + 1);
        }
    }
}
