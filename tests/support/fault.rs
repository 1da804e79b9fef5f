//! What came of a fault, for the table at the end of `cargo xtask test` and in `docs/reliability.md`.
//!
//! A test of one of the faults in `tests/data/faults.tsv` ends with [`seen`]: number, verb, and in one line
//! what the run showed, without anything that differs from run to run.

use std::fmt::Display;
use std::fs::OpenOptions;
use std::io::Write;

use regex_lite::Regex;
use serde_json::json;

use super::Outcome;

/// The file that takes one JSON object a line. Without it nothing is written.
const FILE: &str = "KUBECTL_FLINK_TEST_FAULTS";

/// Notes that `verb` met fault `number`, and what was seen. The last call of a test: what it tells has been
/// asserted by then.
pub(crate) fn seen(number: u8, verb: &str, seen: impl Display) {
    let Some(file) = std::env::var_os(FILE) else { return };
    let thread = std::thread::current();
    // libtest names a test's thread after the test.
    let test = thread.name().and_then(|name| name.rsplit("::").next()).unwrap_or_default();
    let seen = seen.to_string();
    assert!(!seen.contains(['\n', '|']), "one cell of a table: {seen:?}");
    let row = json!({"fault": number, "verb": verb, "test": test, "seen": seen});
    // One write of one line: tests that end at the same time do not mix theirs.
    let mut file = OpenOptions::new().create(true).append(true).open(file).unwrap();
    file.write_all(format!("{row}\n").as_bytes()).unwrap();
}

/// Exit code and error of a run: `exit 4: another process works on orders`.
pub(crate) fn told(outcome: &Outcome) -> String {
    let shown = outcome
        .clone()
        .redact(r"\b[0-9a-z]{10}\b( on orders|: deploy|: stop)", "OPERATION$1")
        .redact(r"\(\d+s ago\)", "(AGE ago)")
        .redact(r"by [a-z-]*admin[a-z-]*", "by USER")
        .to_string();
    let error = Regex::new(r"(?m)^error: (.*)$").unwrap();
    let error = error.captures(&shown).map(|found| found[1].replace('|', "/"));
    match error {
        Some(error) => format!("exit {}: {error}", outcome.code),
        None => format!("exit {}", outcome.code),
    }
}
