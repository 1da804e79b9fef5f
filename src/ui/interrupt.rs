//! Ctrl-C and SIGTERM: a command may claim the first one; the second one always ends the program.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Ui;

impl Ui {
    /// Completes when the user presses Ctrl-C or the process is asked to terminate.
    ///
    /// From this call until the future is dropped the command has claimed the interrupt: it is expected
    /// to say what goes on without it and how to re-attach, and to return [`crate::error::Kind::Interrupted`].
    /// Needs a Tokio runtime.
    pub fn interrupted(&self) -> impl Future<Output = ()> + use<> {
        let claim = Claim::new(self.interrupt_claims());
        let mut signals = Signals::listen();
        async move {
            signals.next().await;
            drop(claim);
        }
    }

    /// Completes at an interrupt that no command has claimed, and at the second one in any case.
    pub async fn unclaimed_interrupt(&self) {
        let mut signals = Signals::listen();
        signals.next().await;
        if self.interrupt_claims().load(Ordering::SeqCst) > 0 {
            signals.next().await;
        }
        self.set_bar(None);
    }
}

struct Claim(Arc<AtomicUsize>);

impl Claim {
    fn new(claims: &Arc<AtomicUsize>) -> Self {
        claims.fetch_add(1, Ordering::SeqCst);
        Claim(claims.clone())
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The signals that mean "stop". Where the system refuses to deliver one, its default action stays.
#[cfg(unix)]
struct Signals(Vec<tokio::signal::unix::Signal>);

#[cfg(unix)]
impl Signals {
    fn listen() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let kinds = [SignalKind::interrupt(), SignalKind::terminate()];
        Signals(kinds.into_iter().filter_map(|kind| signal(kind).ok()).collect())
    }

    async fn next(&mut self) {
        std::future::poll_fn(|context| {
            let any = self.0.iter_mut().any(|signal| signal.poll_recv(context).is_ready());
            if any { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        })
        .await;
    }
}

#[cfg(windows)]
struct Signals;

#[cfg(windows)]
impl Signals {
    fn listen() -> Self {
        Signals
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
