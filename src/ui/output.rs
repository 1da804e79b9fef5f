//! [`Ui`]: the one way in which this program writes.

use std::error::Error as StdError;
use std::io::{self, BufRead, ErrorKind, Write};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indicatif::{ProgressBar, ProgressDrawTarget};

use super::{Streams, Text, Tone};
use crate::error::{Error, Kind, Result};
use crate::exit_code;

/// When to colour the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set or `TERM` is `dumb`
    #[default]
    Auto,
    /// Always, also into a pipe
    Always,
    /// Never
    Never,
}

/// What the environment says about the terminal.
#[derive(Debug, Clone, Default)]
pub struct Terminal {
    /// `NO_COLOR` is set and not empty (<https://no-color.org>).
    pub no_color: bool,
    /// `TERM=dumb`: no colours, no redrawing.
    pub dumb: bool,
    /// How wide the terminal is, where there is one.
    pub columns: Option<u16>,
}

/// The terminal as commands see it. Cheap to clone; all clones write to the same streams.
#[derive(Clone)]
pub struct Ui(Arc<Inner>);

struct Inner {
    stdout: Sink,
    stderr: Sink,
    stdin: Arc<Mutex<Box<dyn BufRead + Send>>>,
    stdin_is_terminal: bool,
    stdout_is_terminal: bool,
    quiet: bool,
    /// How to draw progress; `None` where lines are written instead.
    draw_target: Option<fn() -> ProgressDrawTarget>,
    /// The bar on the screen, which steps aside while something else is written.
    bar: Mutex<Option<ProgressBar>>,
    interrupt_claims: Arc<AtomicUsize>,
}

struct Sink {
    stream: Mutex<Box<dyn Write + Send>>,
    color: bool,
}

impl Sink {
    fn write(&self, text: &str) -> io::Result<()> {
        let mut stream = lock(&self.stream);
        if self.color {
            stream.write_all(text.as_bytes())?;
        } else {
            write!(stream, "{}", anstream::adapter::strip_str(text))?;
        }
        stream.flush()
    }
}

impl Ui {
    /// Writes to `streams`; `quiet` silences status lines, hints and progress.
    pub fn new(streams: Streams, color: Color, quiet: bool, terminal: &Terminal) -> Self {
        let colored = |is_terminal: bool| match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => is_terminal && !terminal.no_color && !terminal.dumb,
        };
        let redraws = streams.stderr_is_terminal && !terminal.dumb;
        let sink = |stream, color| Sink { stream: Mutex::new(stream), color };
        Ui(Arc::new(Inner {
            stdout: sink(streams.stdout, colored(streams.stdout_is_terminal)),
            stderr: sink(streams.stderr, colored(streams.stderr_is_terminal)),
            stdin: Arc::new(Mutex::new(streams.stdin)),
            stdin_is_terminal: streams.stdin_is_terminal,
            stdout_is_terminal: streams.stdout_is_terminal,
            quiet,
            draw_target: redraws.then_some(streams.draw_target),
            bar: Mutex::new(None),
            interrupt_claims: Arc::default(),
        }))
    }

    /// Writes one line of the answer to standard output.
    ///
    /// # Errors
    /// When standard output cannot be written; see [`is_broken_pipe`].
    pub fn answer(&self, line: &str) -> Result<()> {
        self.answer_text(&Text::new().plain(line).end())
    }

    /// Writes text to standard output as it is.
    ///
    /// # Errors
    /// When standard output cannot be written; see [`is_broken_pipe`].
    pub fn answer_text(&self, text: &Text) -> Result<()> {
        self.write_answer(text.as_ansi())
    }

    /// Replaces what is on the screen; only for a terminal.
    ///
    /// # Errors
    /// When standard output cannot be written; see [`is_broken_pipe`].
    pub fn redraw(&self, text: &Text) -> Result<()> {
        const HOME_AND_CLEAR: &str = "\x1b[H\x1b[J";
        let mut stream = lock(&self.0.stdout.stream);
        stream.write_all(HOME_AND_CLEAR.as_bytes()).map_err(cannot_write)?;
        drop(stream);
        self.answer_text(text)
    }

    /// Writes one line that somebody else's program logged: shown safely on a terminal, unchanged
    /// into a pipe or a file, where the bytes are the answer.
    ///
    /// # Errors
    /// When standard output cannot be written; see [`is_broken_pipe`].
    pub fn answer_log(&self, line: &str) -> Result<()> {
        if self.0.stdout_is_terminal {
            return self.answer(line);
        }
        let mut stream = lock(&self.0.stdout.stream);
        writeln!(stream, "{line}").and_then(|()| stream.flush()).map_err(cannot_write)
    }

    pub(super) fn write_answer(&self, text: &str) -> Result<()> {
        self.above_bar(|| self.0.stdout.write(text)).map_err(cannot_write)
    }

    /// Tells what is being done, on standard error; silenced by `--quiet`. A full sentence.
    pub fn status(&self, line: &str) {
        if !self.0.quiet {
            self.narrate(&Text::new().plain(line).end());
        }
    }

    /// Tells what looks wrong but does not stop the command, on standard error.
    pub fn warn(&self, line: &str) {
        self.narrate(&Text::new().toned(Tone::Attention, "warning:").plain(" ").plain(line).end());
    }

    /// Suggests the natural next command, on standard error; silenced by `--quiet`.
    pub fn hint(&self, line: &str) {
        if !self.0.quiet {
            self.narrate(&hint(line));
        }
    }

    /// Prints an error as one paragraph, followed by its hints.
    pub fn error(&self, error: &Error) {
        let message = error.to_string();
        let mut text =
            Text::new().toned(Tone::Bad, "error:").plain(" ").plain(message.trim_end()).end();
        for remedy in error.advice() {
            text = text.text(&hint(remedy));
        }
        self.narrate(&text);
    }

    /// Prints what the argument parser has to say (help, or a usage error); returns the exit code.
    pub fn usage(&self, message: &clap::Error) -> u8 {
        let text = message.render().ansi().to_string();
        if message.use_stderr() {
            let _ = self.0.stderr.write(&text);
            // Clap shows what is wrong with a value; what to write instead is in our own error.
            let ours = message.source().and_then(|source| source.downcast_ref::<Error>());
            for remedy in ours.iter().flat_map(|error| error.hints()) {
                self.narrate(&hint(remedy));
            }
            exit_code::USAGE
        } else {
            let _ = self.0.stdout.write(&text);
            exit_code::OK
        }
    }

    pub(super) fn narrate(&self, text: &Text) {
        // There is nobody left to tell when standard error is gone.
        let _ = self.above_bar(|| self.0.stderr.write(text.as_ansi()));
    }

    fn above_bar<T>(&self, write: impl FnOnce() -> T) -> T {
        match lock(&self.0.bar).as_ref() {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    pub(super) fn set_bar(&self, bar: Option<ProgressBar>) {
        *lock(&self.0.bar) = bar;
    }

    pub(super) fn draw_target(&self) -> Option<fn() -> ProgressDrawTarget> {
        self.0.draw_target
    }

    pub(super) fn is_quiet(&self) -> bool {
        self.0.quiet
    }

    pub(super) fn interrupt_claims(&self) -> &Arc<AtomicUsize> {
        &self.0.interrupt_claims
    }

    pub(super) fn stdin(&self) -> Option<Arc<Mutex<Box<dyn BufRead + Send>>>> {
        self.0.stdin_is_terminal.then(|| self.0.stdin.clone())
    }

    /// Whether standard output is a terminal, so that it may be redrawn.
    pub fn stdout_is_terminal(&self) -> bool {
        self.0.stdout_is_terminal
    }
}

fn hint(line: &str) -> Text {
    Text::new().toned(Tone::Hint, "hint:").plain(" ").plain(line).end()
}

/// A panic while a stream was locked leaves the stream usable.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn cannot_write(error: io::Error) -> Error {
    if error.kind() == ErrorKind::BrokenPipe {
        return Error::new(Kind::Other, "the reader of standard output has gone")
            .caused_by(ReaderGone);
    }
    Error::new(Kind::Other, "cannot write to standard output")
        .caused_by(error)
        .hint("Check that the disk it is redirected to is not full.")
}

/// Marks the one kind of broken pipe that is no failure: a broken connection to the API server is an
/// `io::Error` of the same kind.
#[derive(Debug, thiserror::Error)]
#[error("broken pipe")]
struct ReaderGone;

/// Whether `error` only says that nobody reads our answer any more (`kubectl flink list | head -1`),
/// which is not a failure.
pub fn is_broken_pipe(error: &Error) -> bool {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(e) = cause {
        if e.is::<ReaderGone>() {
            return true;
        }
        cause = e.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ui(color: Color, quiet: bool) -> (Ui, crate::ui::Captured) {
        let (streams, captured) = Streams::memory("");
        (Ui::new(streams, color, quiet, &Terminal::default()), captured)
    }

    #[test]
    fn answers_and_narration_go_to_their_own_streams() -> Result<()> {
        let (ui, captured) = ui(Color::Auto, false);
        ui.answer("/state/savepoint-1")?;
        ui.status("Taking a savepoint of orders.");
        ui.warn("no checkpoint yet");
        ui.hint("Run kubectl flink status orders.");
        assert_eq!(captured.stdout(), "/state/savepoint-1\n");
        assert_eq!(
            captured.stderr(),
            "Taking a savepoint of orders.\nwarning: no checkpoint yet\n\
             hint: Run kubectl flink status orders.\n"
        );
        Ok(())
    }

    #[test]
    fn quiet_keeps_warnings_and_errors_only() {
        let (ui, captured) = ui(Color::Auto, true);
        ui.status("Deploying.");
        ui.hint("Look.");
        ui.warn("careful");
        ui.error(&Error::usage("no jar").hint("Give --jar."));
        assert_eq!(captured.stderr(), "warning: careful\nerror: no jar\nhint: Give --jar.\n");
    }

    #[test]
    fn colours_come_from_us_and_never_from_the_text() {
        let (ui, captured) = ui(Color::Always, false);
        ui.warn("pod \x1b[2Jorders");
        assert_eq!(captured.stderr(), "\x1b[1m\x1b[33mwarning:\x1b[0m pod ^[[2Jorders\n");
    }

    #[test]
    fn automatic_colour_needs_a_terminal_that_wants_it() {
        let color_with = |terminal: &Terminal| {
            let (mut streams, captured) = Streams::memory("");
            streams.stderr_is_terminal = true;
            Ui::new(streams, Color::Auto, false, terminal).warn("x");
            captured.stderr().contains('\x1b')
        };
        assert!(color_with(&Terminal::default()));
        assert!(!color_with(&Terminal { no_color: true, ..Terminal::default() }));
        assert!(!color_with(&Terminal { dumb: true, ..Terminal::default() }));
    }

    #[test]
    fn a_reader_that_went_away_is_told_from_other_failures() {
        let gone = cannot_write(io::Error::from(ErrorKind::BrokenPipe)).context("failed to list");
        assert!(is_broken_pipe(&gone));
        let connection = Error::new(Kind::Unreachable, "cannot reach the API server")
            .caused_by(io::Error::from(ErrorKind::BrokenPipe));
        assert!(!is_broken_pipe(&connection));
    }
}
