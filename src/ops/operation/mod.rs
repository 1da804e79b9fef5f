//! The memory of an operation under way, kept in the cluster: what was asked, the plan, how far it is, and
//! who works on it.
//!
//! Two objects named `<application>-operation`: a ConfigMap, whose creation is the mutex, and a Lease that
//! its holder renews. A client that dies leaves both, and whoever runs the same command again goes on from
//! the step that was under way, under the same operation id, with the same trigger ids and directories.

pub mod abort;
pub mod journal;
pub mod lease;
pub mod record;
pub mod unfinished;
