//! What the repository promises about itself.

mod bad_input;
mod dependencies;
mod examples;
mod exit_codes;
mod faults;
mod fuzz;
mod json;
mod layout;
mod mutations;
mod permissions;
mod reference;
mod spec_table;
mod stores;

use std::path::PathBuf;

/// A path inside the repository.
fn path(relative: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(relative)
}

/// The text of a file of the repository.
fn read(relative: &str) -> String {
    std::fs::read_to_string(path(relative)).unwrap_or_else(|e| panic!("{relative}: {e}"))
}
