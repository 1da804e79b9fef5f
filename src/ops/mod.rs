//! Workflows: a pure plan, then its execution. No printing and no command line here.
//!
//! A command reads the cluster ([`observe`]), makes a [`plan::Plan`] (pure, printable, testable
//! without a cluster) and hands it to the one executor, the only code that writes.

pub mod anchor;
pub mod claims;
pub mod deploy;
pub mod event;
pub mod observe;
pub mod observed;
pub mod plan;
pub mod prove;
#[cfg(test)]
pub(crate) mod testing;
pub mod transition;
