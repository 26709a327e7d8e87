//! Writes `tests/vectors/*.json` as C tables, for `tests/c/test_cases.c`.

#[path = "../support/mod.rs"]
mod support;

use std::fmt::Write;

use serde_json::Value;
use support::{argument, list, read, text};

fn main() {
    let mut table = String::from("/* Generated from tests/vectors by tests/c/cases.rs. */\n");
    vectors(&mut table);
    cases(&mut table);
    reviews(&mut table);
    sources(&mut table);
    sealed(&mut table);
    print!("{table}");
}

fn vectors(table: &mut String) {
    writeln!(table, "static const struct vector vectors[] = {{").unwrap();
    for vector in list(&read("hmac.json")).iter().filter(|vector| vector["core_only"] != true) {
        write!(table, "  {{").unwrap();
        for member in ["name", "access_id", "secret_key", "method", "uri", "string_to_sign", "authorization"] {
            write!(table, "{}, ", literal(text(vector, member).as_bytes())).unwrap();
        }
        writeln!(table, "{}}},", vector["timestamp"]).unwrap();
    }
    writeln!(table, "}};").unwrap();
}

fn cases(table: &mut String) {
    let file = read("calls.json");
    writeln!(table, "static const struct fixture fixtures[] = {{").unwrap();
    for (name, fixture) in file["handles"].as_object().expect("handles") {
        write!(table, "  {{{}, ", literal(name.as_bytes())).unwrap();
        for member in ["access_id", "secret_key", "token", "api_path"] {
            write!(table, "{}, ", optional(&fixture[member])).unwrap();
        }
        writeln!(table, "{}}},", number(&fixture["expires"])).unwrap();
    }
    writeln!(table, "}};\nstatic const struct test_case cases[] = {{").unwrap();
    for case in list(&file["cases"]) {
        let (name, call) = (literal(text(case, "name").as_bytes()), text(case, "call"));
        write!(table, "  {{{name}, CALL_{call}, {}, {{", optional(&case["on"])).unwrap();
        let arguments = case["args"].as_array().expect("args");
        for argument in arguments {
            write!(table, "{}, ", initializer(argument)).unwrap();
        }
        if arguments.is_empty() {
            write!(table, "{{NULL, 0, 0, 0, 0}}").unwrap(); // C99 has no empty initializer
        }
        writeln!(table, "}}, TC_AUTH_STATUS_{}, {}}},", text(case, "status"), optional(&case["result"])).unwrap();
    }
    writeln!(table, "}};").unwrap();
}

fn reviews(table: &mut String) {
    writeln!(table, "static const struct review reviews[] = {{").unwrap();
    for case in list(&read("review.json")) {
        let (name, status) = (literal(text(case, "name").as_bytes()), &case["http_status"]);
        let [hmac, token] = ["hmac", "token"].map(|kind| format!("TC_AUTH_ADVICE_{}", text(case, kind)));
        writeln!(table, "  {{{name}, {status}, {}, {hmac}, {token}}},", initializer(&case["body"])).unwrap();
    }
    writeln!(table, "}};").unwrap();
}

fn sources(table: &mut String) {
    writeln!(table, "static const struct source sources[] = {{").unwrap();
    for case in list(&read("credentials.json")) {
        let name = literal(text(case, "name").as_bytes());
        let arguments: Vec<_> = case["args"].as_array().into_iter().flatten().map(optional).collect();
        let env: Vec<_> = case["env"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| literal(format!("{name}={}", value.as_str().expect("a string")).as_bytes()))
            .collect();
        write!(table, "  {{{name}, FROM_{}, {}, ", text(case, "source"), initializer(&case["json"])).unwrap();
        write!(table, "{}, {{{}}}, ", arguments.len(), or_null(&arguments)).unwrap();
        write!(table, "{{{}}}, {}, {}, ", or_null(&env), optional(&case["file"]), optional(&case["key"])).unwrap();
        let (describe, why) = (optional(&case["describe"]), optional(&case["why"]));
        writeln!(table, "TC_AUTH_STATUS_{}, {describe}, {why}}},", text(case, "status")).unwrap();
    }
    writeln!(table, "}};").unwrap();
}

fn sealed(table: &mut String) {
    let file = read("sealed.json");
    writeln!(table, "static const struct sealed sealed[] = {{").unwrap();
    for case in list(&file["sealed"]) {
        let [name, family, line] = ["name", "family", "line"].map(|member| literal(text(case, member).as_bytes()));
        let [first, key, token] = ["first", "key", "token"].map(|member| initializer(&case[member]));
        let (generation, expires) = (number(&case["generation"]), number(&case["expires"]));
        writeln!(table, "  {{{name}, {first}, {family}, {key}, {generation}, {token}, {expires}, {line}}},").unwrap();
    }
    writeln!(table, "}};\nstatic const struct refused refused[] = {{").unwrap();
    for case in list(&file["refused"]) {
        let name = literal(text(case, "name").as_bytes());
        let [first, key, line] = ["first", "key", "line"].map(|member| initializer(&case[member]));
        writeln!(table, "  {{{name}, {first}, {key}, {line}, TC_AUTH_STATUS_{}}},", text(case, "status")).unwrap();
    }
    writeln!(table, "}};").unwrap();
}

/// C99 has no empty initializer.
fn or_null(items: &[String]) -> String {
    if items.is_empty() { "NULL".to_owned() } else { items.join(", ") }
}

/// One `struct argument`: text, length, fill, times, number.
fn initializer(value: &Value) -> String {
    if value.is_i64() {
        return format!("{{NULL, 0, 0, 0, {}}}", number(value));
    }
    match argument(value) {
        None => "{NULL, 0, 0, 0, 0}".to_owned(),
        Some(text) => format!("{{{}, {}, {}, {}, 0}}", literal(&text.start), text.start.len(), text.fill, text.times),
    }
}

fn number(value: &Value) -> String {
    match value.as_i64() {
        Some(i64::MIN) => "INT64_MIN".to_owned(), // C has no literal for it
        Some(number) => format!("INT64_C({number})"),
        None => "0".to_owned(),
    }
}

fn optional(value: &Value) -> String {
    value.as_str().map_or("NULL".to_owned(), |text| literal(text.as_bytes()))
}

/// A C string literal. With octal escapes of three digits; hexadecimal ones would include digits that follow.
fn literal(bytes: &[u8]) -> String {
    let escaped: String = bytes
        .iter()
        .map(|&byte| match byte {
            b'"' | b'\\' | b'?' => format!("\\{}", char::from(byte)),
            b' '..=b'~' => char::from(byte).to_string(),
            _ => format!("\\{byte:03o}"),
        })
        .collect();
    format!("\"{escaped}\"")
}
