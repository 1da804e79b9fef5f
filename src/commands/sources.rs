//! Where documents come from: files, folders, standard input and the web, as `kubectl apply -f` takes them.

use std::io::Read;
use std::path::{Path, PathBuf};

use crate::download::{Download, Scheme};
use crate::error::{Error, Result};
use crate::model::document::Document;

/// Manifests larger than this are refused unread, in bytes: etcd would not take the record.
const MAX_DOCUMENT: u64 = 1 << 20;

/// The files that kubectl looks for in a folder.
const EXTENSIONS: [&str; 3] = ["json", "yaml", "yml"];

/// Every document that `-f` names, in the order given; the files of a folder by name.
///
/// # Errors
/// [`Kind::Usage`] for what cannot be read or is neither YAML nor JSON, [`Kind::Unreachable`] for a URL that
/// does not answer.
pub(super) async fn documents(filenames: &[String], recursive: bool) -> Result<Vec<Document>> {
    let mut documents = Vec::new();
    for filename in filenames {
        if filename == "-" {
            let name = "standard input";
            let text = limited(std::io::stdin(), name)?;
            documents.extend(Document::all(&text, name)?);
        } else if filename.starts_with("https://") || filename.starts_with("http://") {
            documents.extend(Document::all(&download(filename).await?, filename)?);
        } else {
            for path in files(Path::new(filename), recursive)? {
                let name = path.display().to_string();
                let file = std::fs::File::open(&path).map_err(|e| cannot(&name, e))?;
                documents.extend(Document::all(&limited(file, &name)?, &name)?);
            }
        }
    }
    let documents: Vec<Document> = documents.into_iter().flat_map(Document::into_items).collect();
    match documents.is_empty() && !filenames.is_empty() {
        true => Err(Error::usage(format!("there is no document in {}", filenames.join(", ")))
            .hint("Write one with `kubectl flink deploy NAME --jar … --dry-run=client -o yaml`.")),
        false => Ok(documents),
    }
}

/// The file itself, or the documents of a folder.
fn files(path: &Path, recursive: bool) -> Result<Vec<PathBuf>> {
    let shown = path.display().to_string();
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).map_err(|e| cannot(&shown, e))? {
            let entry = entry.map_err(|e| cannot(&shown, e))?;
            let path = entry.path();
            // A link to a folder could lead in a circle.
            if entry.file_type().map_err(|e| cannot(&shown, e))?.is_dir() {
                if recursive {
                    folders.push(path);
                }
            } else if is_document(&path) {
                found.push(path);
            }
        }
    }
    found.sort();
    match found.is_empty() {
        true => Err(Error::usage(format!("the folder {shown} holds no .yaml, .yml or .json file"))
            .hint("Give the folder of the documents; -R also looks into the folders below it.")),
        false => Ok(found),
    }
}

fn is_document(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| EXTENSIONS.contains(&extension)) && path.is_file()
}

fn limited(source: impl Read, name: &str) -> Result<String> {
    let mut bytes = Vec::new();
    source.take(MAX_DOCUMENT + 1).read_to_end(&mut bytes).map_err(|e| cannot(name, e))?;
    as_text(bytes, name)
}

fn as_text(bytes: Vec<u8>, name: &str) -> Result<String> {
    if bytes.len() as u64 > MAX_DOCUMENT {
        return Err(Error::usage(format!("{name} is larger than {MAX_DOCUMENT} bytes"))
            .hint("A FlinkDeployment is a few kilobytes: is this the right file?"));
    }
    String::from_utf8(bytes).map_err(|e| {
        Error::usage(format!("{name} is not UTF-8 text"))
            .caused_by(e)
            .hint("Save it as UTF-8, or check that it is the right file.")
    })
}

async fn download(url: &str) -> Result<String> {
    let mut download = Download::open(url, Scheme::HttpToo).await?;
    let mut bytes = Vec::new();
    while let Some(chunk) = download.chunk().await? {
        bytes.extend_from_slice(chunk.as_ref());
        if bytes.len() as u64 > MAX_DOCUMENT {
            break;
        }
    }
    as_text(bytes, url)
}

fn cannot(name: &str, e: std::io::Error) -> Error {
    Error::usage(format!("cannot read {name}")).caused_by(e).hint("Check the path given with -f.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("sub")).expect("a folder");
        for (name, text) in [
            ("b.yaml", "kind: B\n---\nkind: C\n"),
            ("a.json", "{\"kind\": \"A\"}"),
            ("notes.txt", "no document"),
            ("sub/d.yml", "kind: List\nitems: [{kind: D}, {kind: E}]\n"),
        ] {
            std::fs::write(folder.path().join(name), text).expect("a file");
        }
        folder
    }

    async fn kinds(filenames: &[String], recursive: bool) -> Vec<String> {
        let documents = documents(filenames, recursive).await.expect("documents");
        documents.iter().map(|document| document.kind().to_owned()).collect()
    }

    #[tokio::test]
    async fn a_folder_is_its_documents_by_name() {
        let folder = folder();
        let name = folder.path().display().to_string();
        assert_eq!(kinds(std::slice::from_ref(&name), false).await, ["A", "B", "C"]);
        assert_eq!(kinds(std::slice::from_ref(&name), true).await, ["A", "B", "C", "D", "E"]);
        let twice = [format!("{name}/sub/d.yml"), format!("{name}/a.json")];
        assert_eq!(kinds(&twice, false).await, ["D", "E", "A"]);
    }

    #[tokio::test]
    async fn what_holds_nothing_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let name = folder.path().display().to_string();
        assert!(documents(std::slice::from_ref(&name), true).await.is_err());
        std::fs::write(folder.path().join("x.yaml"), "# nothing\n---\n").expect("a file");
        let error = documents(&[name], true).await.expect_err("nothing");
        assert_eq!(error.kind(), Kind::Usage);
    }

    #[tokio::test]
    async fn a_document_comes_from_the_web() {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        // As `main` does: two providers in one dependency graph leave the choice open.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let server = async move {
            for body in [
                "HTTP/1.1 200 OK\r\ncontent-length: 7\r\nconnection: close\r\n\r\nkind: W",
                "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            ] {
                let (mut stream, _) = listener.accept().await.expect("a client");
                let _ = stream.read(&mut [0; 4096]).await;
                stream.write_all(body.as_bytes()).await.expect("sent");
            }
        };
        let url = format!("http://{address}/w.yaml");
        let client = async {
            assert_eq!(kinds(std::slice::from_ref(&url), false).await, ["W"]);
            let error = documents(std::slice::from_ref(&url), false).await.expect_err("404");
            assert_eq!(error.kind(), Kind::Unreachable);
        };
        tokio::join!(server, client);
    }
}
