//! One file a verb: its arguments, the call, and what is shown.

pub mod version;
