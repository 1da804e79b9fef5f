//! `docs/exit-codes.md` says what `src/exit_code.rs` says.

use super::{path, read};

const HEAD: &str = "# Exit codes

Generated from `src/exit_code.rs` by a test; to write it anew: `UPDATE_DOCS=1 cargo test --test main exit_codes`.
kubectl replaces its own process with the plugin on Unix, so these codes reach your shell;
on Windows kubectl reports every failure as 1.

| code | name | meaning |
|---:|---|---|
";

#[test]
fn the_table_is_the_source() {
    let expected = format!("{HEAD}{}", rows(&read("src/exit_code.rs")));
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path("docs/exit-codes.md"), &expected).unwrap();
    }
    assert_eq!(read("docs/exit-codes.md"), expected, "run with UPDATE_DOCS=1");
}

/// One table row for each `pub const NAME: u8 = CODE;`, with its doc comment.
fn rows(source: &str) -> String {
    let mut doc = String::new();
    let mut rows = String::new();
    for line in source.lines() {
        if let Some(text) = line.strip_prefix("/// ") {
            doc.push_str(if doc.is_empty() { "" } else { " " });
            doc.push_str(text);
        } else if let Some(rest) = line.strip_prefix("pub const ") {
            let (name, code) = rest.split_once(": u8 = ").expect("an exit code is a u8");
            rows += &format!("| {} | {name} | {doc} |\n", code.trim_end_matches(';'));
            doc.clear();
        }
    }
    assert!(rows.lines().count() > 5, "src/exit_code.rs was not understood");
    rows
}
