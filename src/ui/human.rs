//! Times and sizes as people read them.

use jiff::{SignedDuration, Timestamp};

/// The age of something made at `since`, as kubectl prints it (`apimachinery`'s `HumanDuration`):
/// `45s`, `3m20s`, `14m`, `5h12m`, `30h`, `3d4h`, `12d`, `2y40d`.
pub fn age(since: Timestamp, now: Timestamp) -> String {
    duration(now.duration_since(since))
}

/// A duration in kubectl's form; see [`age`]. A clock that runs ahead by less than two seconds gives `0s`.
pub fn duration(duration: SignedDuration) -> String {
    let seconds = duration.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match () {
        () if seconds < -1 => "<invalid>".to_owned(),
        () if seconds < 0 => "0s".to_owned(),
        () if seconds < 120 => format!("{seconds}s"),
        () if minutes < 10 => two(minutes, 'm', seconds % 60, 's'),
        () if minutes < 180 => format!("{minutes}m"),
        () if hours < 8 => two(hours, 'h', minutes % 60, 'm'),
        () if hours < 48 => format!("{hours}h"),
        () if days < 8 => two(days, 'd', hours % 24, 'h'),
        () if days < 365 * 2 => format!("{days}d"),
        () if days < 365 * 8 => two(days / 365, 'y', days % 365, 'd'),
        () => format!("{}y", days / 365),
    }
}

/// A number of bytes in binary units: `512 B`, `1.50 MiB`.
pub fn bytes(count: u64) -> String {
    indicatif::BinaryBytes(count).to_string()
}

fn two(big: i64, big_unit: char, small: i64, small_unit: char) -> String {
    if small == 0 {
        format!("{big}{big_unit}")
    } else {
        format!("{big}{big_unit}{small}{small_unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cases of `k8s.io/apimachinery/pkg/util/duration`.
    #[test]
    fn durations_read_as_in_kubectl() {
        const HOUR: i64 = 3600;
        const DAY: i64 = 24 * HOUR;
        for (seconds, text) in [
            (-2, "<invalid>"),
            (-1, "0s"),
            (0, "0s"),
            (70, "70s"),
            (190, "3m10s"),
            (180, "3m"),
            (47 * 60 + 3, "47m"),
            (3 * HOUR + 5 * 60, "3h5m"),
            (7 * HOUR + 60, "7h1m"),
            (8 * HOUR + 60, "8h"),
            (47 * HOUR, "47h"),
            (2 * DAY + HOUR, "2d1h"),
            (9 * DAY + HOUR, "9d"),
            (400 * DAY, "400d"),
            (3 * 365 * DAY + 5 * DAY, "3y5d"),
            (10 * 365 * DAY, "10y"),
        ] {
            assert_eq!(duration(SignedDuration::from_secs(seconds)), text, "{seconds} s");
        }
    }

    #[test]
    fn bytes_are_binary() {
        assert_eq!(bytes(512), "512 B");
        assert_eq!(bytes(3 * 1024 * 1024 / 2), "1.50 MiB");
    }
}
