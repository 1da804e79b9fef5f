//! A plugin of Flink's that the image lacks.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Before the checksum, behind the URL.
const CHECKSUM: &str = "#sha256=";

/// Where pods get a plugin's jar from before Flink starts: `URL` or `URL#sha256=HEX`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PluginJar {
    url: String,
    /// 64 lowercase hexadecimal digits.
    sha256: Option<String>,
}

impl PluginJar {
    /// As the pods' start script reads it: the URL, and behind a `#` the checksum.
    pub fn wanted(&self) -> String {
        let checksum = self.sha256.iter().map(|sha256| format!("#{sha256}"));
        [self.url.clone()].into_iter().chain(checksum).collect()
    }
}

impl fmt::Display for PluginJar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)?;
        self.sha256.iter().try_for_each(|sha256| write!(f, "{CHECKSUM}{sha256}"))
    }
}

impl FromStr for PluginJar {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        let wrong = |why: &str| {
            Error::usage(format!("plugin jar {text:?}: {why}"))
                .hint("Write https://HOST/PATH.jar, with #sha256=HEX behind it for its checksum.")
        };
        let (url, sha256) = match text.split_once(CHECKSUM) {
            Some((url, sha256)) => (url, Some(sha256.to_ascii_lowercase())),
            None => (text, None),
        };
        let secure = url.starts_with("https://");
        if !secure && !url.starts_with("http://") {
            return Err(wrong("it is no URL that every pod can read"));
        }
        // The start script splits at spaces, and the URL is not to hold anything that a shell reads.
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/?=&%+@".contains(&b);
        if !url.bytes().all(plain) {
            return Err(wrong("it holds a character that does not belong into a URL"));
        }
        let digits =
            |text: &String| text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
        if sha256.as_ref().is_some_and(|sha256| !digits(sha256)) {
            return Err(wrong("a SHA-256 has 64 hexadecimal digits"));
        }
        if !secure && sha256.is_none() {
            return Err(wrong(
                "without TLS it needs a checksum: anybody on the way could change it",
            ));
        }
        Ok(PluginJar { url: url.to_owned(), sha256 })
    }
}

impl From<PluginJar> for String {
    fn from(jar: PluginJar) -> String {
        jar.to_string()
    }
}

impl TryFrom<String> for PluginJar {
    type Error = Error;
    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jar_is_a_url_and_over_plain_http_its_checksum() -> Result<()> {
        let sum = "0123456789abcdef".repeat(4);
        for good in ["https://host/a.jar".to_owned(), format!("http://host/a.jar#sha256={sum}")] {
            let jar: PluginJar = good.parse()?;
            assert_eq!(jar.to_string(), good);
            assert_eq!(jar.wanted(), good.replace("sha256=", ""));
        }
        for bad in [
            "./a.jar",
            "s3://bucket/a.jar",
            "http://host/a.jar",
            "https://host/a.jar#sha256=12",
            "https://host/a b.jar",
            "https://host/$(id).jar",
        ] {
            assert!(bad.parse::<PluginJar>().is_err(), "{bad:?}");
        }
        Ok(())
    }
}
