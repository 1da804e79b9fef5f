//! A fraction of a size, capped: Flink's arithmetic to the last byte.

use crate::model::memory_size::MemorySize;

use super::settings::Refusal;

/// A relative size within bounds (`org.apache.flink.runtime.util.config.memory.RangeFraction`).
#[derive(Debug, Clone, Copy)]
pub(super) struct RangeFraction {
    pub(super) min: MemorySize,
    pub(super) max: MemorySize,
    /// A Java float widened to a double: 0.1 is 0.10000000149011612 here, which shows in the last bytes.
    pub(super) fraction: f64,
}

impl RangeFraction {
    /// The fraction of `base`, within the bounds.
    pub(super) fn of(self, base: MemorySize) -> Result<MemorySize, Refusal> {
        self.cap(base, self.fraction)
    }

    /// The part that is the fraction of the whole when `base` is the rest of it, within the bounds.
    pub(super) fn beside(self, base: MemorySize) -> Result<MemorySize, Refusal> {
        self.cap(base, self.fraction / (1.0 - self.fraction))
    }

    fn cap(self, base: MemorySize, factor: f64) -> Result<MemorySize, Refusal> {
        let relative = multiply(base, factor).ok_or_else(|| {
            Refusal::new("a memory size is beyond 8 EiB", "Make the sizes smaller.")
        })?;
        Ok(relative.clamp(self.min, self.max))
    }
}

/// `MemorySize.multiply`: the exact product with the shortest decimal form of `factor`, rounded down.
/// `None` beyond [`MemorySize::MAX`].
fn multiply(size: MemorySize, factor: f64) -> Option<MemorySize> {
    let decimal = format!("{factor:e}");
    let (mantissa, exponent) = decimal.split_once('e')?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: u128 = format!("{whole}{fraction}").parse().ok()?;
    let places = i32::try_from(fraction.len()).ok()?;
    let exponent = exponent.parse::<i32>().ok()? - places;
    // At most 17 digits times 63 bits: within 128 bits.
    let product = digits.checked_mul(u128::from(size.bytes()))?;
    let power = 10_u128.checked_pow(exponent.unsigned_abs());
    let bytes = match (exponent < 0, power) {
        (true, Some(power)) => product / power,
        (true, None) => 0,
        (false, power) => product.checked_mul(power?)?,
    };
    let bytes = u64::try_from(bytes).ok()?;
    (bytes <= MemorySize::MAX.bytes()).then(|| MemorySize::from_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_is_a_java_float() {
        let size = "1728m".parse().expect("size");
        let tenth = multiply(size, f64::from(0.1_f32)).map(MemorySize::bytes);
        // From Flink's log: "jvm overhead memory (172.800mb (181193935 bytes))".
        assert_eq!(tenth, Some(181_193_935));
    }

    #[test]
    fn extremes_do_not_overflow() {
        assert_eq!(multiply(MemorySize::MAX, 1.0), Some(MemorySize::MAX));
        assert_eq!(multiply(MemorySize::MAX, 1.5), None);
        assert_eq!(multiply(MemorySize::MAX, 1e-300).map(MemorySize::bytes), Some(0));
        assert_eq!(multiply(MemorySize::MAX, 1e300), None);
    }
}
