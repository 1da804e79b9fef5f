//! The wish to stop at the next safe point.

use tokio::sync::watch;

/// Set by whoever watches for Ctrl-C, looked at by the executor between steps. Clones share the wish.
#[derive(Debug, Clone)]
pub struct Halt(watch::Sender<bool>);

impl Default for Halt {
    fn default() -> Self {
        Halt(watch::Sender::new(false))
    }
}

impl Halt {
    /// Asks for it; whether nobody had asked before.
    pub fn request(&self) -> bool {
        !self.0.send_replace(true)
    }

    /// Whether somebody asked.
    pub fn is_requested(&self) -> bool {
        *self.0.borrow()
    }

    /// Completes when somebody asks, or has asked.
    pub async fn requested(&self) {
        // The sender lives as long as this borrow, so waiting cannot fail.
        let _ = self.0.subscribe().wait_for(|requested| *requested).await;
    }
}
