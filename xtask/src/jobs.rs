//! The Flink jobs that tests, benchmarks and the demo run: sources in `jobs/`.

use std::fs;
use std::path::PathBuf;

use anyhow::Result;

use crate::tools::repository;
use crate::{cache, flink_home, java};

/// The Flink version that the jobs are compiled against: the oldest one whose images are made here. What compiles
/// against it and was not deprecated then runs on the later ones.
const COMPILED_AGAINST: &str = "1.20.5";

/// The counter job's jar, in the folder that [`ensure`] returns.
pub(crate) const COUNTER: &str = "counter.jar";

/// The jars and the class that each one starts.
const JARS: [(&str, &str); 2] =
    [(COUNTER, "jobs.CounterJob"), ("StateMachineExample.jar", "jobs.StateMachineExample")];

/// A folder with the jars of all jobs; each runs on every Flink version from 1.19.
///
/// # Errors
/// When Flink cannot be had or the jobs do not compile.
pub(crate) fn ensure() -> Result<PathBuf> {
    cache::entry("flink", "jobs", &key()?, |dir| {
        let lib = flink_home::ensure(COMPILED_AGAINST)?.join("lib/*");
        let classes = dir.join("classes");
        fs::create_dir(&classes)?;
        java::compile(
            "jobs",
            &repository().join("jobs/src/jobs"),
            &lib.to_string_lossy(),
            &classes,
        )?;
        for (jar, main_class) in JARS {
            java::jar(&dir.join(jar), main_class, &classes)?;
        }
        Ok(fs::remove_dir_all(classes)?)
    })
}

/// The key of what [`ensure`] makes.
pub(crate) fn key() -> Result<String> {
    cache::key(&repository().join("jobs"), &[COMPILED_AGAINST, include_str!("java.rs")])
}
