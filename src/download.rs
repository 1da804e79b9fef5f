//! Downloads from the web: what `-f URL` and a jar's `https://` address name.

use std::time::Duration;

use crate::error::{Error, Kind, Result};

/// How long nothing may arrive before a download counts as dead.
const SILENCE: Duration = Duration::from_secs(30);

/// An answer that is being read.
#[derive(Debug)]
pub struct Download {
    url: String,
    answer: reqwest::Response,
}

/// Which addresses may be asked, also after a redirect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// `https` alone: what comes is going to be run.
    Https,
    /// `http` too, as `kubectl apply -f` takes it.
    HttpToo,
}

impl Download {
    /// Asks for `url`, through the proxy of the environment if it names one.
    ///
    /// # Errors
    /// [`Kind::Unreachable`] when nobody answers, or with an error.
    pub async fn open(url: &str, scheme: Scheme) -> Result<Download> {
        let client = reqwest::Client::builder()
            .https_only(scheme == Scheme::Https)
            .connect_timeout(SILENCE)
            .read_timeout(SILENCE)
            .build()
            .map_err(|e| failed(url, e))?;
        let answer = client.get(url).send().await.and_then(reqwest::Response::error_for_status);
        Ok(Download { url: url.to_owned(), answer: answer.map_err(|e| failed(url, e))? })
    }

    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// [`Kind::Unreachable`] when the connection breaks, or nothing comes for half a minute.
    pub async fn chunk(&mut self) -> Result<Option<impl AsRef<[u8]> + use<>>> {
        self.answer.chunk().await.map_err(|e| failed(&self.url, e))
    }
}

fn failed(url: &str, e: reqwest::Error) -> Error {
    Error::new(Kind::Unreachable, format!("cannot download {url}"))
        .caused_by(e.without_url())
        .hint("Check the address and the proxy variables, or download it and give the local path.")
}
