//! The links in the documents are valid, and all files state the same version.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every Markdown file, except in build directories.
fn documents() -> Vec<PathBuf> {
    let (mut found, mut directories) = (Vec::new(), vec![root().to_owned()]);
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name").to_string_lossy();
            if path.is_dir() && !name.starts_with('.') && name != "target" && name != "node_modules" {
                directories.push(path);
            } else if name.ends_with(".md") {
                found.push(path);
            }
        }
    }
    found
}

/// The lines outside of code blocks.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut code = false;
    text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        code ^= fence;
        !code && !fence
    })
}

/// A line without `code`.
fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect()
}

/// The valid anchors: headings in lower case, with hyphens for spaces, without punctuation.
fn anchors(text: &str) -> Vec<String> {
    let mut seen = HashMap::new();
    let headings = prose(text).filter(|line| line.starts_with('#'));
    headings
        .map(|heading| {
            let letters =
                heading.trim_start_matches('#').trim().chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            let anchor = letters.collect::<String>().to_lowercase().replace(' ', "-");
            let before = seen.entry(anchor.clone()).and_modify(|times| *times += 1).or_insert(0);
            if *before == 0 { anchor } else { format!("{anchor}-{before}") }
        })
        .collect()
}

/// The targets of `[text](target)` and `[text]: target`.
fn links(text: &str) -> Vec<String> {
    let mut links = Vec::new();
    for line in prose(text).map(without_code) {
        for rest in line.split("](").skip(1) {
            links.extend(rest.split(')').next().map(|target| target.trim().to_owned()));
        }
        if let Some((_, target)) = line.strip_prefix('[').and_then(|rest| rest.split_once("]: ")) {
            links.push(target.trim().to_owned());
        }
    }
    links
}

/// The broken links within the project.
fn broken(document: &Path, text: &str) -> Vec<String> {
    let is_valid = |link: &String| {
        let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
        let target =
            if path.is_empty() { document.to_owned() } else { document.parent().expect("a parent").join(path) };
        let is_document = target.extension().is_some_and(|extension| extension == "md");
        target.exists() && (anchor.is_empty() || is_document && anchors(&read(&target)).iter().any(|a| a == anchor))
    };
    let within = |link: &String| !link.contains("://") && !link.starts_with("mailto:");
    links(text).into_iter().filter(|link| within(link) && !is_valid(link)).collect()
}

#[test]
fn links_are_valid() {
    let documents = documents();
    assert!(documents.len() >= 12, "the README, docs/ and those of the bindings: {documents:?}");
    let mut followed = 0;
    for document in documents {
        let text = read(&document);
        followed += links(&text).len();
        assert_eq!(broken(&document, &text), [""; 0], "{}", document.display());
    }
    assert!(followed >= 30, "only {followed} links");
}

#[test]
fn a_link_that_leads_nowhere_is_seen() {
    let planted = "[a](docs/no-such.md), [`b`](README.md#no-such-heading) [c](#no-such-heading)\n[d]: no-such-file\n\
        [e](tests/documents.rs#L1) [good](README.md#try-it) [good](#use-it) [good](docs) [good](https://example.org/no)\n\
        `[code](no)`\n```\n[code](no)\n```\n";
    let broken_links =
        ["docs/no-such.md", "README.md#no-such-heading", "#no-such-heading", "no-such-file", "tests/documents.rs#L1"];
    assert_eq!(broken(&root().join("README.md"), planted), broken_links);
}

/// Where a version is stated: the file, and the text before and after it. Go takes versions from tags.
const STATEMENTS: [(&str, &str, &str); 11] = [
    ("Cargo.toml", "name = \"tc_auth\"\nversion = \"", "\""),
    ("Cargo.lock", "name = \"tc_auth\"\nversion = \"", "\""),
    ("fuzz/Cargo.lock", "name = \"tc_auth\"\nversion = \"", "\""),
    ("bindings/java/pom.xml", "<artifactId>tc-auth</artifactId>\n  <version>", "<"),
    ("bindings/java/README.md", "<artifactId>tc-auth</artifactId>\n  <version>", "<"),
    ("bindings/java/README.md", "io.github.tcauth:tc-auth:", "\""),
    ("bindings/java/README.md", "target/tc-auth-", ".jar"),
    ("bindings/dotnet/TcAuth.csproj", "<Version>", "<"),
    ("bindings/python/pyproject.toml", "name = \"threatconnect-auth\"\nversion = \"", "\""),
    ("bindings/node/package.json", "\"version\": \"", "\""),
    ("packaging/debian/changelog", "tc-auth (", "-"),
];

/// The files that state another version.
fn disagreements(version: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (file, before, after) in STATEMENTS {
        let text = read(&root().join(file));
        let stated = text.split_once(before).and_then(|(_, rest)| rest.split_once(after)).map(|(stated, _)| stated);
        if stated != Some(version) {
            found.push(format!("{file}: {}", stated.unwrap_or("no version")));
        }
    }
    // The version macros; tests/header.rs compares the rest.
    let header = read(&root().join("include/tc_auth.h"));
    for (part, number) in ["MAJOR", "MINOR", "PATCH"].iter().zip(version.split('.')) {
        if !header.contains(&format!("#define TC_AUTH_VERSION_{part} {number}\n")) {
            found.push(format!("include/tc_auth.h: {part}"));
        }
    }
    // A version that was not released yet has its changes under "Unreleased".
    let changes = read(&root().join("CHANGELOG.md"));
    let heading = |name: &str| changes.lines().any(|line| line.starts_with(&format!("## [{name}]")));
    let unreleased = version == env!("CARGO_PKG_VERSION") && heading("Unreleased");
    if !heading(version) && !unreleased {
        found.push("CHANGELOG.md: no section".to_owned());
    }
    found
}

#[test]
fn all_files_state_the_same_version() {
    assert_eq!(disagreements(env!("CARGO_PKG_VERSION")), [""; 0]);
}

#[test]
fn another_version_is_found() {
    let found = disagreements("999.998.997");
    assert_eq!(found.len(), STATEMENTS.len() + 3 + 1, "{found:#?}");
    assert!(!found.iter().any(|statement| statement.contains("no version")), "{found:#?}");
}

/// The text that follows `name :=` in the same line.
fn variable<'a>(makefiles: &'a str, name: &str) -> &'a str {
    let assigned = makefiles.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" := "));
    assigned.unwrap_or_else(|| panic!("{name} is not set"))
}

/// The commands that the Makefile offers.
fn commands(makefiles: &str) -> Vec<String> {
    let mut found = Vec::new();
    for name in makefiles.lines().filter_map(|line| line.strip_prefix(".PHONY: ")).flat_map(str::split_whitespace) {
        match name.strip_prefix("$(").and_then(|rest| rest.strip_suffix(")")?.split_once(":%=")) {
            Some((list, form)) => {
                found.extend(variable(makefiles, list).split_whitespace().map(|word| form.replace('%', word)));
            }
            None if name != "FORCE" => found.push(name.to_owned()),
            None => (),
        }
    }
    found
}

/// What a document names as `make COMMAND`, in code.
fn named_commands(text: &str) -> Vec<String> {
    let code = text.lines().flat_map(|line| line.split('`'));
    let arguments = code.filter_map(|code| code.split("make ").nth(1).filter(|_| code.starts_with("make ")));
    let first = arguments.filter_map(|arguments| arguments.split_whitespace().find(|word| !word.contains('=')));
    first.map(|word| word.trim_end_matches(|c: char| !c.is_alphanumeric()).to_owned()).collect()
}

fn makefiles() -> String {
    let parts = ["platform", "programs", "install", "python", "node", "go", "java", "test"]
        .map(|name| read(&root().join(format!("mk/{name}.mk"))));
    read(&root().join("Makefile")) + &parts.concat()
}

#[test]
fn make_help_names_each_command() {
    let makefiles = makefiles();
    let commands = commands(&makefiles);
    assert!(commands.iter().any(|name| name == "test-quick") && commands.iter().any(|name| name == "cross-musl"));
    let help: String = makefiles.lines().filter(|line| line.starts_with("\t@echo '")).collect::<Vec<_>>().join("\n");
    let ends = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '-');
    let named = |name: &str| {
        let starts = |before: &str| before.ends_with("make ") || before.ends_with(", ");
        help.match_indices(name).any(|(at, _)| starts(&help[..at]) && ends(&help[at + name.len()..]))
    };
    let missing = |name: &&String| !name.starts_with("cross-") && *name != "help" && !named(name);
    assert_eq!(commands.iter().filter(missing).collect::<Vec<_>>(), [""; 0]);
    assert!(missing(&&"no-such-command".to_owned()));
}

#[test]
fn documents_name_commands_that_exist() {
    let commands = commands(&makefiles());
    let exists = |name: &String| commands.contains(name) || name == "cross-PLATFORM";
    let mut named = 0;
    for document in documents() {
        let names = named_commands(&read(&document));
        named += names.len();
        let unknown: Vec<_> = names.iter().filter(|name| !exists(name)).collect();
        assert_eq!(unknown, [""; 0], "{}", document.display());
    }
    assert!(named >= 30, "only {named} commands");
    assert_eq!(named_commands("`make no-such` and\nmake test T=x"), ["no-such", "test"]);
    assert!(!exists(&"no-such".to_owned()));
}
