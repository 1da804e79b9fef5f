//! Runs a process with a deadline.

use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A process whose output is being collected. It does not outlive the test.
pub(crate) struct Running {
    child: Child,
    stdout: Option<Output>,
    stderr: Option<Output>,
}

impl Running {
    /// Starts `command` without input.
    pub(crate) fn start(command: &mut Command) -> Running {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("cannot start {command:?}: {e}"));
        let stdout = child.stdout.take().map(Output::of);
        let stderr = child.stderr.take().map(Output::of);
        Running { child, stdout, stderr }
    }

    /// Waits until it has said `text` on stderr.
    ///
    /// # Panics
    /// When it has not within `limit`.
    #[track_caller]
    pub(crate) fn wait_to_say(&self, text: &str, limit: Duration) {
        let stderr = self.stderr.as_ref().unwrap();
        super::eventually(&format!("{text:?} on stderr"), limit, || {
            stderr.so_far().contains(text).then_some(())
        });
    }

    /// Sends SIGINT, as Ctrl-C does.
    pub(crate) fn interrupt(&self) {
        self.signal("INT");
    }

    /// Sends SIGHUP, as a terminal does at its end.
    pub(crate) fn hang_up(&self) {
        self.signal("HUP");
    }

    /// Sends SIGSTOP: it does nothing any more, and can be killed.
    pub(crate) fn pause(&self) {
        self.signal("STOP");
    }

    fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        let status = Command::new("sh").args(["-c", &kill]).status().unwrap();
        assert!(status.success(), "the process is gone already");
    }

    /// Sends SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits until it ends and returns status, stdout and stderr.
    ///
    /// # Panics
    /// When it runs longer than `limit`; it is killed then.
    pub(crate) fn finish(mut self, limit: Duration) -> (ExitStatus, String, String) {
        let deadline = Instant::now() + limit;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break Some(status);
            }
            if Instant::now() > deadline {
                break None;
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        if status.is_none() {
            self.child.kill().unwrap();
        }
        let stdout = self.stdout.take().map_or_else(String::new, Output::whole);
        let stderr = self.stderr.take().map_or_else(String::new, Output::whole);
        let Some(status) = status else {
            panic!("still running after {limit:?}\n---- stdout\n{stdout}\n---- stderr\n{stderr}");
        };
        (status, stdout, stderr)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Harmless when it has ended; its status was waited for then.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a process writes, collected by a thread.
struct Output {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl Output {
    fn of(mut pipe: impl Read + Send + 'static) -> Output {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let written = bytes.clone();
        let reader = std::thread::spawn(move || {
            let mut some = [0; 8192];
            loop {
                match pipe.read(&mut some).unwrap() {
                    0 => return,
                    read => written.lock().unwrap().extend_from_slice(&some[..read]),
                }
            }
        });
        Output { bytes, reader }
    }

    fn so_far(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().unwrap()).into_owned()
    }

    fn whole(self) -> String {
        self.reader.join().unwrap();
        let bytes = std::mem::take(&mut *self.bytes.lock().unwrap());
        String::from_utf8(bytes).expect("the plugin prints UTF-8")
    }
}
