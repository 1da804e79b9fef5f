//! Which permissions each part of the plugin's work needs, as RBAC names them.
//!
//! The one source of three things: what is asked for before the first write
//! ([`ops::permissions`](crate::ops::permissions)), what `kubectl flink rbac` prints, and the test that
//! runs each verb with exactly that and with each permission taken away.

use std::fmt;

/// One permission in a namespace, as RBAC rules name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Permission {
    /// The API group; empty for the core group.
    pub group: &'static str,
    /// The resource, in plural; `pods/exec` names a subresource.
    pub resource: &'static str,
    /// `get`, `list`, `watch`, `create`, `patch`, `update`, `delete`.
    pub verb: &'static str,
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb, self.resource)?;
        if self.group.is_empty() { Ok(()) } else { write!(f, ".{}", self.group) }
    }
}

/// What may be done with one resource: its API group, its name in plural, and the verbs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant(&'static str, &'static str, &'static [&'static str]);

impl Grant {
    /// The permissions, one a verb.
    pub fn permissions(self) -> impl Iterator<Item = Permission> {
        let Grant(group, resource, verbs) = self;
        verbs.iter().map(move |verb| Permission { group, resource, verb })
    }
}

mod verbs;
mod work;

pub use verbs::{Needs, VERBS, of};
pub use work::Work;
