//! `-v`: what the program and its Kubernetes client do, on standard error.

use std::io::{self, Write};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use super::{Text, Ui};

/// Installs the log for the rest of the process, unless `level` is below 4.
///
/// The levels are kubectl's: 4 and 5 tell steps, 6 and 7 also each HTTP request, 8 and above everything.
pub fn install(level: u8, ui: &Ui) {
    let filter = match level {
        0..=3 => return,
        4 | 5 => "kubectl_flink=info",
        6 | 7 => "kubectl_flink=debug,kube=debug",
        8.. => "trace",
    };
    // A second call in one process (tests) leaves the first log in place.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_ansi(false)
        .with_writer(Log(ui.clone()))
        .try_init();
}

struct Log(Ui);

impl<'a> MakeWriter<'a> for Log {
    type Writer = &'a Log;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

impl Write for &Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.narrate(&Text::new().plain(&String::from_utf8_lossy(line)));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
