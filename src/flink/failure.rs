//! From Java stack traces to one line that says what went wrong.

use std::fmt;

/// Throwables whose own text only announces the cause beneath them.
const WRAPPERS: [&str; 8] = [
    "CompletionException",
    "ExecutionException",
    "InvocationTargetException",
    "SerializedThrowable",
    "JobInitializationException",
    "JobExecutionException",
    "JobException",
    "RestHandlerException",
];

/// Class names that add nothing to a message in words.
const COLOURLESS: [&str; 7] = [
    "CheckpointException",
    "FlinkException",
    "FlinkRuntimeException",
    "NotFoundException",
    "ProgramInvocationException",
    "RestHandlerException",
    "RuntimeException",
];

/// The most a cause may take in a message, in characters.
const LIMIT: usize = 400;

/// The one line of a Java stack trace that helps: the deepest cause, without frames and package names.
/// When that is only a word or two (`ClassNotFoundException: no.Such`), the nearest message above it
/// goes in front.
///
/// Takes any text; the answer is never empty and holds no line break or control character.
pub fn root_cause(stack_trace: &str) -> String {
    let chain = throwables(stack_trace);
    let Some((deepest, above)) = chain.split_last() else { return tidy(stack_trace) };
    let context = above.iter().rev().find(|thrown| thrown.is_sentence() && !thrown.is_wrapper());
    tidy(&match context {
        Some(outer) if !deepest.is_sentence() && outer.message.contains(&deepest.message) => {
            outer.to_string()
        }
        Some(outer) if !deepest.is_sentence() => {
            format!("{}: {deepest}", outer.message.trim_end_matches('.'))
        }
        _ => deepest.to_string(),
    })
}

/// The text on one line, without control characters, at most 400 characters long.
pub fn tidy(text: &str) -> String {
    let printable: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut line = printable.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = line.char_indices().nth(LIMIT) {
        line.truncate(end);
        line.push('…');
    }
    if line.is_empty() { "no cause given".to_owned() } else { line }
}

/// One throwable of a chain: its simple class name (or nothing) and its message.
struct Thrown {
    class: String,
    message: String,
}

impl Thrown {
    /// Parses `a.b.SomeException: message`. Of `A: B: message`, as wrappers print themselves, only
    /// `B: message` is kept.
    fn parse(text: &str) -> Thrown {
        let mut rest = text.trim();
        let mut class = "";
        while let Some((head, tail)) = rest.split_once(": ")
            && is_class(head)
        {
            class = head;
            rest = tail.trim_start();
        }
        // A wrapper around a throwable without a message prints its class alone.
        let wraps = |class| WRAPPERS.contains(&class) || class == "RuntimeException";
        if is_class(rest) && (class.is_empty() || wraps(simple(class))) {
            class = rest;
            rest = "";
        }
        Thrown { class: simple(class).to_owned(), message: rest.to_owned() }
    }

    fn is_wrapper(&self) -> bool {
        WRAPPERS.contains(&self.class.as_str())
    }

    fn is_sentence(&self) -> bool {
        self.message.split_whitespace().count() >= 3
    }
}

impl fmt::Display for Thrown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (class, message) = (self.class.as_str(), self.message.as_str());
        if message.is_empty() {
            f.write_str(class)
        } else if class.is_empty() || (COLOURLESS.contains(&class) && self.is_sentence()) {
            f.write_str(message)
        } else {
            write!(f, "{class}: {message}")
        }
    }
}

fn simple(class: &str) -> &str {
    class.rsplit(['.', '$']).next().unwrap_or(class)
}

/// Whether the text is a qualified Java class name.
fn is_class(text: &str) -> bool {
    let part_fits = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '$')
    };
    text.contains('.')
        && text.split('.').all(part_fits)
        && simple(text).starts_with(char::is_uppercase)
}

/// The throwables of a stack trace, outermost first. A message may span lines; frames, suppressed
/// throwables and Flink's marks around a remote stack trace are left out.
fn throwables(stack_trace: &str) -> Vec<Thrown> {
    let mut texts: Vec<String> = Vec::new();
    let mut in_message = true;
    for line in stack_trace.lines().map(str::trim) {
        let mark = line.starts_with("<Exception on server side")
            || line.starts_with("End of exception on server side");
        if line.is_empty() || mark {
            continue;
        }
        if let Some(cause) = line.strip_prefix("Caused by: ") {
            texts.push(cause.to_owned());
            in_message = true;
        } else if ["at ", "... ", "Suppressed: "].iter().any(|start| line.starts_with(start)) {
            in_message = false;
        } else if let (true, Some(message)) = (in_message, texts.last_mut()) {
            message.push(' ');
            message.push_str(line);
        } else if texts.is_empty() {
            texts.push(line.to_owned());
        }
    }
    texts.iter().map(|text| Thrown::parse(text)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flink::testing::{body, stack_traces};
    use proptest::prelude::{any, prop_assert, proptest};

    fn cause(recorded: &str) -> String {
        stack_traces(&body(recorded)).last().map(|trace| root_cause(trace)).unwrap_or_default()
    }

    #[test]
    fn recorded_stack_traces_become_one_helpful_line() {
        assert_eq!(
            cause("011-unknown-job"),
            "FlinkJobNotFoundException: Could not find Flink job (00000000000000000000000000000001)"
        );
        assert_eq!(
            cause("024-run-bad-entryclass"),
            "The program's entry point class 'no.Such' was not found in the jar file."
        );
        let missing = "FileNotFoundException: Cannot find checkpoint or savepoint file/directory 'file:///flink-sample/nope' on file system 'file'.";
        assert_eq!(cause("036-badsp-application-exceptions"), missing);
        assert_eq!(cause("120-default-bad-savepoint"), missing);
        assert_eq!(cause("122-default-badsp-exceptions"), missing);
        assert!(cause("066-savepoint-bad-dir-status-final").starts_with("UnsupportedFileSystemSchemeException: Could not find a file system implementation for scheme 's3'."));
        assert!(
            cause("132-savepoint-while-starting-status")
                .ends_with("Not all required tasks are currently running.")
        );
        assert_eq!(
            cause("068-savepoint-unknown-trigger"),
            "There is no savepoint operation with triggerId=ffffffffffffffffffffffffffffffff for job 28579a1377caadc8a6e55db36c67164d."
        );
        assert_eq!(cause("010-unknown-path"), "Unable to load requested file /nope.");
    }

    #[test]
    fn a_terse_cause_keeps_its_class_and_needs_no_message() {
        let trace = "org.apache.flink.runtime.JobException: Recovery is suppressed by NoRestartBackoffTimeStrategy\n\tat a.B.c(B.java:1)\nCaused by: java.lang.IllegalStateException: boom\n\tat a.B.d(B.java:2)\n\t... 3 more";
        assert_eq!(root_cause(trace), "IllegalStateException: boom");
        assert_eq!(
            root_cause("java.lang.NullPointerException\n\tat a.B.c(B.java:1)"),
            "NullPointerException"
        );
        let named = "a.b.StateMigrationException: For heap backends, the new state serializer must not be incompatible\n\tat a.B.c(B.java:1)\nCaused by: java.io.InvalidClassException: a.Pojo";
        assert_eq!(
            root_cause(named),
            "For heap backends, the new state serializer must not be incompatible: InvalidClassException: a.Pojo"
        );
        let wrapped = "java.util.concurrent.CompletionException: java.lang.NullPointerException";
        assert_eq!(root_cause(wrapped), "NullPointerException");
        assert_eq!(root_cause(""), "no cause given");
        assert_eq!(root_cause("a\u{1b}[31mb\r\nc"), "a [31mb c");
    }

    proptest! {
        #[test]
        fn any_text_becomes_one_bounded_line(text in any::<String>()) {
            let line = root_cause(&text);
            prop_assert!(!line.is_empty());
            prop_assert!(line.chars().count() <= LIMIT + 1);
            prop_assert!(!line.chars().any(char::is_control));
        }
    }
}
