//! What does not need an agent, and in `with_flink` what does.

use futures::future::BoxFuture;
use tokio::io::{AsyncWriteExt, duplex};

use super::frame::{Body, encode};
use super::launch::{Launcher, Process};
use super::store::AgentStore;
use crate::cluster::exec::Ended;
use crate::error::Kind;
use crate::storage::StateStore;

mod with_flink;

/// An agent that says this and ends.
struct Says(Vec<u8>);

impl Launcher for Says {
    fn start(&self) -> BoxFuture<'_, crate::error::Result<Process>> {
        let said = self.0.clone();
        Box::pin(async move {
            let (mut stdin, input) = duplex(1024);
            let (output, mut sink) = duplex(1 << 20);
            let ended = tokio::spawn(async move {
                let _ = sink.write_all(&said).await;
                drop(sink);
                let _ = tokio::io::copy(&mut stdin, &mut tokio::io::sink()).await;
                Ok(Ended { exit_code: 75, stdout: Vec::new(), stderr: String::new() })
            });
            Ok(Process { input: Box::new(input), output: Box::new(output), ended })
        })
    }
}

#[tokio::test]
async fn answers_that_are_cut_off_or_make_no_sense_end_with_an_error() {
    let hello = encode(b'h', Body::default().number(1).text("17").big(0).bytes());
    let entries = encode(b'n', Body::of("file:///x/a").number(0).big(1).big(1).bytes());
    let cases: [(Vec<u8>, Kind); 5] = [
        (hello[..9].to_vec(), Kind::Unreachable),
        (encode(b'h', Body::default().number(2).text("17").big(0).bytes()), Kind::Other),
        (b"bash: java: command not found".to_vec(), Kind::Other),
        ([&hello[..], &entries[..entries.len() - 3]].concat(), Kind::Unreachable),
        ([&hello[..], &encode(b'n', &[0, 0, 0, 9])].concat(), Kind::Other),
    ];
    for (said, kind) in cases {
        let store = AgentStore::new(Says(said.clone()));
        let error = store.list("file:///x", 1, &[]).await.expect_err("no whole answer");
        assert_eq!(error.kind(), kind, "{error}: {said:?}");
    }
}
