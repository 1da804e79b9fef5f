//! The frames between the plugin and the agent: a kind (one byte), a length (four bytes, big-endian), and so many bytes.
//! Texts in them are a length of four bytes and UTF-8. `agent/src/agent/Wire.java` is the other end.

use jiff::Timestamp;

use crate::storage::store::Entry;

/// The most that one frame may hold, in bytes.
pub const LIMIT: usize = 1 << 20;

/// Bytes before the content of a frame.
const HEAD: usize = 5;

/// Kinds of frames that go to the agent beside requests.
pub mod sent {
    /// Content.
    pub const DATA: u8 = b'd';
    /// The end of the content.
    pub const END: u8 = b'e';
    /// The end of the session.
    pub const QUIT: u8 = b'q';
}

/// What the agent cannot have sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the storage agent sent what makes no sense: {0}")]
pub struct Malformed(&'static str);

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Its kind.
    pub kind: u8,
    /// Its content.
    pub body: Vec<u8>,
}

/// The bytes of a frame.
pub fn encode(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    let mut bytes = Vec::with_capacity(HEAD + body.len());
    bytes.push(kind);
    bytes.extend(length.to_be_bytes());
    bytes.extend(body);
    bytes
}

/// Makes frames of bytes, however those are cut.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: Vec<u8>,
    taken: usize,
}

impl Decoder {
    /// Takes what came in.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.taken);
        self.taken = 0;
        self.buffer.extend(bytes);
    }

    /// The next frame; `None` until the rest of it is there.
    ///
    /// # Errors
    /// For a frame beyond [`LIMIT`].
    pub fn next_frame(&mut self) -> Result<Option<Frame>, Malformed> {
        let rest = self.buffer.get(self.taken..).unwrap_or_default();
        let Some((head, rest)) = rest.split_first_chunk::<HEAD>() else { return Ok(None) };
        let [kind, length @ ..] = *head;
        let length = u32::from_be_bytes(length) as usize;
        if length > LIMIT {
            return Err(Malformed("a frame that is too long"));
        }
        let Some(body) = rest.get(..length) else { return Ok(None) };
        let frame = Frame { kind, body: body.to_vec() };
        self.taken += HEAD + length;
        Ok(Some(frame))
    }
}

/// The fields of a frame that goes out.
#[derive(Debug, Default)]
pub struct Body(Vec<u8>);

impl Body {
    /// With one text.
    pub fn of(text: &str) -> Self {
        Body::default().text(text)
    }

    /// Adds a text.
    #[must_use]
    pub fn text(self, text: &str) -> Self {
        let mut body = self.number(text.len());
        body.0.extend(text.as_bytes());
        body
    }

    /// Adds several texts.
    #[must_use]
    pub fn texts(self, texts: &[&str]) -> Self {
        texts.iter().fold(self.number(texts.len()), |body, text| body.text(text))
    }

    /// Adds a number of four bytes; a larger one becomes the largest.
    #[must_use]
    pub fn number(mut self, number: usize) -> Self {
        self.0.extend(i32::try_from(number).unwrap_or(i32::MAX).to_be_bytes());
        self
    }

    /// Adds a number of eight bytes; a larger one becomes the largest.
    #[must_use]
    pub fn big(mut self, number: u64) -> Self {
        self.0.extend(i64::try_from(number).unwrap_or(i64::MAX).to_be_bytes());
        self
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Reads the fields of a frame that came in.
#[derive(Debug)]
pub struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// Those of this content.
    pub fn of(body: &'a [u8]) -> Self {
        Fields(body)
    }

    /// The next text.
    ///
    /// # Errors
    /// When it is cut off.
    pub fn text(&mut self) -> Result<String, Malformed> {
        let length = self.number()? as usize;
        let (text, rest) = self.0.split_at_checked(length).ok_or(Malformed("a text is cut off"))?;
        self.0 = rest;
        Ok(String::from_utf8_lossy(text).into_owned())
    }

    /// The next number of four bytes.
    ///
    /// # Errors
    /// When it is cut off.
    pub fn number(&mut self) -> Result<u32, Malformed> {
        self.take().map(u32::from_be_bytes)
    }

    /// The next number of eight bytes.
    ///
    /// # Errors
    /// When it is cut off.
    pub fn big(&mut self) -> Result<i64, Malformed> {
        self.take().map(i64::from_be_bytes)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (number, rest) = self.0.split_first_chunk().ok_or(Malformed("a number is cut off"))?;
        self.0 = rest;
        Ok(*number)
    }

    /// Whether that was all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Why a request failed, in the words of the JVM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The class of the exception.
    pub class: String,
    /// Its message.
    pub message: String,
    /// The class of its root cause, possibly itself.
    pub root_class: String,
    /// The message of that.
    pub root_message: String,
}

/// What the agent says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// It can take requests.
    Hello {
        /// The version of this protocol.
        version: u32,
        /// The version of Java.
        java: String,
        /// The time by the clock of its machine.
        now: Timestamp,
    },
    /// Some entries of a listing.
    Entries(Vec<Entry>),
    /// Some bytes of a file.
    Data(Vec<u8>),
    /// The request succeeded, with this result.
    Done(Vec<u8>),
    /// The request failed.
    Failed(Failure),
    /// The request is still being worked on.
    Alive,
}

impl Reply {
    /// Reads a frame.
    ///
    /// # Errors
    /// When it is none that the agent sends.
    pub fn parse(frame: Frame) -> Result<Reply, Malformed> {
        let mut fields = Fields::of(&frame.body);
        Ok(match frame.kind {
            b'h' => Reply::Hello {
                version: fields.number()?,
                java: fields.text()?,
                now: time(fields.big()?)?,
            },
            b'n' => Reply::Entries(entries(&frame.body)?),
            b'd' => Reply::Data(frame.body),
            b'o' => Reply::Done(frame.body),
            b'x' => Reply::Failed(Failure {
                class: fields.text()?,
                message: fields.text()?,
                root_class: fields.text()?,
                root_message: fields.text()?,
            }),
            b'a' => Reply::Alive,
            _ => return Err(Malformed("a frame of an unknown kind")),
        })
    }
}

fn time(milliseconds: i64) -> Result<Timestamp, Malformed> {
    Timestamp::from_millisecond(milliseconds).map_err(|_| Malformed("a time out of range"))
}

/// Files and folders: URI, whether a folder, bytes, time in milliseconds.
///
/// # Errors
/// When one is cut off.
pub fn entries(body: &[u8]) -> Result<Vec<Entry>, Malformed> {
    let (mut fields, mut entries) = (Fields::of(body), Vec::new());
    while !fields.is_empty() {
        entries.push(Entry {
            uri: fields.text()?,
            is_folder: fields.number()? != 0,
            size: u64::try_from(fields.big()?).unwrap_or(0),
            modified: time(fields.big()?)?,
        });
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// All frames of `pieces`, pushed one after the other.
    fn decode(pieces: &[&[u8]]) -> Result<Vec<Frame>, Malformed> {
        let (mut decoder, mut frames) = (Decoder::default(), Vec::new());
        for piece in pieces {
            decoder.push(piece);
            while let Some(frame) = decoder.next_frame()? {
                frames.push(frame);
            }
        }
        Ok(frames)
    }

    fn frames() -> impl Strategy<Value = Vec<Frame>> {
        let frame = (any::<u8>(), prop::collection::vec(any::<u8>(), 0..300));
        prop::collection::vec(frame.prop_map(|(kind, body)| Frame { kind, body }), 0..8)
    }

    proptest! {
        #[test]
        fn frames_come_out_as_they_went_in_however_they_are_cut(
            frames in frames(), cuts in prop::collection::vec(1..50_usize, 1..20),
        ) {
            let bytes: Vec<u8> = frames.iter().flat_map(|f| encode(f.kind, &f.body)).collect();
            let (mut rest, mut pieces) = (bytes.as_slice(), Vec::new());
            for cut in cuts.iter().cycle() {
                let (piece, after) = rest.split_at(rest.len().min(*cut));
                pieces.push(piece);
                rest = after;
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(decode(&pieces), Ok(frames));
        }

        #[test]
        fn fields_come_out_as_they_went_in(text in ".*", number in 0..i32::MAX, big in 0..i64::MAX) {
            let body = Body::of(&text).number(number as usize).big(big as u64).texts(&[&text, ""]);
            let mut fields = Fields::of(body.bytes());
            prop_assert_eq!(fields.text()?, text.clone());
            prop_assert_eq!(fields.number()? as i32, number);
            prop_assert_eq!(fields.big()?, big);
            prop_assert_eq!(fields.number()?, 2);
            prop_assert_eq!((fields.text()?, fields.text()?), (text, String::new()));
            prop_assert!(fields.is_empty());
        }
    }

    #[test]
    fn a_frame_that_is_cut_off_is_waited_for_and_one_beyond_the_limit_is_refused() {
        assert_eq!(decode(&[&encode(b'd', b"abc")[..7]]), Ok(Vec::new()));
        let mut long = encode(b'd', b"");
        long[1..5].copy_from_slice(&u32::MAX.to_be_bytes());
        assert!(decode(&[&long]).is_err());
    }

    #[test]
    fn replies_that_are_cut_off_make_no_sense() -> Result<(), Malformed> {
        let failed = Body::of("A").text("b").text("C").text("d");
        let reply = Reply::parse(Frame { kind: b'x', body: failed.bytes().to_vec() })?;
        assert!(matches!(reply, Reply::Failed(failure) if failure.root_message == "d"));
        for end in 0..failed.bytes().len() {
            let body = failed.bytes()[..end].to_vec();
            assert!(Reply::parse(Frame { kind: b'x', body }).is_err(), "{end}");
        }
        assert!(Reply::parse(Frame { kind: b'?', body: Vec::new() }).is_err());
        Ok(())
    }
}
