//! What a run of the plugin left behind: stdout, stderr and exit code, made comparable.

use std::fmt;

use regex_lite::Regex;

/// The result of one run; compare it, or at least look at its code.
#[must_use]
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    /// The exit code; -1 when a signal ended the process.
    pub(crate) code: i32,
    /// Standard output, as text.
    pub(crate) stdout: String,
    /// Standard error, as text.
    pub(crate) stderr: String,
    /// Replacements that `Display` makes before it prints, in this order.
    pub(crate) redactions: Vec<(Regex, String)>,
}

impl Outcome {
    /// Fails the test unless the run succeeded; returns stdout.
    #[track_caller]
    pub(crate) fn success(&self) -> String {
        assert!(self.code == 0, "expected success\n{self}");
        self.stdout.clone()
    }

    /// Fails the test unless the exit code is `code` and stderr holds each of `parts`.
    #[track_caller]
    pub(crate) fn fails(&self, code: i32, parts: &[&str]) {
        assert!(self.code == code, "expected exit code {code}\n{self}");
        for part in parts {
            assert!(self.stderr.contains(part), "{part:?} is missing on stderr\n{self}");
        }
    }

    /// The last line of stdout, which is where `savepoint` puts the path.
    pub(crate) fn last_line(&self) -> &str {
        self.stdout.lines().next_back().unwrap_or_default()
    }

    /// Replaces what `pattern` matches when printed; `replacement` may use `$1`.
    pub(crate) fn redact(mut self, pattern: &str, replacement: &str) -> Self {
        self.redactions.push((Regex::new(pattern).unwrap(), replacement.to_owned()));
        self
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = format!("exit code: {}\n", self.code);
        for (name, stream) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            text += &format!("---- {name}\n{stream}");
            if !stream.is_empty() && !stream.ends_with('\n') {
                text += "<no newline>\n";
            }
        }
        for (pattern, replacement) in &self.redactions {
            text = pattern.replace_all(&text, replacement.as_str()).into_owned();
        }
        f.write_str(&text)
    }
}
