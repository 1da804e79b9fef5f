//! A program on a terminal, driven by what it shows: a shell, for completion.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The program and what it has written so far. It does not outlive the test.
pub(crate) struct Terminal {
    child: Child,
    keyboard: ChildStdin,
    screen: Arc<Mutex<String>>,
    /// How much of the screen has been waited for.
    seen: usize,
}

impl Terminal {
    /// Starts `line` (words for a shell) on a terminal of its own, in the surroundings of `command`.
    pub(crate) fn start(line: &str, command: &Command) -> Terminal {
        let mut process = Command::new("script");
        process.args(["--quiet", "--flush", "--return", "--command", line, "/dev/null"]);
        process.env_clear();
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                process.env(name, value);
            }
        }
        process.current_dir(command.get_current_dir().unwrap());
        process.env("TERM", "xterm");
        let mut child = process
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("script starts (package bsdutils)");
        let screen = Arc::<Mutex<String>>::default();
        let (mut output, shown) = (child.stdout.take().unwrap(), Arc::clone(&screen));
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                shown.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..count]));
            }
        });
        let keyboard = child.stdin.take().unwrap();
        Terminal { child, keyboard, screen, seen: 0 }
    }

    /// Types these keys: `\t` is Tab, `\x01` Ctrl-A, `\x05` Ctrl-E, `\r` Enter.
    pub(crate) fn keys(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
    }

    /// Waits until `text` stands on the screen, after what was waited for before.
    ///
    /// # Panics
    /// When it does not within half a minute.
    #[track_caller]
    pub(crate) fn shows(&mut self, text: &str) {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let screen = self.screen.lock().unwrap().clone();
            if let Some(at) = screen[self.seen..].find(text) {
                self.seen += at + text.len();
                return;
            }
            assert!(Instant::now() < deadline, "{text:?} is not on the screen:\n{screen:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
