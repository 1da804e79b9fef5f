//! A job that comes to the end of its input while somebody is about to stop it.

use super::scene::{JAR, before, kinds, through, with_class};
use crate::support::{Flink, fault};

#[test]
#[ignore = "needs an API server: cargo xtask test --layer faults"]
fn f23_a_job_that_ends_while_it_is_stopped_is_not_begun_anew() {
    let (sandbox, proxy) = before(with_class(), Flink::that_ends_first());
    let storage = format!("--storage=pvc:1Gi,class={}", sandbox.namespace);
    // Its first checkpoint is awaited: Flink's archive is going to tell of it as if it were still there.
    through(&sandbox, &proxy, &["deploy", "orders", JAR, &storage]).success();
    let whole = kinds(&sandbox);

    let upgrade = ["deploy", "orders", JAR, "--parallelism=2"];
    let what = ["the job of orders is FINISHED", "kubectl flink delete orders"];
    let refused = through(&sandbox, &proxy, &upgrade);
    refused.fails(4, &what);
    assert!(refused.stderr.contains("stopping with a savepoint"), "it had ended before\n{refused}");
    // Now it is known before anything is done.
    for command in [&upgrade[..], &["stop", "orders"], &["stop", "orders", "--discard"]] {
        through(&sandbox, &proxy, command).fails(4, &what);
    }
    through(&sandbox, &proxy, &["savepoint", "orders"]).fails(4, &what[..1]);
    assert_eq!((kinds(&sandbox), proxy.savepoints()), (whole, 0));
    assert_eq!(proxy.flink(Flink::violations), [""; 0]);
    fault::seen(23, "deploy", format!("as it is stopped: {}", fault::told(&refused)));
}
