//! Long steps: a child process whose progress is shown, whose output goes to a log file, and that ends with us.
//!
//! On a terminal one line per running step shows the time so far and the last line of its output. Without one there is
//! a line at the start, one every 15 seconds and one at the end. Everything goes to standard error.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use crate::cache;

const POLL: Duration = Duration::from_millis(30);
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long an interrupted child may take to tidy up before it is killed.
const GRACE: Duration = Duration::from_secs(15);
/// Lines of the log that a failure shows.
const TAIL: usize = 20;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Makes Ctrl-C (and SIGTERM) end the running step instead of this process. A second one ends this process at once.
pub(crate) fn watch_interrupts() -> Result<()> {
    ctrlc::set_handler(|| {
        if INTERRUPTED.swap(true, Ordering::SeqCst) {
            #[expect(clippy::exit, reason = "the user insists")]
            std::process::exit(130);
        }
    })
    .context("install the handler for Ctrl-C")
}

/// Whether the user wants to stop. Work that is not a [`Step`] asks now and then.
pub(crate) fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::SeqCst)
}

/// Waits in `work` for the child with this process id, which shares our terminal, and passes an interrupt on that only this process got, such as
/// the one of a script. The child gets two when the terminal's user presses Ctrl-C, so it must not take the second
/// for another wish.
pub(crate) fn passing_interrupts_on<T>(child: u32, work: impl FnOnce() -> T) -> T {
    let child = i32::try_from(child).map(Pid::from_raw);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                if let (true, Ok(child)) = (interrupted(), child) {
                    let _ = kill(child, Signal::SIGINT);
                    return;
                }
                thread::sleep(POLL);
            }
        });
        let result = work();
        done.store(true, Ordering::SeqCst);
        result
    })
}

/// Writes one line for the user to standard error.
#[expect(clippy::print_stderr, reason = "the one place that writes messages")]
pub(crate) fn say(line: &str) {
    eprintln!("{line}");
}

/// Writes a result to standard output.
#[expect(clippy::print_stdout, reason = "the one place that writes results")]
pub(crate) fn print(line: &str) {
    println!("{line}");
}

/// A long-running command under a title.
pub(crate) struct Step {
    title: String,
    log: String,
    note: String,
    count: Option<Count>,
}

/// How far a step is: lines of its output that `matches`, out of `total`.
struct Count {
    total: usize,
    matches: fn(&str) -> bool,
}

/// What the readers of the child's output share with the display.
#[derive(Default)]
struct Output {
    last: String,
    counted: usize,
    captured: Vec<u8>,
}

impl Step {
    /// A step with a title for the user and the name of its log file (without directory and ending).
    pub(crate) fn new(title: impl Into<String>, log: &str) -> Step {
        Step { title: title.into(), log: log.to_owned(), note: String::new(), count: None }
    }

    /// Says at the start what to expect, such as "the first time about 6 minutes".
    pub(crate) fn note(mut self, note: &str) -> Step {
        note.clone_into(&mut self.note);
        self
    }

    /// Shows progress: the number of output lines that match, out of a total (nothing for a single one).
    pub(crate) fn count(mut self, total: usize, matches: fn(&str) -> bool) -> Step {
        self.count = (total > 1).then_some(Count { total, matches });
        self
    }

    /// Runs the command to its end; standard output and error go to the log.
    ///
    /// # Errors
    /// When the command fails: what failed, the end of its log and the log's path. When the user interrupts.
    pub(crate) fn run(self, command: &mut Command) -> Result<()> {
        self.execute(command, false).map(drop)
    }

    /// Like [`Step::run`], and returns what the command wrote to standard output.
    pub(crate) fn output(self, command: &mut Command) -> Result<String> {
        let captured = self.execute(command, true)?;
        String::from_utf8(captured).context("output is not UTF-8")
    }

    fn execute(self, command: &mut Command, capture: bool) -> Result<Vec<u8>> {
        if interrupted() {
            bail!("interrupted");
        }
        let path = log_path(&self.log)?;
        let log = File::create(&path).with_context(|| format!("create {}", path.display()))?;
        let display = Display::start(&self);
        // A process group of its own: Ctrl-C reaches us alone, and we decide how the child ends.
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .with_context(|| {
                format!("{}: start {}", self.title, command.get_program().display())
            })?;
        let output = Arc::new(Mutex::new(Output::default()));
        let matches = self.count.as_ref().map(|c| c.matches);
        let readers = [
            reader(child.stdout.take(), log.try_clone()?, &output, capture, matches),
            reader(child.stderr.take(), log, &output, false, matches),
        ];
        let status = supervise(&mut child, &display, &output)?;
        for thread in readers.into_iter().flatten() {
            let _ = thread.join();
        }
        display.finish(if status.success() {
            "done"
        } else if interrupted() {
            "interrupted"
        } else {
            "failed"
        });
        if interrupted() {
            bail!("{}: interrupted", self.title);
        }
        if !status.success() {
            bail!(
                "{} failed ({status})\n{}\nThe whole log: {}",
                self.title,
                tail(&path),
                path.display()
            );
        }
        let mut output = output.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(std::mem::take(&mut output.captured))
    }
}

/// The log file of a name, in the cache directory.
pub(crate) fn log_path(name: &str) -> Result<PathBuf> {
    let dir = cache::dir()?.join("logs");
    std::fs::create_dir_all(&dir).with_context(|| format!("create {}", dir.display()))?;
    Ok(dir.join(format!("{name}.log")))
}

/// Waits for the child, shows progress, and ends its whole group when the user interrupts.
fn supervise(child: &mut Child, display: &Display, output: &Mutex<Output>) -> Result<ExitStatus> {
    let group = Pid::from_raw(i32::try_from(child.id())?);
    let mut asked: Option<Instant> = None;
    loop {
        if let Some(status) = child.try_wait()? {
            if asked.is_some() {
                let _ = killpg(group, Signal::SIGKILL); // what the leader left; usually nothing
            }
            return Ok(status);
        }
        match asked {
            None if interrupted() => {
                asked = Some(Instant::now());
                let _ = killpg(group, Signal::SIGINT);
            }
            Some(since) if since.elapsed() > GRACE => {
                let _ = killpg(group, Signal::SIGKILL);
            }
            _ => {}
        }
        {
            let output = output.lock().unwrap_or_else(PoisonError::into_inner);
            display.update(&output);
        }
        thread::sleep(POLL);
    }
}

/// Copies one stream of the child into the log, line by line, and remembers what the display needs.
fn reader(
    stream: Option<impl Read + Send + 'static>,
    mut log: File,
    output: &Arc<Mutex<Output>>,
    capture: bool,
    matches: Option<fn(&str) -> bool>,
) -> Option<thread::JoinHandle<io::Result<()>>> {
    let output = Arc::clone(output);
    let mut stream = BufReader::new(stream?);
    Some(thread::spawn(move || {
        let mut bytes = Vec::new();
        while stream.read_until(b'\n', &mut bytes)? > 0 {
            log.write_all(&bytes)?;
            let line = String::from_utf8_lossy(&bytes);
            let line = line.trim();
            let mut output = output.lock().unwrap_or_else(PoisonError::into_inner);
            if !line.is_empty() {
                line.clone_into(&mut output.last);
            }
            output.counted += usize::from(matches.is_some_and(|matches| matches(line)));
            if capture {
                output.captured.extend_from_slice(&bytes);
            }
            drop(output);
            bytes.clear();
        }
        Ok(())
    }))
}

fn tail(path: &Path) -> String {
    let content = std::fs::read(path).unwrap_or_default();
    let content = String::from_utf8_lossy(&content);
    let lines: Vec<_> = content.lines().collect();
    lines[lines.len().saturating_sub(TAIL)..].join("\n")
}

/// The line of a running step.
struct Display {
    title: String,
    total: Option<usize>,
    start: Instant,
    bar: Option<ProgressBar>,
    beats: Mutex<u32>,
}

impl Display {
    fn start(step: &Step) -> Display {
        let mut title = step.title.clone();
        if !step.note.is_empty() {
            title = format!("{title} ({})", step.note);
        }
        let bar = io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg} {elapsed:>5}") {
                bar.set_style(style);
            }
            bar.set_message(title.clone());
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        if bar.is_none() {
            say(&format!("==> {title}"));
        }
        let total = step.count.as_ref().map(|count| count.total);
        Display { title, total, start: Instant::now(), bar, beats: Mutex::new(0) }
    }

    fn update(&self, output: &Output) {
        let far = self.total.map(|total| format!(" {}/{total}", output.counted.min(total)));
        let far = far.unwrap_or_default();
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{}{far}: {}", self.title, output.last));
            return;
        }
        let mut beats = self.beats.lock().unwrap_or_else(PoisonError::into_inner);
        if self.start.elapsed() >= HEARTBEAT * (*beats + 1) {
            *beats += 1;
            say(&format!("    {}{far}: {}", seconds(self.start.elapsed()), output.last));
        }
    }

    fn finish(&self, end: &str) {
        let took = seconds(self.start.elapsed());
        let Some(bar) = &self.bar else { return say(&format!("    {end} after {took}")) };
        bar.finish_and_clear();
        match end {
            "done" => say(&format!("✓ {}: {took}", self.title)),
            _ => say(&format!("✗ {}: {end} after {took}", self.title)),
        }
    }
}

/// A duration for people: "0.4 s", "12 s", "6 min 9 s".
pub(crate) fn seconds(duration: Duration) -> String {
    match duration.as_secs() {
        0..10 => format!("{:.1} s", duration.as_secs_f64()),
        whole @ 10..60 => format!("{whole} s"),
        whole => format!("{} min {} s", whole / 60, whole % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_like_speech() {
        assert_eq!(seconds(Duration::from_millis(420)), "0.4 s");
        assert_eq!(seconds(Duration::from_millis(12_900)), "12 s");
        assert_eq!(seconds(Duration::from_secs(369)), "6 min 9 s");
    }

    #[test]
    fn a_failed_step_shows_the_end_of_its_log_and_where_it_is() {
        let mut command = Command::new("sh");
        command.args(["-c", "for i in $(seq 30); do echo line-$i; done; exit 3"]);
        let error =
            Step::new("Count", "test-failed-step").run(&mut command).unwrap_err().to_string();
        assert!(error.starts_with("Count failed (exit status: 3)\nline-11\n"), "{error}");
        let path = log_path("test-failed-step").unwrap();
        assert!(error.ends_with(&format!("line-30\nThe whole log: {}", path.display())), "{error}");
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn output_is_standard_output_alone() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo result; echo noise >&2"]);
        let output = Step::new("Speak", "test-output").output(&mut command).unwrap();
        assert_eq!(output, "result\n");
        std::fs::remove_file(log_path("test-output").unwrap()).unwrap();
    }
}
