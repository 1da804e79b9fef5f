//! From an exception of Flink's file systems to an error with a remedy.

use super::frame::Failure;
use crate::error::{Error, Kind};

/// Words in an exception's class or message, and what they tell.
struct Sign {
    words: &'static [&'static str],
    kind: Kind,
    hint: &'static str,
}

/// The first that fits is taken. The words are those of HDFS, of the AWS, Azure and Google clients, and of the JDK.
const SIGNS: &[Sign] = &[
    Sign {
        words: &["no space left", "quota exceeded", "quotaexceeded"],
        kind: Kind::Preflight,
        hint: "The storage is full: make it larger, or free space on it.",
    },
    Sign {
        words: &[
            "could not find a file system implementation for scheme",
            "unsupportedschemeexception",
        ],
        kind: Kind::Preflight,
        hint: "The image's Flink cannot reach that scheme: enable the plugin that can (ENABLE_BUILT_IN_PLUGINS), or use a storage profile, which does.",
    },
    Sign {
        words: &["certification path", "sslhandshakeexception", "certpathvalidator"],
        kind: Kind::Preflight,
        hint: "The pods do not trust the certificate of the store: give its authority's with `storage create --ca-bundle`.",
    },
    Sign {
        words: &[
            "nosuchbucket",
            "bucket does not exist",
            "containernotfound",
            "bucket is not found",
        ],
        kind: Kind::Preflight,
        hint: "Make the bucket, or correct its name.",
    },
    Sign {
        words: &[
            "accessdenied",
            "access denied",
            "forbidden",
            "status code: 403",
            "status code 403",
            "invalidaccesskeyid",
            "signaturedoesnotmatch",
            "authorizationfailure",
            "unable to load credentials",
            "no aws credentials",
            "accesscontrolexception",
            "authenticationfailed",
        ],
        kind: Kind::Preflight,
        hint: "The store refuses the job's credentials: check them, and what they allow.",
    },
    Sign {
        words: &["permission denied", "read-only file system", "accessdeniedexception"],
        kind: Kind::Preflight,
        hint: "The volume must be writable for uid 9999: set fsGroup, or the owner on the server.",
    },
    Sign {
        words: &[
            "unknownhost",
            "connection refused",
            "connectexception",
            "nohttpresponse",
            "sockettimeout",
            "no route to host",
            "timed out",
        ],
        kind: Kind::Preflight,
        hint: "The pod cannot reach the store: check the endpoint, the network policies and whether the store is up.",
    },
    Sign {
        words: &["filenotfoundexception", "nosuchfileexception"],
        kind: Kind::NotFound,
        hint: "Check the path.",
    },
];

/// The error of a request that the agent could not carry out. `doing` completes "failed to …".
pub(super) fn to_error(failure: &Failure, doing: &str) -> Error {
    let Failure { class, message, root_class, root_message } = failure;
    let what = match root_message.as_str() {
        // A message of its own says nothing without the exception's name.
        "" | "null" => format!("failed to {doing}: {}", short(root_class)),
        said if said.contains(' ') => format!("failed to {doing}: {}", one_line(said)),
        said => format!("failed to {doing}: {}: {}", short(root_class), one_line(said)),
    };
    match class.as_str() {
        "agent.Upload$Mismatch" => return Error::new(Kind::Conflict, what),
        "java.io.EOFException" if message.contains("connection was cut") => {
            return Error::new(Kind::Unreachable, what);
        }
        _ => {}
    }
    match sign(&format!("{class} {message} {root_class} {root_message}")) {
        Some(sign) => Error::new(sign.kind, what).hint(sign.hint),
        None => Error::new(Kind::Other, what),
    }
}

/// What to do about a failure of a store, as Flink tells it in words; `None` for one of something else.
pub fn remedy(why: &str) -> Option<&'static str> {
    // A file that is missing is nothing to a savepoint that could not be written.
    sign(why).filter(|sign| sign.kind == Kind::Preflight).map(|sign| sign.hint)
}

fn sign(text: &str) -> Option<&'static Sign> {
    let text = text.to_lowercase();
    SIGNS.iter().find(|sign| sign.words.iter().any(|words| text.contains(words)))
}

fn short(class: &str) -> &str {
    class.rsplit(['.', '$']).next().unwrap_or(class)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(class: &str, message: &str) -> Failure {
        Failure {
            class: class.to_owned(),
            message: message.to_owned(),
            root_class: class.to_owned(),
            root_message: message.to_owned(),
        }
    }

    #[test]
    fn what_stores_say_becomes_a_kind_and_a_remedy() {
        let cases = [
            ("java.io.IOException", "No space left on device", Kind::Preflight, "larger"),
            (
                "org.apache.flink.core.fs.UnsupportedFileSystemSchemeException",
                "Could not find a file system implementation for scheme 's3'. The scheme is directly supported by Flink through the following plugins: flink-s3-fs-hadoop",
                Kind::Preflight,
                "plugin",
            ),
            (
                "com.amazonaws.services.s3.model.AmazonS3Exception",
                "The AWS Access Key Id you provided does not exist (Service: Amazon S3; Status Code: 403; Error Code: InvalidAccessKeyId)",
                Kind::Preflight,
                "credentials",
            ),
            ("java.net.ConnectException", "Connection refused", Kind::Preflight, "endpoint"),
            (
                "javax.net.ssl.SSLHandshakeException",
                "PKIX path building failed: unable to find valid certification path to requested target",
                Kind::Preflight,
                "--ca-bundle",
            ),
            (
                "java.nio.file.AccessDeniedException",
                "/flink/state/x",
                Kind::Preflight,
                "credentials",
            ),
            ("java.io.FileNotFoundException", "File does not exist: /x", Kind::NotFound, "path"),
        ];
        for (class, message, kind, remedy) in cases {
            let error = to_error(&failure(class, message), "read s3://b/x");
            assert_eq!(error.kind(), kind, "{error}");
            assert!(error.hints()[0].contains(remedy), "{error}: {:?}", error.hints());
        }
    }

    #[test]
    fn what_flink_says_of_a_store_has_a_remedy_too() {
        assert!(remedy("IOException: No space left on device").is_some_and(|r| r.contains("full")));
        assert_eq!(remedy("Not all required tasks are currently running."), None);
        assert_eq!(remedy("FileNotFoundException: /x"), None);
    }

    #[test]
    fn a_message_that_is_only_a_name_comes_with_its_exception() {
        let error = to_error(&failure("java.nio.file.FileSystemException", "/x"), "write /x");
        assert_eq!(error.to_string(), "failed to write /x: FileSystemException: /x");
        let silent = to_error(&failure("java.lang.NullPointerException", "null"), "list s3://b");
        assert_eq!(silent.to_string(), "failed to list s3://b: NullPointerException");
    }

    #[test]
    fn what_an_upload_can_go_on_after_is_told_apart() {
        let cut = to_error(&failure("java.io.EOFException", "the connection was cut"), "upload x");
        assert_eq!(cut.kind(), Kind::Unreachable);
        let other = to_error(
            &failure("agent.Upload$Mismatch", "what arrived has another checksum"),
            "upload x",
        );
        assert_eq!(other.kind(), Kind::Conflict);
    }
}
