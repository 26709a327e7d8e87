//! The modules use each other in one direction only: docs/architecture.md says in which.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

type Uses = BTreeMap<String, BTreeSet<String>>;

/// They are there only in tests.
const TEST_MODULES: [&str; 2] = ["planted", "simulation"];

/// Which module of `src/lib.rs` uses which others, by their `crate::` paths. Tests do not count.
fn uses() -> Uses {
    let mut uses = Uses::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), None, &mut uses);
    uses.remove("lib");
    for only_for_tests in TEST_MODULES {
        uses.remove(only_for_tests);
    }
    uses
}

fn read(directory: &Path, module: Option<&str>, uses: &mut Uses) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let module = module.unwrap_or(name);
        if path.is_dir() {
            read(&path, Some(module), uses);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]\nmod").next().unwrap().split("#[cfg(all(test").next().unwrap();
            let used = code.split("crate::").skip(1).map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_'));
            let used = used
                .filter_map(|mut words| words.next())
                .filter(|word| !word.is_empty() && !TEST_MODULES.contains(word));
            uses.entry(module.to_owned()).or_default().extend(used.filter(|word| *word != module).map(str::to_owned));
        }
    }
}

/// The modules in cycles: what is left when modules without a remaining dependency are removed repeatedly.
fn cycles(mut uses: Uses) -> Vec<String> {
    while let Some(module) = uses.iter().find(|(_, used)| used.iter().all(|used| !uses.contains_key(used))) {
        let module = module.0.clone();
        uses.remove(&module);
    }
    uses.into_keys().collect()
}

#[test]
fn there_is_no_cycle() {
    let uses = uses();
    assert!(uses["auth"].contains("token") && uses["ffi"].contains("auth"), "{uses:?}");
    assert_eq!(cycles(uses.clone()), [""; 0], "{uses:#?}");

    let mut planted = uses;
    planted.get_mut("secret").unwrap().insert("auth".to_owned());
    assert!(cycles(planted).contains(&"secret".to_owned()));
}

/// The table of docs/architecture.md: each module, and those that it may use.
fn allowed() -> Uses {
    let document = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/architecture.md")).unwrap();
    let names = |cell: &str| -> BTreeSet<String> { cell.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
    let rows: Vec<_> = document
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.strip_suffix('|'))
        .map(|row| row.split(" | ").collect::<Vec<_>>())
        .map(|cells| (names(&format!("`{}", cells[0])), names(cells[2]), cells[2].trim() == "all"))
        .collect();
    let everywhere = rows.last().unwrap().0.clone();
    let modules: BTreeSet<String> = rows.iter().flat_map(|row| row.0.clone()).collect();
    let mut allowed = Uses::new();
    for (names, uses, all) in rows {
        for name in names {
            let uses = if all { modules.clone() } else { &uses | &everywhere };
            allowed.insert(name, uses);
        }
    }
    allowed
}

/// What a module uses although the table does not allow it, and modules that the table lacks.
fn forbidden(uses: &Uses) -> Vec<String> {
    let allowed = allowed();
    let excess = |module: &String, used: &BTreeSet<String>| match allowed.get(module) {
        Some(allowed) => (used - allowed).iter().map(|used| format!("{module} uses {used}")).collect(),
        None => vec![format!("{module} is not in the table")],
    };
    uses.iter().flat_map(|(module, used)| excess(module, used)).collect()
}

#[test]
fn the_table_of_the_architecture_is_right() {
    assert_eq!(forbidden(&uses()), [""; 0]);
    let mut planted = uses();
    planted.get_mut("secret").unwrap().insert("token".to_owned());
    planted.insert("new".to_owned(), BTreeSet::new());
    assert_eq!(forbidden(&planted), ["new is not in the table", "secret uses token"]);
}

#[test]
fn the_core_does_not_use_the_c_abi() {
    let who_uses = |used: &str| -> Vec<String> {
        uses().into_iter().filter(|(_, all)| all.contains(used)).map(|(module, _)| module).collect()
    };
    assert_eq!(who_uses("ffi"), [""; 0]);
    assert_eq!(who_uses("credentials"), ["ffi"], "its functions of Auth are written there");
    assert_eq!(who_uses("auth"), ["credentials", "ffi"]);
}
