//! The two kinds of processes of a Flink cluster.

use std::fmt;

/// A kind of process; prints as the first part of its configuration keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Process {
    /// Coordinates: one leads, others may stand by.
    JobManager,
    /// Works: as many as the job's parallelism needs.
    TaskManager,
}

impl Process {
    /// Both.
    pub const ALL: [Process; 2] = [Process::JobManager, Process::TaskManager];

    /// Its field in the spec.
    pub fn field(self) -> &'static str {
        match self {
            Process::JobManager => "spec.jobManager",
            Process::TaskManager => "spec.taskManager",
        }
    }

    /// The key of its total memory.
    pub fn memory_key(self) -> &'static str {
        match self {
            Process::JobManager => "jobmanager.memory.process.size",
            Process::TaskManager => "taskmanager.memory.process.size",
        }
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Process::JobManager => "jobmanager",
            Process::TaskManager => "taskmanager",
        })
    }
}
