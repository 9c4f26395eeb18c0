//! The examples of docs/patterns.md, carried out as a reader would.
//!
//! A comment in front of a block says what it is: `<!-- file: PATH -->` begins a file, `<!-- add: PATH -->` goes on with
//! it. A block of `console` is run in the directory of these files, in the order of the page: `$ ` begins a command, what
//! follows is what it prints, and `…` stands for anything within a line.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

/// A fenced block with what is said about it.
struct Block<'d> {
    /// `file` or `add`, and the path.
    what: Option<(&'d str, &'d str)>,
    language: &'d str,
    text: String,
    line: usize,
}

fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut blocks: Vec<Block> = Vec::new();
    let (mut said, mut fence) = (None, "");
    for (at, line) in page.lines().enumerate() {
        let language = line.trim_start_matches('`');
        if !fence.is_empty() && line == fence {
            fence = "";
        } else if let Some(block) = blocks.last_mut().filter(|_| !fence.is_empty()) {
            block.text.push_str(line);
            block.text.push('\n');
        } else if line.starts_with("```") {
            fence = &line[..line.len() - language.len()];
            blocks.push(Block { what: said.take(), language, text: String::new(), line: at + 1 });
        } else if let Some(comment) = line.strip_prefix("<!-- ").and_then(|l| l.strip_suffix(" -->")) {
            said = comment.split_once(": ");
        }
    }
    blocks
}

/// A command, what it should print, and where it stands.
fn commands(block: &Block) -> Vec<(String, Vec<String>, usize)> {
    let mut commands: Vec<(String, Vec<String>, usize)> = Vec::new();
    for (at, line) in block.text.lines().enumerate() {
        match (line.strip_prefix("$ "), commands.last_mut()) {
            (Some(command), _) => commands.push((command.to_owned(), Vec::new(), block.line + at + 1)),
            (None, Some((_, output, _))) => output.push(line.trim_end().to_owned()),
            (None, None) => panic!("line {}: a console block begins with a command", block.line),
        }
    }
    commands
}

/// A line of the page, in which `…` stands for anything.
fn fits(expected: &str, found: &str) -> bool {
    let mut parts = expected.split('…');
    let Some(mut rest) = found.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

fn run(directory: &Path, command: &str, status: &mut i32) -> Vec<String> {
    let binary = Path::new(env!("CARGO_BIN_EXE_tocsin")).parent().expect("in a directory");
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap_or_default());
    let last = *status;
    let out = Command::new("sh")
        .args(["-c", &format!("(exit {last})\n{command}")])
        .current_dir(directory)
        .env("PATH", path)
        .env("COLUMNS", "100")
        .env("TZ", "UTC")
        .output()
        .expect("sh");
    *status = out.status.code().unwrap_or(-1);
    let text = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    text.trim_end().lines().map(|l| l.trim_end().to_owned()).collect()
}

#[test]
fn the_examples_of_the_page_work() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/patterns.md")).expect("the page");
    let directory = tempfile::tempdir().expect("a directory");
    let (mut run_so_far, mut status) = (0, 0);
    for block in blocks(&page) {
        if let Some((what, path)) = block.what {
            let path = directory.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            let before =
                if what == "add" { fs::read_to_string(&path).expect("what was begun") + "\n" } else { String::new() };
            fs::write(path, before + &block.text).expect("written");
        } else if block.language == "console" {
            for (command, expected, line) in commands(&block) {
                let found = run(directory.path(), &command, &mut status);
                let right = expected.len() == found.len() && expected.iter().zip(&found).all(|(e, f)| fits(e, f));
                assert!(
                    right,
                    "docs/patterns.md:{line}: $ {command}\nprints\n{}\nand not\n{}",
                    found.join("\n"),
                    expected.join("\n")
                );
                run_so_far += 1;
            }
        }
    }
    assert!(run_so_far >= 7, "only {run_so_far} commands were run");
}

#[test]
fn every_pattern_file_of_the_page_is_whole() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/patterns.md")).expect("the page");
    let directory = tempfile::tempdir().expect("a directory");
    let mut files = BTreeMap::<&str, String>::new();
    for block in blocks(&page).into_iter().filter(|b| b.language == "toml") {
        let (_, path) = block.what.unwrap_or_else(|| panic!("docs/patterns.md:{}: which file is this of?", block.line));
        files.entry(path).or_default().push_str(&block.text);
    }
    for (path, text) in files {
        let file = directory.path().join("file.toml");
        fs::write(&file, text).expect("written");
        let mut status = 0;
        let said = run(directory.path(), "tocsin check file.toml", &mut status).join("\n");
        // One of them is there to be wrong.
        assert_eq!(status == 0, !path.starts_with("wrong/"), "{path}: {said}");
    }
}

#[test]
fn dots_stand_for_anything_within_a_line() {
    for (expected, found, fit) in [
        ("a…c", "abbc", true),
        ("a…c", "abb", false),
        ("…b…", "abc", true),
        ("abc", "abc", true),
        ("ab", "abc", false),
        ("a…", "a", true),
    ] {
        assert_eq!(fits(expected, found), fit, "{expected} {found}");
    }
}
