//! How the modules hang together, as `docs/architecture.md` and `src/lib.rs` say it, and that what the pages name as proof
//! is there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The source files of a module, with their code but for comments.
fn code(module: &str) -> Vec<(PathBuf, String)> {
    let files = walkdir::WalkDir::new(root().join("src")).into_iter().filter_map(Result::ok).map(|e| e.into_path());
    let own = |path: &PathBuf| {
        let inside = path.strip_prefix(root().join("src")).expect("below src");
        let first = inside.iter().next().and_then(|part| part.to_str()).unwrap_or_default();
        path.extension().is_some_and(|e| e == "rs") && first.trim_end_matches(".rs") == module
    };
    let without_comments = |text: String| {
        let lines = text.lines().map(|line| line.split("//").next().unwrap_or_default());
        lines.collect::<Vec<_>>().join("\n")
    };
    let code: Vec<_> = files.filter(own).map(|path| (path.clone(), without_comments(read(&path)))).collect();
    assert!(!code.is_empty(), "the module {module} has no files");
    code
}

/// The modules in the order of the list in `src/lib.rs`.
fn modules() -> Vec<String> {
    let name = Regex::new(r"\[`(\w+)`\]").expect("a regex");
    let text = read(&root().join("src/lib.rs"));
    let entries = text.lines().filter_map(|line| line.strip_prefix("//! - ")?.split_once(": "));
    entries.flat_map(|(names, _)| name.captures_iter(names).map(|c| c[1].to_owned()).collect::<Vec<_>>()).collect()
}

#[test]
fn every_module_has_its_place_in_the_list() {
    let text = read(&root().join("src/lib.rs"));
    let declared: BTreeSet<&str> =
        text.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    let modules = modules();
    assert_eq!(modules.iter().map(String::as_str).collect::<BTreeSet<_>>(), declared);
    assert_eq!(modules.len(), declared.len(), "each once");
}

#[test]
fn each_module_uses_only_those_above_it() {
    let used = Regex::new(r"\bcrate::(\w+|\{)").expect("a regex");
    let modules = modules();
    for (at, module) in modules.iter().enumerate() {
        for (path, code) in code(module) {
            for found in used.captures_iter(&code) {
                let above = modules[..=at].iter().any(|m| *m == found[1]);
                assert!(above, "{}: `{}` stands below `{module}` in src/lib.rs", path.display(), &found[1]);
            }
        }
    }
}

/// What would make a scan or the rules depend on something else than what they are given.
const OUTSIDE: [&str; 11] = [
    "std::fs",
    "std::io",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "std::time",
    "SystemTime",
    "Instant",
    "::now()",
    "println!",
];

#[test]
fn the_core_neither_reads_nor_asks_the_time() {
    for module in ["scan", "correlate"] {
        for (path, code) in code(module) {
            for outside in OUTSIDE {
                assert!(!code.contains(outside), "{}: {outside} in the pure core", path.display());
            }
        }
    }
}

/// What stands between backticks on a page.
fn quoted(page: &str) -> Vec<String> {
    let text = read(&root().join(page));
    text.lines().flat_map(|line| line.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// `file::test` and `file::{one, other}`, as the file and the names of its tests.
fn named_tests(quoted: &str) -> Option<(PathBuf, Vec<String>)> {
    let (file, tests) = quoted.rsplit_once("::")?;
    let candidates =
        [file.to_owned(), format!("{file}/tests.rs"), format!("tests/{file}.rs"), format!("tests/{file}/main.rs")];
    let path = candidates.iter().map(|c| root().join(c)).find(|path| path.is_file())?;
    let tests = tests.trim_start_matches('{').trim_end_matches('}');
    Some((path, tests.split(", ").map(str::to_owned).collect()))
}

#[test]
fn every_test_that_a_page_names_is_there() {
    for (page, least) in [("docs/architecture.md", 25), ("docs/acceptance.md", 15)] {
        let mut found = 0;
        for quoted in quoted(page).iter().filter(|q| q.contains("::")) {
            let (path, tests) = named_tests(quoted).unwrap_or_else(|| panic!("{page}: no such file: {quoted}"));
            let text = read(&path);
            for test in tests {
                // A golden stands in a macro, by its name and a colon.
                let is_there = text.contains(&format!("fn {test}(")) || text.contains(&format!("\n    {test}: "));
                assert!(is_there, "{page}: {} has no test {test}", path.display());
                found += 1;
            }
        }
        assert!(found >= least, "{page} names {found} tests");
    }
}

#[test]
fn every_path_that_a_page_names_is_there() {
    let path = Regex::new(r"^(?:src|tests|docs|patterns|schema|benches|fixtures|scripts)/[\w./-]*$").expect("a regex");
    for (page, least) in [("docs/architecture.md", 25), ("docs/acceptance.md", 5)] {
        let named: Vec<String> = quoted(page).into_iter().filter(|q| path.is_match(q)).collect();
        for named in &named {
            let is_there = [named.clone(), format!("{named}.rs")].iter().any(|p| root().join(p).exists());
            assert!(is_there, "{page}: there is no {named}");
        }
        assert!(named.len() >= least, "{page} names {} paths", named.len());
    }
}
