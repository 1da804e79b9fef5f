//! A job whose tasks are still starting, or starting again, when somebody wants to end it.

use super::scene::{JAR, before, through, with_class};
use crate::support::{Flink, Proxy, Sandbox};

const ALWAYS: u32 = u32::MAX;

fn begin(sandbox: &Sandbox, proxy: &Proxy) {
    let storage = format!("--storage=pvc:1Gi,class={}", sandbox.namespace);
    through(sandbox, proxy, &["deploy", "orders", JAR, &storage, "--no-wait"]).success();
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer faults"]
fn a_stop_waits_until_all_tasks_run() {
    let (sandbox, proxy) = before(with_class(), Flink::that_starts(3));
    begin(&sandbox, &proxy);
    let stopped = through(&sandbox, &proxy, &["stop", "orders"]);
    assert!(stopped.success().contains("savepoint-"), "{stopped}");
    assert!(stopped.stderr.contains("waiting until all tasks run"), "{stopped}");
    assert_eq!(proxy.savepoints(), 1);
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer faults"]
fn the_first_checkpoint_of_a_job_that_is_given_up_while_it_starts_counts() {
    let (sandbox, proxy) = before(with_class(), Flink::that_starts(ALWAYS));
    begin(&sandbox, &proxy);
    let plan = ["deploy", "orders", JAR, "--parallelism=2"];
    let upgraded = through(&sandbox, &proxy, &plan);
    upgraded.success();
    assert_eq!(proxy.flink(Flink::violations), [""; 0], "{upgraded}");
}
