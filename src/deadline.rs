//! One point in time up to which a whole operation may take, shared by all its steps.

use std::time::Duration;

use tokio::time::Instant;

/// When an operation must have come to an end; cheap to copy and to hand down.
///
/// Time is tokio's monotonic clock, so tests can pause it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline(Option<Instant>);

impl Deadline {
    /// No limit.
    pub const NEVER: Deadline = Deadline(None);

    /// `limit` from now; a limit too large for the clock means no limit.
    pub fn after(limit: Duration) -> Self {
        Deadline(Instant::now().checked_add(limit))
    }

    /// The earlier of this deadline and `limit` from now.
    #[must_use]
    pub fn at_most(self, limit: Duration) -> Self {
        let other = Deadline::after(limit);
        match (self.0, other.0) {
            (Some(a), Some(b)) => Deadline(Some(a.min(b))),
            (a, b) => Deadline(a.or(b)),
        }
    }

    /// What is left; zero when it has passed, `None` without a limit.
    pub fn remaining(self) -> Option<Duration> {
        self.0.map(|at| at.saturating_duration_since(Instant::now()))
    }

    /// Whether it has passed.
    pub fn passed(self) -> bool {
        self.remaining() == Some(Duration::ZERO)
    }

    /// Whether `pause` fits in before it.
    pub fn allows(self, pause: Duration) -> bool {
        self.remaining().is_none_or(|left| pause < left)
    }

    /// Runs `future`, or gives `None` when the deadline passes first.
    pub async fn limit<F: Future>(self, future: F) -> Option<F::Output> {
        match self.0 {
            Some(at) => tokio::time::timeout_at(at, future).await.ok(),
            None => Some(future.await),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_earlier_limit_wins() {
        let deadline = Deadline::after(Duration::from_secs(10));
        assert_eq!(
            deadline.at_most(Duration::from_secs(3)).remaining(),
            Some(Duration::from_secs(3))
        );
        assert_eq!(deadline.at_most(Duration::from_secs(30)), deadline);
        assert_eq!(
            Deadline::NEVER.at_most(Duration::from_secs(1)).remaining(),
            Some(Duration::from_secs(1))
        );
        assert_eq!(Deadline::NEVER.at_most(Duration::MAX), Deadline::NEVER);
        assert!(deadline.allows(Duration::from_secs(9)));
        assert!(!deadline.allows(Duration::from_secs(10)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_passed_deadline_ends_what_is_running() {
        let deadline = Deadline::after(Duration::from_secs(1));
        let slow = tokio::time::sleep(Duration::from_secs(2));
        assert!(deadline.limit(slow).await.is_none());
        assert!(deadline.passed());
        assert_eq!(Deadline::NEVER.limit(async { 7 }).await, Some(7));
    }
}
