//! Exit codes: one documented constant per kind of failure.
//!
//! kubectl replaces its own process with the plugin on Unix, so these codes reach the caller's
//! shell unchanged; on Windows kubectl reports any of them as 1.

/// The command did what it was asked to do.
pub const OK: u8 = 0;
/// A failure that has no code of its own.
pub const FAILURE: u8 = 1;
/// Bad input: arguments, a document or a referenced file. Nothing was written.
pub const USAGE: u8 = 2;
/// An application, snapshot, claim or other named thing does not exist.
pub const NOT_FOUND: u8 = 3;
/// Another operation, owner or object stands in the way.
pub const CONFLICT: u8 = 4;
/// The API server (or Flink's REST endpoint behind it) could not be reached.
pub const UNREACHABLE: u8 = 5;
/// The API server refused the credentials or the permission.
pub const DENIED: u8 = 6;
/// Flink itself failed: the job, a savepoint or a restore.
pub const FLINK_FAILED: u8 = 7;
/// The cluster cannot or may not run this: a check before the first write, a quota, a policy or a webhook says so.
pub const PREFLIGHT: u8 = 8;
/// The user did not consent to a destructive step. Nothing was written.
pub const DECLINED: u8 = 9;
/// The deadline of `--timeout` passed while the operation was still under way.
pub const TIMEOUT: u8 = 124;
/// Interrupted by Ctrl-C (128 + SIGINT).
pub const INTERRUPTED: u8 = 130;
