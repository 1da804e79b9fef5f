//! What an operation tells its caller while it works. The caller decides how, and whether, to show it.

/// One piece of news from a running operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// What the operation does or waits for from now on: `"pulling image flink:2.3.0"`.
    Phase(String),
    /// Something the user should know that changes nothing: `"pods are kept on one node …"`.
    Note(String),
    /// Something that went wrong and was dealt with, or that needs the user's attention.
    Warning(String),
    /// Upload progress, in bytes.
    Bytes {
        /// Bytes there so far, those of an earlier attempt included.
        done: u64,
        /// Bytes in all.
        total: u64,
    },
    /// Savepoint progress as Flink reports it.
    Snapshot {
        /// Subtasks that have acknowledged the barrier.
        acknowledged: u64,
        /// All subtasks of the job.
        total: u64,
        /// Bytes written so far.
        bytes: u64,
    },
    /// A mutation that took effect, as `kind/name verb`: `"persistentvolumeclaim/orders-state created"`.
    Changed(String),
}

/// Receives the events of an operation, in order.
pub trait Observer: Send {
    /// Called for each event, from the task that runs the operation; must not block.
    fn event(&mut self, event: Event);
}

/// Collects events; for tests and for callers that show nothing.
impl Observer for Vec<Event> {
    fn event(&mut self, event: Event) {
        self.push(event);
    }
}
