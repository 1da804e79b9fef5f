//! Kubernetes resource quantities (`k8s.io/apimachinery/pkg/api/resource`), in integers.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// A non-negative amount of a Kubernetes resource: bytes of memory or storage, or CPU cores.
///
/// Held in thousandths of a unit, so `500m` is exact; anything finer is rounded up, as Kubernetes rounds
/// up beyond its own scale. Printed canonically: the largest suffix of its family that leaves an integer.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Quantity {
    milli: u128,
    binary: bool,
}

/// Kubernetes caps a quantity at 2^63 - 1 units.
const MAX_MILLI: u128 = (i64::MAX as u128) * 1000;

const BINARY: [(&str, u128); 6] = [
    ("Ei", 1 << 60),
    ("Pi", 1 << 50),
    ("Ti", 1 << 40),
    ("Gi", 1 << 30),
    ("Mi", 1 << 20),
    ("Ki", 1 << 10),
];

/// Suffix and power of ten.
const DECIMAL: [(&str, i32); 10] = [
    ("E", 18),
    ("P", 15),
    ("T", 12),
    ("G", 9),
    ("M", 6),
    ("k", 3),
    ("", 0),
    ("m", -3),
    ("u", -6),
    ("n", -9),
];

impl Quantity {
    /// An amount of bytes, printed with binary suffixes.
    pub fn from_bytes(bytes: u64) -> Self {
        Quantity { milli: u128::from(bytes) * 1000, binary: true }
    }

    /// An amount of CPU in thousandths of a core.
    pub fn from_millicores(millicores: u64) -> Self {
        Quantity { milli: u128::from(millicores), binary: false }
    }

    /// Whole units (bytes for memory and storage), rounded up.
    pub fn bytes(self) -> u64 {
        // The parser holds every quantity within i64 units.
        u64::try_from(self.milli.div_ceil(1000)).unwrap_or(u64::MAX)
    }

    /// Thousandths of a unit (millicores for CPU).
    pub fn millis(self) -> u64 {
        u64::try_from(self.milli).unwrap_or(u64::MAX)
    }

    /// Whether the amount is zero.
    pub fn is_zero(self) -> bool {
        self.milli == 0
    }

    fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix('+').unwrap_or(text);
        let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, suffix) = text.split_at(split);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return None;
        }
        let digits: u128 = format!("{whole}{fraction}").parse().ok()?;
        let places = i32::try_from(fraction.len()).ok()?;
        let (numerator, exponent, binary) = match BINARY.iter().find(|(s, _)| *s == suffix) {
            Some((_, factor)) => (digits.checked_mul(*factor)?, 0, true),
            None => (digits, decimal_exponent(suffix)?, false),
        };
        let milli = scale(numerator, exponent - places + 3)?;
        (milli <= MAX_MILLI).then_some(Quantity { milli, binary })
    }
}

/// The power of ten of a decimal suffix or an exponent (`k`, `e3`, `E-2`).
fn decimal_exponent(suffix: &str) -> Option<i32> {
    if let Some((_, exponent)) = DECIMAL.iter().find(|(s, _)| *s == suffix) {
        return Some(*exponent);
    }
    let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
    (-30..=30).contains(&exponent).then_some(exponent)
}

/// `value` × 10^`exponent`, rounded up; `None` on overflow.
fn scale(value: u128, exponent: i32) -> Option<u128> {
    let power = 10_u128.checked_pow(exponent.unsigned_abs());
    match (exponent >= 0, power) {
        (true, Some(power)) => value.checked_mul(power),
        (true, None) => (value == 0).then_some(0),
        (false, Some(power)) => Some(value.div_ceil(power)),
        (false, None) => Some(u128::from(value != 0)),
    }
}

// Two spellings of the same amount are equal, as in Kubernetes.
impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.milli == other.milli
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.milli.cmp(&other.milli)
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.milli == 0 {
            return f.write_str("0");
        }
        if self.binary && self.milli.is_multiple_of(1000) {
            let units = self.milli / 1000;
            let fit = BINARY.iter().find(|(_, factor)| units.is_multiple_of(*factor));
            return match fit {
                Some((suffix, factor)) => write!(f, "{}{suffix}", units / factor),
                None => write!(f, "{units}"),
            };
        }
        let fit = DECIMAL.iter().find_map(|(suffix, exponent)| {
            let factor = 10_u128.pow(u32::try_from(exponent + 3).ok()?);
            self.milli.is_multiple_of(factor).then_some((self.milli / factor, suffix))
        });
        match fit {
            Some((amount, suffix)) => write!(f, "{amount}{suffix}"),
            None => write!(f, "{}m", self.milli),
        }
    }
}

impl FromStr for Quantity {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        Quantity::parse(text).ok_or_else(|| {
            Error::usage(format!("{text:?} is not a Kubernetes quantity"))
                .hint("Write a non-negative number and a suffix, such as 10Gi, 512Mi, 0.5 or 500m.")
        })
    }
}

impl TryFrom<String> for Quantity {
    type Error = Error;
    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Quantity> for String {
    fn from(quantity: Quantity) -> String {
        quantity.to_string()
    }
}

impl From<Quantity> for k8s_openapi::apimachinery::pkg::api::resource::Quantity {
    fn from(quantity: Quantity) -> Self {
        Self(quantity.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Quantity {
        text.parse().expect(text)
    }

    #[test]
    fn reads_every_family_of_suffixes() {
        for (text, bytes) in [
            ("1.5Gi", 1_610_612_736),
            ("1Ei", 1 << 60),
            ("9E", 9_000_000_000_000_000_000),
            ("128974848", 128_974_848),
            ("129e6", 129_000_000),
            ("129M", 129_000_000),
            ("128974848000m", 128_974_848),
            ("123Mi", 128_974_848),
            ("+.5k", 500),
            ("1n", 1),
            ("0", 0),
        ] {
            assert_eq!(parse(text).bytes(), bytes, "{text}");
        }
        assert_eq!(parse("0.1").millis(), 100);
        assert_eq!(parse("2").millis(), 2000);
    }

    #[test]
    fn refuses_what_kubernetes_refuses() {
        for text in
            ["", ".", "-1", "1GiB", "1 Gi", "Gi", "1..5", "1K", "1gi", "12E", "8Ei", "1e", "½"]
        {
            assert!(text.parse::<Quantity>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn prints_canonically() {
        for (text, canonical) in [
            ("1024Mi", "1Gi"),
            ("0.5", "500m"),
            ("1500m", "1500m"),
            ("2000m", "2"),
            ("1.5Gi", "1536Mi"),
            ("1000000", "1M"),
            ("0Gi", "0"),
        ] {
            assert_eq!(parse(text).to_string(), canonical, "{text}");
        }
    }

    proptest! {
        #[test]
        fn printing_and_parsing_agree(milli in 0..=MAX_MILLI, binary: bool) {
            let quantity = Quantity { milli, binary };
            let again: Quantity = quantity.to_string().parse().expect("own output");
            prop_assert_eq!(quantity, again);
        }

        #[test]
        fn never_panics(text in "\\PC*") {
            let _ = text.parse::<Quantity>();
        }

        #[test]
        fn order_is_that_of_the_amount(a in 0..1_u64 << 50, b in 0..1_u64 << 50) {
            let (x, y) = (Quantity::from_bytes(a), Quantity::from_bytes(b));
            prop_assert_eq!(a.cmp(&b), x.cmp(&y));
            prop_assert_eq!(x.bytes(), a);
        }
    }
}
