//! One file a verb: its arguments, the call, and what is shown.

pub mod list;
pub mod logs;
pub mod status;
pub mod version;
