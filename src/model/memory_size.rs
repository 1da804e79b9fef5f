//! Flink's memory sizes (`org.apache.flink.configuration.MemorySize`).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::model::quantity::Quantity;

/// A number of bytes in Flink's syntax, where every unit is binary: `1600m` is 1600 mebibytes (in
/// Kubernetes it would be 1.6 bytes) and `1g` is a gibibyte.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct MemorySize(u64);

/// Unit spellings and their size as a power of two, as `MemorySize.MemoryUnit` lists them.
const UNITS: [(&[&str], u32); 5] = [
    (&["", "b", "bytes"], 0),
    (&["k", "kb", "kibibytes"], 10),
    (&["m", "mb", "mebibytes"], 20),
    (&["g", "gb", "gibibytes"], 30),
    (&["t", "tb", "tebibytes"], 40),
];

impl MemorySize {
    /// Flink's `MemorySize.MAX_VALUE`: 2^63 - 1 bytes.
    pub const MAX: MemorySize = MemorySize(i64::MAX as u64);

    /// A size in bytes; anything above [`MemorySize::MAX`] becomes it.
    pub const fn from_bytes(bytes: u64) -> Self {
        MemorySize(if bytes > Self::MAX.0 { Self::MAX.0 } else { bytes })
    }

    /// A size in mebibytes.
    pub const fn from_mebibytes(mebibytes: u32) -> Self {
        MemorySize((mebibytes as u64) << 20)
    }

    /// The size in bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// The sum; `None` above [`MemorySize::MAX`].
    pub fn checked_add(self, other: MemorySize) -> Option<MemorySize> {
        self.0.checked_add(other.0).filter(|sum| *sum <= Self::MAX.0).map(MemorySize)
    }

    /// The difference; `None` below zero.
    pub fn checked_sub(self, other: MemorySize) -> Option<MemorySize> {
        self.0.checked_sub(other.0).map(MemorySize)
    }

    /// The size as people read it: at most one decimal, binary unit (`1.7 GiB`).
    pub fn human(self) -> String {
        let units = [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")];
        for (power, unit) in units {
            if self.0 >= 1 << power {
                let tenths = (u128::from(self.0) * 10) >> power;
                return match tenths % 10 {
                    0 => format!("{} {unit}", tenths / 10),
                    tenth => format!("{}.{tenth} {unit}", tenths / 10),
                };
            }
        }
        format!("{} B", self.0)
    }

    /// Reads a size the way the operator reads `resource.memory`: Flink's syntax first, else a Kubernetes
    /// quantity in any case (`2Gi`, `2gib`), rounded up to a byte (`ResourceConfigUtils.parseResourceMemoryString`).
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::error::Kind::Usage) when neither syntax fits.
    pub fn parse_lenient(text: &str) -> Result<Self> {
        if let Ok(size) = text.parse() {
            return Ok(size);
        }
        let upper: String = text.split_whitespace().collect::<String>().to_uppercase();
        let upper = upper.strip_suffix('B').unwrap_or(&upper);
        let quantity = match upper.strip_suffix('I') {
            Some(number) => format!("{number}i"),
            None => upper.to_owned(),
        };
        quantity
            .parse::<Quantity>()
            .map(|quantity| MemorySize::from_bytes(quantity.bytes()))
            .map_err(|_| not_a_size(text))
    }

    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(split);
        let unit = unit.trim().to_lowercase();
        let (_, power) = UNITS.iter().find(|(names, _)| names.contains(&unit.as_str()))?;
        let bytes = number.parse::<u64>().ok()?.checked_mul(1 << power)?;
        (bytes <= Self::MAX.0).then_some(MemorySize(bytes))
    }
}

fn not_a_size(text: &str) -> Error {
    Error::usage(format!("{text:?} is not a memory size"))
        .hint("Write a whole number and a unit, such as 1600m or 2g (mebibytes and gibibytes).")
}

impl fmt::Display for MemorySize {
    /// The largest unit that leaves an integer, as `MemorySize.toString` (`1600 mb` without the space).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(40, "t"), (30, "g"), (20, "m"), (10, "k")];
        let fit = units.iter().find(|(power, _)| self.0 != 0 && self.0.trailing_zeros() >= *power);
        match fit {
            Some((power, unit)) => write!(f, "{}{unit}", self.0 >> power),
            None => write!(f, "{}b", self.0),
        }
    }
}

impl FromStr for MemorySize {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        MemorySize::parse(text).ok_or_else(|| not_a_size(text))
    }
}

impl TryFrom<String> for MemorySize {
    type Error = Error;
    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<MemorySize> for String {
    fn from(size: MemorySize) -> String {
        size.to_string()
    }
}

impl From<MemorySize> for Quantity {
    fn from(size: MemorySize) -> Quantity {
        Quantity::from_bytes(size.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_flinks_units() {
        for (text, bytes) in [
            ("1600m", 1600 << 20),
            ("1600 mb", 1600 << 20),
            (" 2 GB ", 2 << 30),
            ("64kibibytes", 64 << 10),
            ("1t", 1 << 40),
            ("123", 123),
            ("123 bytes", 123),
        ] {
            assert_eq!(
                text.parse::<MemorySize>().ok().map(MemorySize::bytes),
                Some(bytes),
                "{text}"
            );
        }
        for text in ["", "m", "1.5g", "-1m", "1gib", "1 gi", "9223372036854775808", "8388608t"] {
            assert!(text.parse::<MemorySize>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn resource_fields_also_take_kubernetes_quantities() {
        for (text, bytes) in
            [("1600m", 1600 << 20), ("2Gi", 2 << 30), ("1.5Gi", 3 << 29), ("2gib", 2 << 30)]
        {
            let size = MemorySize::parse_lenient(text).map(MemorySize::bytes);
            assert_eq!(size.ok(), Some(bytes), "{text}");
        }
        assert!(MemorySize::parse_lenient("lots").is_err());
    }

    #[test]
    fn prints_for_flink_and_for_people() {
        let size = MemorySize::from_mebibytes(1728);
        assert_eq!((size.to_string().as_str(), size.human().as_str()), ("1728m", "1.6 GiB"));
        assert_eq!(MemorySize::default().to_string(), "0b");
        assert_eq!(MemorySize::from_mebibytes(2048).human(), "2 GiB");
        assert_eq!(MemorySize::from_bytes(12).human(), "12 B");
    }

    proptest! {
        #[test]
        fn printing_and_parsing_agree(bytes in 0..=MemorySize::MAX.0) {
            let size = MemorySize(bytes);
            prop_assert_eq!(size.to_string().parse::<MemorySize>().ok(), Some(size));
        }

        #[test]
        fn never_panics(text in "\\PC*") {
            let _ = MemorySize::parse_lenient(&text);
        }
    }
}
