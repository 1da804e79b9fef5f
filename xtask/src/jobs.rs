//! The Flink jobs that tests, benchmarks and the demo run: sources in `jobs/`.

use std::fs;
use std::path::PathBuf;

use anyhow::Result;

use crate::maven::{self, Take};
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

/// A job that writes rows to a database, with the database's client in its jar.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rows {
    /// The folder of its source in `jobs/`.
    pub(crate) folder: &'static str,
    /// The class that its jar starts.
    pub(crate) class: &'static str,
    /// The project of `cluster/maven` with the client.
    pub(crate) client: &'static str,
}

/// The jar of a job that writes rows.
///
/// # Errors
/// When Flink or the client cannot be had, or the job does not compile.
pub(crate) fn rows(job: Rows) -> Result<PathBuf> {
    let client = maven::jars(job.client, Take::All)?;
    let sums = fs::read_to_string(maven::project(job.client).join(maven::SUMS))?;
    let key = cache::key(&repository().join("jobs"), &[COMPILED_AGAINST, &sums, job.folder])?;
    let entry = cache::entry("flink", &format!("rows-{}", job.folder), &key, |dir| {
        let lib = flink_home::ensure(COMPILED_AGAINST)?.join("lib/*");
        let classes = dir.join("classes");
        fs::create_dir(&classes)?;
        let common = repository().join("jobs/src/jobs");
        java::compile("jobs", &common, &lib.to_string_lossy(), &classes)?;
        let path = [lib, client.join("*"), classes.clone()];
        let path = path.map(|path| path.to_string_lossy().into_owned()).join(":");
        let source = repository().join("jobs").join(job.folder).join("jobs");
        java::compile(job.folder, &source, &path, &classes)?;
        java::bundle(&dir.join("job.jar"), job.class, &classes, &client)?;
        Ok(fs::remove_dir_all(classes)?)
    })?;
    Ok(entry.join("job.jar"))
}

/// The key of what [`ensure`] makes.
pub(crate) fn key() -> Result<String> {
    cache::key(&repository().join("jobs"), &[COMPILED_AGAINST, include_str!("java.rs")])
}
