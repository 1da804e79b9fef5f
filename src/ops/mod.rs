//! Workflows: a pure plan, then its execution. No printing and no command line here.
//!
//! A command reads the cluster ([`observe`]), makes a [`plan::Plan`] (pure, printable, testable
//! without a cluster) and hands it to the one executor, the only code that writes.

pub mod advise;
pub mod anchor;
pub mod await_up;
pub mod check;
pub mod claims;
pub mod data_check;
pub mod data_stores;
pub mod deploy;
pub mod described;
pub mod drift;
pub mod dry_run;
pub mod effects;
pub mod event;
pub mod execute;
pub mod from_volume_snapshot;
pub mod halt;
pub mod lifecycle;
pub mod new_claim;
pub mod new_data_store;
pub mod new_profile;
pub mod objects;
pub mod observe;
pub mod observed;
pub mod operation;
pub mod ownership;
pub mod permissions;
pub mod plan;
pub mod preflight;
pub mod prepare;
pub mod profiles;
pub mod prove;
pub mod quota;
pub mod relocate;
pub mod resize;
pub mod saving;
pub mod secrets;
pub mod state;
pub mod stop;
#[cfg(test)]
pub(crate) mod testing;
pub mod transition;
pub mod volume_snapshots;
#[cfg(test)]
mod world;
