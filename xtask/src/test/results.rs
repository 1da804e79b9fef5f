//! What the tests of one run tell beside passing or failing: a file to which each appends lines of JSON.

use std::path::{Path, PathBuf};
use std::{env, fs, process};

/// The file of one kind of results; gone with this value.
pub(crate) struct Results(PathBuf);

impl Drop for Results {
    fn drop(&mut self) {
        // Nothing to do where no test wrote anything.
        let _ = fs::remove_file(&self.0);
    }
}

impl Results {
    /// An empty one for this run.
    pub(crate) fn new(what: &str) -> Results {
        Results(env::temp_dir().join(format!("kubectl-flink-{what}-{}.jsonl", process::id())))
    }

    /// Where tests write to.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// What they wrote.
    pub(crate) fn text(&self) -> String {
        fs::read_to_string(&self.0).unwrap_or_default()
    }
}
