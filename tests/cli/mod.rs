//! The command line against a real API server: one snapshot of stdout, stderr and exit code a case.

mod access;
mod bad_input;
mod completion;
mod connection;
mod data_stores;
mod deploy;
mod documents;
mod dry_run;
mod empty;
mod examples;
mod formats;
mod ingress;
mod json;
mod kubectl;
mod list;
mod objects;
mod ownership;
mod profiles;
mod rbac;
mod requests;
mod storage;
mod terminal;
mod triggers;
mod usage;
mod version;
