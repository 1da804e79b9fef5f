//! The terminal: streams, colour, progress, prompts and output formats. Used by `commands` only.
//!
//! Answers go to standard output; narration, progress, prompts and errors go to standard error.
//! Text comes in plain and is sanitised here, so nothing that others wrote reaches a terminal raw.

mod columns;
pub mod format;
pub mod human;
mod interrupt;
pub mod jsonpath;
pub mod log;
mod output;
mod progress;
mod prompt;
pub mod sanitize;
mod streams;
mod table;
mod text;

pub use format::{Format, OutputArgs, SortArgs, View};
pub use output::{Color, Terminal, Ui, is_broken_pipe};
pub use progress::Progress;
pub use streams::{Captured, Streams};
pub use table::Table;
pub use text::{Text, Tone};
