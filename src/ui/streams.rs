//! Where bytes come from and go to: the process's own streams, or memory in a test.

use std::io::{self, BufRead, BufReader, Cursor, IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};

use indicatif::ProgressDrawTarget;

/// Standard input, output and error, and which of them are terminals.
pub struct Streams {
    /// Where answers to prompts are read from.
    pub stdin: Box<dyn BufRead + Send>,
    /// Where answers go.
    pub stdout: Box<dyn Write + Send>,
    /// Where narration, progress, prompts and errors go.
    pub stderr: Box<dyn Write + Send>,
    /// Whether `stdin` is a terminal: without one nobody can consent.
    pub stdin_is_terminal: bool,
    /// Whether `stdout` is a terminal.
    pub stdout_is_terminal: bool,
    /// Whether `stderr` is a terminal.
    pub stderr_is_terminal: bool,
    /// Where progress bars are drawn when `stderr` is a terminal.
    pub draw_target: fn() -> ProgressDrawTarget,
}

impl Streams {
    /// The process's own streams.
    pub fn stdio() -> Self {
        Streams {
            stdin: Box::new(BufReader::new(io::stdin())),
            stdout: Box::new(io::stdout()),
            stderr: Box::new(io::stderr()),
            stdin_is_terminal: io::stdin().is_terminal(),
            stdout_is_terminal: io::stdout().is_terminal(),
            stderr_is_terminal: io::stderr().is_terminal(),
            draw_target: ProgressDrawTarget::stderr,
        }
    }

    /// Streams in memory, none of them a terminal; what is written can be read from the [`Captured`].
    pub fn memory(stdin: &str) -> (Self, Captured) {
        let captured = Captured::default();
        let streams = Streams {
            stdin: Box::new(Cursor::new(stdin.to_owned().into_bytes())),
            stdout: Box::new(captured.stdout.clone()),
            stderr: Box::new(captured.stderr.clone()),
            stdin_is_terminal: false,
            stdout_is_terminal: false,
            stderr_is_terminal: false,
            draw_target: ProgressDrawTarget::hidden,
        };
        (streams, captured)
    }
}

/// What was written to the streams of [`Streams::memory`].
#[derive(Debug, Clone, Default)]
pub struct Captured {
    stdout: Buffer,
    stderr: Buffer,
}

impl Captured {
    /// Everything written to standard output so far, as text.
    pub fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// Everything written to standard error so far, as text.
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }
}

#[derive(Debug, Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
