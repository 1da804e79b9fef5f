//! Makes text that others wrote safe to show on a terminal.
//!
//! Object names, events, log lines and Flink's exceptions come from the cluster. A control sequence in
//! one of them could rewrite the screen, set the window title or the clipboard, and a bidirectional
//! override could make one name look like another. Nothing is dropped: each such character is shown
//! by its name, so that the reader sees that it is there.

use std::borrow::Cow;
use std::fmt::Write;

/// Makes text of several lines safe: newlines and tabs stay, `\r\n` becomes `\n`.
pub fn text(text: &str) -> Cow<'_, str> {
    replace(text, |c| !matches!(c, '\n' | '\t') && is_unsafe(c), caret)
}

/// Makes text safe for one line (a table cell, a progress message): line breaks are shown as `\n`.
pub fn line(text: &str) -> Cow<'_, str> {
    replace(text.trim_end_matches(['\r', '\n']), is_unsafe, |out, c| match c {
        '\n' => out.push_str("\\n"),
        '\t' => out.push(' '),
        other => caret(out, other),
    })
}

/// Escapes what is unsafe inside a JSON document, which stays equal: such characters can only stand in
/// strings, where `\uXXXX` means the same. (A JSON writer escapes C0 controls, but not the others.)
pub fn json(document: &str) -> Cow<'_, str> {
    replace(
        document,
        |c| c != '\n' && is_unsafe(c),
        |out, c| {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        },
    )
}

/// Whether a terminal could take `c` as anything but a printable character.
pub fn is_unsafe(c: char) -> bool {
    c.is_control() || is_invisible_format(c)
}

/// Bidirectional controls, line and paragraph separators, zero-width characters that serve only to
/// disguise text, interlinear annotations and tags. Joiners (U+200C, U+200D) stay: scripts need them.
fn is_invisible_format(c: char) -> bool {
    matches!(c,
        '\u{061c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{206f}' | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

fn replace<'a>(
    text: &'a str,
    bad: impl Fn(char) -> bool,
    show: impl Fn(&mut String, char),
) -> Cow<'a, str> {
    if !text.chars().any(&bad) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\r' if rest.peek() == Some(&'\n') => {}
            c if bad(c) => show(&mut out, c),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// Caret notation (`^[`) for C0 controls and DEL, as `cat -v` and kubectl show them; else the code point.
fn caret(out: &mut String, c: char) {
    match u32::from(c) {
        code @ 0..=0x1f => {
            out.push('^');
            out.extend(char::from_u32(code + 0x40));
        }
        0x7f => out.push_str("^?"),
        code => {
            let _ = write!(out, "<U+{code:04X}>");
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn shows_control_sequences_instead_of_sending_them() {
        assert_eq!(text("a\x1b[31mred\x1b[0m"), "a^[[31mred^[[0m");
        assert_eq!(text("\x1b]0;title\x07"), "^[]0;title^G");
        assert_eq!(text("\x1b]52;c;cm0gLXJm\x1b\\"), "^[]52;c;cm0gLXJm^[\\");
        assert_eq!(text("safe\roverwritten"), "safe^Moverwritten");
        assert_eq!(text("C1 \u{9b}31m DEL \u{7f}"), "C1 <U+009B>31m DEL ^?");
        assert_eq!(text("orders\u{202e}gpj.exe"), "orders<U+202E>gpj.exe");
        assert_eq!(text("or\u{200b}ders\u{e0041}"), "or<U+200B>ders<U+E0041>");
    }

    #[test]
    fn keeps_lines_where_lines_are_meant() {
        assert_eq!(text("a\r\n\tb\n"), "a\n\tb\n");
        assert_eq!(line("a\r\n\tb\n"), "a\\n b");
        assert!(matches!(text("größe 数 👩‍🚀"), Cow::Borrowed(_)));
    }

    proptest! {
        #[test]
        fn nothing_unsafe_is_left(input in any::<String>()) {
            prop_assert!(!line(&input).chars().any(is_unsafe));
            prop_assert!(!text(&input).chars().any(|c| is_unsafe(c) && c != '\n' && c != '\t'));
        }

        #[test]
        fn json_stays_equal(input in any::<String>()) {
            let document = serde_json::to_string(&input)?;
            let safe = json(&document);
            prop_assert!(!safe.chars().any(is_unsafe));
            prop_assert_eq!(serde_json::from_str::<String>(&safe)?, input);
        }
    }
}
