//! The seam between what lies on state storage and how it is reached.

use std::sync::Arc;

use futures::future::BoxFuture;
use jiff::Timestamp;
use tokio::io::AsyncRead;

use super::shell::{Shell, failed};
use crate::cluster::exec::{Ended, Streams};
use crate::error::{Error, Kind, Result};
use crate::model::storage::{MOUNT_PATH, mounted_path};

/// One file or folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its URI.
    pub uri: String,
    /// Whether it is a folder.
    pub is_folder: bool,
    /// Bytes; meaningless for folders.
    pub size: u64,
    /// When it was last written.
    pub modified: Timestamp,
}

/// What a resumable upload finds at its destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uploaded {
    /// The whole content, checksum verified.
    Whole,
    /// The first so many bytes; none for a new file.
    Part(u64),
}

/// A file to be uploaded.
#[derive(Debug, Clone)]
pub struct Upload {
    /// Its destination.
    pub uri: String,
    /// Its length in bytes.
    pub size: u64,
    /// Its SHA-256, 64 lowercase hexadecimal digits.
    pub sha256: String,
}

/// Files on state storage, by URI. Nothing here deletes anything but unfinished uploads.
pub trait StateStore: Send + Sync {
    /// Files and folders below `folder`, at most `depth` levels down; folders named in `skip` are left
    /// out with all they hold. Empty when `folder` does not exist.
    fn list<'a>(
        &'a self,
        folder: &'a str,
        depth: u32,
        skip: &'a [&'a str],
    ) -> BoxFuture<'a, Result<Vec<Entry>>>;

    /// One file or folder; `None` when it does not exist.
    fn stat<'a>(&'a self, uri: &'a str) -> BoxFuture<'a, Result<Option<Entry>>>;

    /// The first `limit` bytes of a file (4 MiB at most).
    fn read<'a>(&'a self, uri: &'a str, limit: u64) -> BoxFuture<'a, Result<Vec<u8>>>;

    /// Writes a small file whole or not at all, making its folders.
    fn write<'a>(&'a self, uri: &'a str, content: &'a [u8]) -> BoxFuture<'a, Result<()>>;

    /// Bytes that can still be written to the volume behind `uri`; `None` where the store does not tell.
    fn free<'a>(&'a self, uri: &'a str) -> BoxFuture<'a, Result<Option<u64>>>;

    /// What of an upload is there already; makes its folder.
    fn begin_upload<'a>(&'a self, upload: &'a Upload) -> BoxFuture<'a, Result<Uploaded>>;

    /// Appends the bytes from `offset` to the end, verifies the checksum of the whole, and only then
    /// gives the file its name.
    ///
    /// # Errors
    /// [`Kind::Unreachable`] when the connection broke (go on with [`StateStore::begin_upload`]),
    /// [`Kind::Conflict`] when the result has another checksum (the partial file is gone, start anew).
    fn upload<'a>(
        &'a self,
        upload: &'a Upload,
        offset: u64,
        source: &'a mut (dyn AsyncRead + Send + Unpin),
    ) -> BoxFuture<'a, Result<()>>;
}

/// A store behind a shell that has the storage mounted.
#[derive(Clone)]
pub struct ShellStore {
    shell: Arc<dyn Shell>,
    mount: String,
}

impl ShellStore {
    /// A store whose shell finds the storage at [`MOUNT_PATH`].
    pub fn new(shell: impl Shell + 'static) -> Self {
        Self::mounted_at(shell, MOUNT_PATH)
    }

    /// A store whose shell finds the storage somewhere else.
    pub fn mounted_at(shell: impl Shell + 'static, mount: &str) -> Self {
        ShellStore { shell: Arc::new(shell), mount: mount.to_owned() }
    }

    /// The path of a URI where the shell runs.
    fn path(&self, uri: &str) -> Result<String> {
        let inside = mounted_path(uri).and_then(|path| path.strip_prefix(MOUNT_PATH));
        let climbs = uri.split('/').any(|part| part == "..");
        match inside {
            Some(inside) if !climbs => Ok(format!("{}{inside}", self.mount)),
            _ => Err(Error::usage(format!("{uri} is not on the application's state storage"))
                .hint(format!("Give a path below file://{MOUNT_PATH}."))),
        }
    }

    async fn run<'a>(
        &'a self,
        script: &'a str,
        args: &'a [&'a str],
        streams: Streams<'a>,
    ) -> Result<Ended> {
        self.shell.run(script, args, streams).await
    }
}

/// No streams: stdout is captured.
fn quiet<'a>() -> Streams<'a> {
    Streams { stdin: None, stdout: None }
}

fn expect_success(ended: Ended, doing: &str) -> Result<Ended> {
    if ended.exit_code == 0 { Ok(ended) } else { Err(failed(&ended, doing)) }
}

/// `$1` folder, `$2` depth, `$3`… names to skip. Fields end with a tab and records with a NUL, because
/// names may hold anything else.
const LIST: &str = r#"
root=$1; depth=$2; shift 2
[ -d "$root" ] || exit 0
for name; do set -- "$@" -name "$name" -prune -o; shift; done
exec find "$root" -mindepth 1 -maxdepth "$depth" "$@" -printf '%y\t%s\t%T@\t%P\0'
"#;

/// `$1` path.
const STAT: &str = r#"
[ -e "$1" ] || exit 0
exec find "$1" -maxdepth 0 -printf '%y\t%s\t%T@\t%P\0'
"#;

/// `$1` path of the mounted volume.
const FREE: &str = r#"set -- $(stat -f -c '%a %S' -- "$1") && echo $(($1 * $2))"#;

/// `$1` path, `$2` bytes.
const READ: &str = r#"exec head -c "$2" -- "$1""#;

/// `$1` path, `$2` bytes on stdin. The rename makes it whole or nothing; the sync makes it last.
///
/// This script and [`UPLOAD`] take all of stdin whatever happens, because an exec session whose command
/// leaves some of it does not end (kubectl hangs as well: measured with containerd 1.6).
const WRITE: &str = r#"
new="$1.$$.part"
size() { stat -c %s -- "$new"; }
put() {
  mkdir -p -- "$(dirname -- "$1")" && cat > "$new" || return 74
  [ "$(size)" = "$2" ] || { echo 'the connection was cut' >&2; return 75; }
  sync -- "$new" && mv -f -- "$new" "$1" || return 74
}
head -c "$2" | { put "$1" "$2" || { code=$?; rm -f -- "$new"; cat > /dev/null; exit "$code"; }; }
"#;

/// `$1` path, `$2` size, `$3` SHA-256. Prints `whole`, or how many bytes the partial file has. Refuses
/// before anything is sent when the volume has no room; one that does not tell its size has some.
const BEGIN_UPLOAD: &str = r#"
set -eu
if [ -f "$1" ] && [ "$(stat -c %s -- "$1")" = "$2" ] && [ "$(sha256sum < "$1" | cut -c 1-64)" = "$3" ]
then echo whole; exit; fi
dir=$(dirname -- "$1")
mkdir -p -- "$dir"
part="$1.part"
have=0
if [ -f "$part" ]; then have=$(stat -c %s -- "$part"); fi
if [ "$have" -gt "$2" ]; then rm -f -- "$part"; have=0; fi
set -- "$2" $(stat -f -c '%b %a %S' -- "$dir")
if [ "$2" -gt 0 ] && [ $(($3 * $4)) -lt $(($1 - have)) ]; then
  echo "No space left: $(($1 - have)) bytes are needed, $(($3 * $4)) are free" >&2; exit 74
fi
echo "$have"
"#;

/// `$1` path, `$2` size, `$3` SHA-256, `$4` offset; the rest on stdin. A full disk takes the partial file
/// away again: the job needs the room for its checkpoints. The checksum is taken of what comes while it comes (what
/// was there is read first), and descriptor 3 carries the news of a write that failed out of the pipe.
const UPLOAD: &str = r#"
part="$1.part"
size() { if [ -f "$part" ]; then stat -c %s -- "$part"; else echo 0; fi; }
put() {
  [ "$(size)" = "$4" ] || { echo 'another upload of the same file is under way' >&2; return 75; }
  sum=$({ { [ "$4" = 0 ] || cat -- "$part"; tee -a -- "$part" || echo full >&3; } | sha256sum | cut -c 1-64; } 3>&1)
  case "$sum" in full*) rm -f -- "$part"; return 74;; esac
  [ "$(size)" = "$2" ] || { echo 'the connection was cut' >&2; return 75; }
  [ "$sum" = "$3" ] || { rm -f -- "$part"; return 76; }
  sync -- "$part" && mv -f -- "$part" "$1" || return 74
}
head -c "$(($2 - $4))" | { put "$@" || { code=$?; cat > /dev/null; exit "$code"; }; }
"#;

impl StateStore for ShellStore {
    fn list<'a>(
        &'a self,
        folder: &'a str,
        depth: u32,
        skip: &'a [&'a str],
    ) -> BoxFuture<'a, Result<Vec<Entry>>> {
        Box::pin(async move {
            let (path, depth) = (self.path(folder)?, depth.to_string());
            let args: Vec<&str> =
                [path.as_str(), &depth].into_iter().chain(skip.iter().copied()).collect();
            let ended = self.run(LIST, &args, quiet()).await?;
            let ended = expect_success(ended, &format!("list {folder}"))?;
            Ok(parse_entries(&ended.stdout, folder))
        })
    }

    fn stat<'a>(&'a self, uri: &'a str) -> BoxFuture<'a, Result<Option<Entry>>> {
        Box::pin(async move {
            let path = self.path(uri)?;
            let ended = self.run(STAT, &[&path], quiet()).await?;
            let ended = expect_success(ended, &format!("look at {uri}"))?;
            Ok(parse_entries(&ended.stdout, uri).pop())
        })
    }

    fn read<'a>(&'a self, uri: &'a str, limit: u64) -> BoxFuture<'a, Result<Vec<u8>>> {
        Box::pin(async move {
            let (path, limit) = (self.path(uri)?, limit.to_string());
            let ended = self.run(READ, &[&path, &limit], quiet()).await?;
            Ok(expect_success(ended, &format!("read {uri}"))?.stdout)
        })
    }

    fn write<'a>(&'a self, uri: &'a str, content: &'a [u8]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let (path, length) = (self.path(uri)?, content.len().to_string());
            let mut source = content;
            let streams = Streams { stdin: Some(&mut source), stdout: None };
            let ended = self.run(WRITE, &[&path, &length], streams).await?;
            expect_success(ended, &format!("write {uri}")).map(drop)
        })
    }

    fn free<'a>(&'a self, uri: &'a str) -> BoxFuture<'a, Result<Option<u64>>> {
        Box::pin(async move {
            // Its folder may not be there yet.
            self.path(uri)?;
            let ended = self.run(FREE, &[&self.mount], quiet()).await?;
            let ended = expect_success(ended, &format!("ask for the free space of {uri}"))?;
            Ok(String::from_utf8_lossy(&ended.stdout).trim().parse().ok())
        })
    }

    fn begin_upload<'a>(&'a self, upload: &'a Upload) -> BoxFuture<'a, Result<Uploaded>> {
        Box::pin(async move {
            let doing = format!("prepare {}", upload.uri);
            let (path, size) = (self.path(&upload.uri)?, upload.size.to_string());
            let ended = self.run(BEGIN_UPLOAD, &[&path, &size, &upload.sha256], quiet()).await?;
            let ended = expect_success(ended, &doing)?;
            let answer = String::from_utf8_lossy(&ended.stdout);
            match answer.trim() {
                "whole" => Ok(Uploaded::Whole),
                bytes => bytes.parse().map(Uploaded::Part).map_err(|_| failed(&ended, &doing)),
            }
        })
    }

    fn upload<'a>(
        &'a self,
        upload: &'a Upload,
        offset: u64,
        source: &'a mut (dyn AsyncRead + Send + Unpin),
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let doing = format!("upload {}", upload.uri);
            let path = self.path(&upload.uri)?;
            let (size, offset) = (upload.size.to_string(), offset.to_string());
            let streams = Streams { stdin: Some(source), stdout: None };
            let ended = self.run(UPLOAD, &[&path, &size, &upload.sha256, &offset], streams).await?;
            if ended.exit_code == super::shell::exit::CHECKSUM {
                return Err(Error::new(
                    Kind::Conflict,
                    format!("failed to {doing}: what arrived has another checksum"),
                ));
            }
            expect_success(ended, &doing).map(drop)
        })
    }
}

/// Parses `type TAB size TAB seconds TAB relative path NUL`…; what does not parse is left out.
fn parse_entries(output: &[u8], root: &str) -> Vec<Entry> {
    let text = String::from_utf8_lossy(output);
    let entry = |record: &str| {
        let mut fields = record.splitn(4, '\t');
        let is_folder = fields.next()? == "d";
        let size = fields.next()?.parse().ok()?;
        let modified = parse_time(fields.next()?)?;
        let uri = match fields.next()? {
            "" => root.to_owned(),
            relative => format!("{root}/{relative}"),
        };
        Some(Entry { uri, is_folder, size, modified })
    };
    text.split('\0').filter_map(entry).collect()
}

/// `find` prints seconds with a fraction: `1795329513.7090000000`.
fn parse_time(text: &str) -> Option<Timestamp> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let millis: i64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    Timestamp::from_millisecond(
        seconds.parse::<i64>().ok()?.checked_mul(1000)?.checked_add(millis)?,
    )
    .ok()
}

#[cfg(test)]
mod tests;
