//! `include/tc_auth.h` is what cbindgen generates from `src/ffi`.

use std::path::Path;
use std::{env, fs};

fn generate() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut config = cbindgen::Config::from_file(root.join("cbindgen.toml")).expect("cbindgen.toml");
    config.header = Some(fs::read_to_string(root.join("src/ffi/preamble.h")).expect("src/ffi/preamble.h"));
    config.after_includes = Some(format!(
        "\n/** The version of this header; tc_auth_version() is that of the library that is running. */\n\
         #define TC_AUTH_VERSION_MAJOR {}\n\
         /** Increases when something is added. */\n\
         #define TC_AUTH_VERSION_MINOR {}\n\
         /** Increases with each fix. */\n\
         #define TC_AUTH_VERSION_PATCH {}\n\
         /** All three as one number, also for the preprocessor: major << 16 | minor << 8 | patch. */\n\
         #define TC_AUTH_VERSION_NUMBER (TC_AUTH_VERSION_MAJOR << 16 | TC_AUTH_VERSION_MINOR << 8 | TC_AUTH_VERSION_PATCH)\n\
         /** All three, as tc_auth_version() writes them. */\n\
         #define TC_AUTH_VERSION_STRING \"{}\"\n\
         \n\
         {MUST_USE}",
        env!("CARGO_PKG_VERSION_MAJOR"),
        env!("CARGO_PKG_VERSION_MINOR"),
        env!("CARGO_PKG_VERSION_PATCH"),
        env!("CARGO_PKG_VERSION"),
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
    let header: String = header.lines().map(parenthesized).collect();
    // cbindgen puts it on a line of its own only if the function takes several.
    let header = header.replace("\nTC_AUTH_MUST_USE tc_auth_status ", "\nTC_AUTH_MUST_USE\ntc_auth_status ");
    grouped(&for_c89(&signed(&on_one_line(&header))))
}

/// C89 has no `//` comments and no comma after the last value of an enumeration; cbindgen has no option for them.
fn for_c89(header: &str) -> String {
    let mut header = header.replace(",\n}", "\n}");
    for text in ["__cplusplus", "extern \"C\""] {
        header = header.replace(&format!("// {text}\n"), &format!("/* {text} */\n"));
    }
    header
}

/// The attribute of functions whose result must be used.
const MUST_USE: &str = "\
/** Makes compilers warn if a result is ignored, unless you define it as nothing before you include this header. */
#ifndef TC_AUTH_MUST_USE
#if defined(__cplusplus) && __cplusplus >= 201703L || defined(_MSVC_LANG) && _MSVC_LANG >= 201703L
#define TC_AUTH_MUST_USE [[nodiscard]]
#elif defined(__GNUC__)
#define TC_AUTH_MUST_USE __attribute__((warn_unused_result))
#elif defined(_MSC_VER)
#define TC_AUTH_MUST_USE _Check_return_
#else
#define TC_AUTH_MUST_USE
#endif
#endif";

/// A number below 0 makes the type of an enumeration signed, like the `int32_t` that it is passed as. Otherwise clang's
/// -Wsign-conversion warns in every program.
fn signed(header: &str) -> String {
    let end = "\n} tc_auth_status;";
    assert!(header.contains(end));
    let number = "  /** No status: makes the type signed, so that it converts to int32_t without a warning. */\n  \
                  TC_AUTH_STATUS_SIGNED = -1,";
    header.replace(end, &format!("\n{number}{end}"))
}

/// Puts a comment of a single line on one line.
fn on_one_line(header: &str) -> String {
    let (mut lines, mut out): (Vec<_>, Vec<String>) = (header.lines().collect(), Vec::new());
    lines.reverse();
    while let Some(line) = lines.pop() {
        let text = match lines.as_slice() {
            [.., end, text] if line.trim() == "/**" && end.trim() == "*/" => text.trim().strip_prefix("* "),
            _ => None,
        };
        let short = text.map(|text| line.replace("/**", &format!("/** {text} */"))).filter(|line| line.len() <= 120);
        if short.is_some() {
            lines.truncate(lines.len() - 2);
        }
        out.push(short.unwrap_or_else(|| line.to_owned()));
    }
    out.join("\n") + "\n"
}

/// The first function of each group, its name for Doxygen, and its title.
const GROUPS: [(&str, &str, &str); 8] = [
    ("tc_auth_status tc_auth_new_hmac(", "handles", "Handles"),
    ("tc_auth_status tc_auth_headers(", "signing", "Signing and checking"),
    ("size_t tc_auth_header_list_len(", "header_lists", "Header lists"),
    ("tc_auth_status tc_auth_update_token(", "tokens", "Tokens, renewals and refusals"),
    ("tc_auth_status tc_auth_family(", "families", "One token, many processes"),
    ("tc_auth_status tc_auth_url_new(", "urls", "URLs"),
    ("tc_auth_status tc_auth_from_json(", "credentials", "Credentials"),
    ("void tc_auth_string_free(", "library", "Strings, statuses and version"),
];

fn grouped(header: &str) -> String {
    let mut header = header.to_owned();
    for (index, (function, name, title)) in GROUPS.iter().enumerate() {
        let at = header.find(&format!("\n{function}")).unwrap_or_else(|| panic!("{function} is not in the header"));
        let comment = header[..at].rfind("\n/**").expect("a comment");
        let end = if index == 0 { "" } else { "/** @} */\n\n" };
        header.insert_str(comment + 1, &format!("{end}/**\n * @defgroup {name} {title}\n * @{{\n */\n\n"));
    }
    let end = header.rfind("\n#ifdef __cplusplus").expect("the end");
    header.insert_str(end + 1, "/** @} */\n\n");
    header
}

#[test]
fn the_committed_header_is_the_generated_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("include/tc_auth.h");
    let generated = generate();
    if env::var_os("TC_AUTH_WRITE_HEADER").is_some() {
        fs::write(&path, &generated).expect("include/ must be writable");
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    // Without assert_eq, which would print two whole headers.
    assert!(
        committed == generated,
        "include/tc_auth.h is not what src/ffi says: run `make header` and commit the result"
    );
}

#[test]
fn a_status_must_be_used() {
    let header = generate();
    let lines: Vec<_> = header.lines().collect();
    let mut count = 0;
    for (line, before) in lines.iter().skip(1).zip(&lines) {
        let Some(name) = line.strip_prefix("tc_auth_status ").and_then(|rest| rest.split('(').next()) else { continue };
        // Signing says what it would say.
        let ignored = name == "tc_auth_renewal_complete";
        assert_eq!(*before == "TC_AUTH_MUST_USE", !ignored, "{name}: #[must_use] in src/ffi");
        count += 1;
    }
    assert!(count > 28, "only {count} functions that return a status");
}

#[test]
fn the_header_has_no_rust_terms() {
    for (number, line) in generate().lines().enumerate() {
        for word in ["Option<", "MaybeUninit", "# Safety", "Status::", "[`", "`Ok`", "Rust", "panic!"] {
            assert!(!line.contains(word), "line {}: {word:?} in {line:?}", number + 1);
        }
    }
}
