//! Progress of long steps: redrawn on a terminal, one line per change elsewhere.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::task::AbortHandle;

use super::output::lock;
use super::{Ui, human, sanitize};

/// A step that ends sooner never draws anything.
const DELAY: Duration = Duration::from_millis(250);
/// How often a bar is redrawn.
const TICK: Duration = Duration::from_millis(100);
/// How often a measured step tells how far it is where nothing can be redrawn.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// One long step, shown until it is dropped or [`Progress::finish`]ed.
pub struct Progress {
    ui: Ui,
    title: String,
    bar: Option<ProgressBar>,
    ticker: Option<AbortHandle>,
    lines: Mutex<Lines>,
}

struct Lines {
    phase: String,
    last_at: Instant,
}

impl Ui {
    /// Starts to show the progress of `title` ("Deploying orders"), on standard error.
    ///
    /// On a terminal it appears after a quarter of a second and is redrawn with the time that passed;
    /// this needs a Tokio runtime. Elsewhere each new phase is one line. `--quiet` shows nothing.
    pub fn progress(&self, title: impl Into<String>) -> Progress {
        let bar = self.draw_target().filter(|_| !self.is_quiet()).map(|_| ProgressBar::hidden());
        let ticker = match (&bar, self.draw_target()) {
            (Some(bar), Some(target)) => {
                self.set_bar(Some(bar.clone()));
                Some(tokio::spawn(redraw(bar.clone(), target)).abort_handle())
            }
            _ => None,
        };
        let title = sanitize::line(&title.into()).into_owned();
        let lines = Lines { phase: String::new(), last_at: Instant::now() };
        let progress = Progress { ui: self.clone(), title, bar, ticker, lines: Mutex::new(lines) };
        progress.draw("", None);
        progress
    }
}

async fn redraw(bar: ProgressBar, target: fn() -> ProgressDrawTarget) {
    tokio::time::sleep(DELAY).await;
    bar.set_draw_target(target());
    loop {
        bar.tick();
        tokio::time::sleep(TICK).await;
    }
}

impl Progress {
    /// Says what the step waits for now ("waiting for image pull"). The same phase twice is one change.
    pub fn phase(&self, phase: &str) {
        let phase = sanitize::line(phase).into_owned();
        let mut lines = lock(&self.lines);
        if lines.phase == phase {
            return;
        }
        lines.phase.clone_from(&phase);
        lines.last_at = Instant::now();
        drop(lines);
        self.draw("", None);
        self.line(&format!("{}: {phase}", self.title));
    }

    /// Says how many bytes of the current phase are done.
    pub fn bytes(&self, done: u64, total: u64) {
        let rate = self.bar.as_ref().map_or(0.0, ProgressBar::per_sec);
        let mut detail = format!("{} of {}", human::bytes(done), human::bytes(total));
        if rate >= 1.0 {
            // Rates are far below the range where a float loses bytes that matter.
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate")]
            let rate = rate as u64;
            detail = format!("{detail}, {}/s", human::bytes(rate));
        }
        self.measured(&detail, done, total);
    }

    /// Says how many subtasks have acknowledged a snapshot, and how many bytes they wrote so far.
    pub fn subtasks(&self, acknowledged: u64, total: u64, bytes: u64) {
        let detail = format!("{acknowledged} of {total} subtasks, {}", human::bytes(bytes));
        self.measured(&detail, acknowledged, total);
    }

    /// Takes the progress off the screen. Dropping does the same.
    pub fn finish(self) {}

    fn measured(&self, detail: &str, done: u64, total: u64) {
        self.draw(detail, Some((done, total)));
        let mut lines = lock(&self.lines);
        if lines.last_at.elapsed() < LINE_INTERVAL {
            return;
        }
        lines.last_at = Instant::now();
        let line = format!("{}: {}, {detail}", self.title, lines.phase);
        drop(lines);
        self.line(&line);
    }

    /// Where nothing is redrawn.
    fn line(&self, line: &str) {
        if self.bar.is_none() {
            self.ui.status(line);
        }
    }

    fn draw(&self, detail: &str, measure: Option<(u64, u64)>) {
        let Some(bar) = &self.bar else { return };
        let phase = lock(&self.lines).phase.clone();
        // The title repeats what the user typed: it gives way, so that a narrow line shows the rest.
        let step = if phase.is_empty() { &self.title } else { &phase };
        let message = if detail.is_empty() { step.clone() } else { format!("{step}: {detail}") };
        bar.set_style(style(measure.is_some()));
        if let Some((done, total)) = measure {
            bar.set_length(total);
            bar.set_position(done);
        }
        bar.set_message(message);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(ticker) = &self.ticker {
            ticker.abort();
        }
        if let Some(bar) = &self.bar {
            self.ui.set_bar(None);
            bar.finish_and_clear();
        }
    }
}

/// The message comes last and is cut at the right edge, so that a narrow terminal never wraps a bar.
fn style(measured: bool) -> ProgressStyle {
    let template = if measured {
        "{spinner} {elapsed:>4} {bar:10} {wide_msg}"
    } else {
        "{spinner} {elapsed:>4} {wide_msg}"
    };
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

#[cfg(test)]
mod tests {
    use crate::ui::{Captured, Color, Streams, Terminal, Ui};

    fn piped(quiet: bool) -> (Ui, Captured) {
        let (streams, captured) = Streams::memory("");
        (Ui::new(streams, Color::Auto, quiet, &Terminal::default()), captured)
    }

    #[test]
    fn a_pipe_gets_one_line_per_change() {
        let (ui, captured) = piped(false);
        let progress = ui.progress("Deploying orders");
        for phase in ["scheduling", "scheduling", "pulling image\nflink:2.2", "starting"] {
            progress.phase(phase);
        }
        progress.bytes(10, 100);
        progress.finish();
        assert_eq!(
            captured.stderr(),
            "Deploying orders: scheduling\n\
             Deploying orders: pulling image\\nflink:2.2\n\
             Deploying orders: starting\n"
        );
        assert_eq!(captured.stdout(), "");
    }

    #[test]
    fn quiet_shows_nothing() {
        let (ui, captured) = piped(true);
        ui.progress("Deploying orders").phase("scheduling");
        assert_eq!(captured.stderr(), "");
    }
}
