//! Identifiers that Flink and this plugin exchange.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// 16 bytes, written as 32 lowercase hexadecimal digits: the shape of Flink's job ids and trigger ids
/// (`org.apache.flink.util.AbstractID`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Hex16([u8; 16]);

impl Hex16 {
    fn derive(parts: &[&str]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            // The length keeps ("a", "bc") and ("ab", "c") apart.
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        let digest = hash.finalize();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        Hex16(bytes)
    }

    fn parse(text: &str) -> Option<Self> {
        // `from_str_radix` alone would also take a sign.
        if text.len() != 32 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let mut bytes = [0; 16];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Hex16(bytes))
    }
}

impl fmt::Display for Hex16 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

macro_rules! hex_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Hex16);

        impl $name {
            /// Derives the id from text parts; the same parts always give the same id.
            pub fn derive(parts: &[&str]) -> Self {
                $name(Hex16::derive(parts))
            }
        }

        impl FromStr for $name {
            type Err = Error;
            fn from_str(text: &str) -> Result<Self> {
                Hex16::parse(text).map($name).ok_or_else(|| {
                    Error::usage(format!("{text:?} is not a {}", $what))
                        .hint("Give 32 hexadecimal digits, as Flink prints them.")
                })
            }
        }

        impl TryFrom<String> for $name {
            type Error = Error;
            fn try_from(text: String) -> Result<Self> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.to_string()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

hex_id!(
    /// Flink's job id. It fixes the checkpoint path (`<checkpoints>/<job-id>/chk-N`), so each
    /// generation of an application gets its own.
    JobId, "job id"
);
hex_id!(
    /// The client-chosen id of a savepoint, checkpoint or stop trigger. Flink treats a repeated id as
    /// the same request, which makes a trigger safe to send again.
    TriggerId, "trigger id"
);

/// The id of one mutating command: ten lowercase base-36 characters, random, fit for object names,
/// labels and directory names.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OperationId(String);

impl OperationId {
    /// Makes the id from 8 random bytes, which the caller draws (this module is pure).
    pub fn from_random(bytes: [u8; 8]) -> Self {
        const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
        let mut value = u64::from_be_bytes(bytes);
        let mut text = String::with_capacity(10);
        for _ in 0..10 {
            text.push(char::from(DIGITS[(value % 36) as usize]));
            value /= 36;
        }
        OperationId(text)
    }

    /// The text form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The trigger id that this operation uses for `purpose` (for example `"savepoint"`): always the
    /// same, so that a repeated request is recognised by Flink.
    pub fn trigger(&self, purpose: &str) -> TriggerId {
        TriggerId::derive(&["trigger", &self.0, purpose])
    }
}

impl FromStr for OperationId {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        let fits =
            text.len() == 10 && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        if fits {
            Ok(OperationId(text.to_owned()))
        } else {
            Err(Error::usage(format!("{text:?} is not an operation id"))
                .hint("Give the ten characters that the command printed."))
        }
    }
}

impl fmt::Display for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_operation_always_triggers_with_the_same_id() {
        let id = OperationId::from_random([1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(id.trigger("savepoint"), id.trigger("savepoint"));
        assert_ne!(id.trigger("savepoint"), id.trigger("stop"));
        assert_eq!(id.trigger("savepoint").to_string().len(), 32);
        assert_eq!(id.as_str().parse::<OperationId>().ok(), Some(id));
    }

    #[test]
    fn hex_ids_round_trip_and_refuse_other_text() {
        let text = "00000000000000000000000000000abc";
        assert_eq!(text.parse::<JobId>().map(|id| id.to_string()).ok().as_deref(), Some(text));
        for bad in [
            "",
            "abc",
            "0000000000000000000000000000000g",
            "é000000000000000000000000000000",
            "+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a",
        ] {
            assert!(bad.parse::<JobId>().is_err(), "{bad:?}");
        }
    }
}
