//! What a test has proven of a store, for the table in `docs/storage.md`.
//!
//! The rows are those of `tests/data/stores.tsv`; `cargo xtask test` collects what the tests of a run tell, and
//! `UPDATE_DOCS=1` writes it into the page.

use std::fs::OpenOptions;
use std::io::Write;

use serde_json::{Value, json};

use super::{PATIENCE, Sandbox, schema};

/// The file that takes one JSON object a line. Without it nothing is written.
const FILE: &str = "KUBECTL_FLINK_TEST_STORES";

/// A row of the table.
#[derive(Clone, Copy)]
pub(crate) struct Proof {
    store: &'static str,
    /// The Flink version.
    pub(crate) flink: &'static str,
}

impl Proof {
    /// The row of this store and Flink version.
    pub(crate) fn of(store: &'static str, flink: &'static str) -> Proof {
        Proof { store, flink }
    }

    /// The image of this Flink.
    pub(crate) fn image(self) -> &'static str {
        match self.flink {
            "1.20" => "flink:1.20.5",
            _ => "flink:2.3.0",
        }
    }

    /// Has `storage check` measure the storage: all of it must be measured, and found consistent and fit.
    pub(crate) fn check(self, sandbox: &Sandbox, storage: &str, image: &str) {
        let words = ["storage", "check", storage, "--image", image, "--state-size=16Mi"];
        let little = ["--duration=5s", "--bytes=16Mi", "--files=50", "--streams=1", "-o", "json"];
        let answer = sandbox.run_for(PATIENCE, &[&words[..], &little].concat()).success();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        schema::holds("CheckView", &answer);
        let measured = &answer["measured"];
        // Flink's recoverable writer is for file sinks, which keep no state.
        let mut failures = measured["failures"].as_array().unwrap().iter();
        let sound = failures.all(|failed| failed["probe"] == "recoverable writer");
        assert!(sound, "{answer:#}");
        for seen in [&measured["consistency"], &measured["secondPod"]["consistency"]] {
            assert!(seen["rounds"].as_u64().is_some_and(|rounds| rounds > 0), "{answer:#}");
            for sight in ["read", "list", "overwrite", "delete"] {
                assert_eq!(seen[sight]["never"], 0, "{sight}: {answer:#}");
            }
        }
        self.has("check");
    }

    /// Notes that `step` (`deploy`, `savepoint`, `restore` or `check`) has passed: call it behind its assertions.
    pub(crate) fn has(self, step: &str) {
        let Some(file) = std::env::var_os(FILE) else { return };
        let thread = std::thread::current();
        // libtest names a test's thread after the test.
        let test = thread.name().and_then(|name| name.rsplit("::").next()).unwrap_or_default();
        let row = json!({"store": self.store, "flink": self.flink, "step": step, "test": test});
        // One write of one line: tests that end at the same time do not mix theirs.
        let mut file = OpenOptions::new().create(true).append(true).open(file).unwrap();
        file.write_all(format!("{row}\n").as_bytes()).unwrap();
    }
}
