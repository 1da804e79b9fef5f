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

    /// From here on the end of the terminal (SIGHUP) does not end this process: what it does goes on, although nobody
    /// sees it any more. Needs a Tokio runtime.
    pub fn outlive_the_terminal(&self) {
        // Whoever listens once changes what the signal does for good.
        #[cfg(unix)]
        let _ = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup());
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

#[cfg(all(test, unix))]
mod tests {
    use std::process::{self, Command};
    use std::time::Duration;

    use tokio::time::timeout;

    use crate::ui::{Color, Streams, Terminal, Ui};

    fn terminate_me() {
        let me = process::id().to_string();
        assert!(Command::new("kill").args(["-TERM", &me]).status().expect("kill").success());
    }

    /// One test, because a signal reaches every listener of the process.
    #[tokio::test]
    async fn the_first_interrupt_belongs_to_whoever_claimed_it_and_the_second_to_the_program() {
        let ui = Ui::new(Streams::memory("").0, Color::Auto, false, &Terminal::default());
        let soon = Duration::from_secs(10);
        {
            let mut program = std::pin::pin!(ui.unclaimed_interrupt());
            let claimed = ui.interrupted();
            // Polled once, so that it listens before the signal comes.
            assert!(futures::poll!(program.as_mut()).is_pending());
            terminate_me();
            let first = tokio::select! {
                biased;
                () = &mut program => "program",
                () = claimed => "command",
            };
            assert_eq!(first, "command");
            terminate_me();
            assert!(timeout(soon, program).await.is_ok(), "the second one ends the program");
        }
        let mut program = std::pin::pin!(ui.unclaimed_interrupt());
        assert!(futures::poll!(program.as_mut()).is_pending());
        terminate_me();
        assert!(timeout(soon, program).await.is_ok(), "the claim ended with the future");
    }
}
