//! Kubernetes and Flink's high availability bring a killed process back from the latest checkpoint.

use crate::support::records::exactly_once;
use crate::support::{App, PATIENCE, Sandbox, eventually};

#[test]
#[ignore = "needs a node: cargo xtask test --layer faults"]
fn a_killed_jobmanager_comes_back_from_the_latest_checkpoint() {
    survives("jobmanager");
}

#[test]
#[ignore = "needs a node: cargo xtask test --layer faults"]
fn a_killed_taskmanager_comes_back_from_the_latest_checkpoint() {
    survives("taskmanager");
}

fn survives(component: &str) {
    let sandbox = Sandbox::new();
    let app = App::new(&sandbox, "orders");
    app.deploy(&[], &[]).success();
    app.wait_for_commits(50);

    app.kill_jvm(component);
    eventually("the container was restarted", PATIENCE, || {
        (app.restarts(component) > 0).then_some(())
    });
    // Going on from nothing would start again at record 0, and show as duplicates.
    let before = eventually("a TaskManager with a shell", PATIENCE, || {
        (ready(&app, "taskmanager") && ready(&app, "jobmanager"))
            .then(|| exactly_once(&app.committed()))
    });
    app.wait_for_commits(before + 300);
}

fn ready(app: &App<'_>, component: &str) -> bool {
    let statuses = app.pods(component).into_iter().filter_map(|pod| pod.status?.container_statuses);
    statuses.flatten().any(|status| status.ready)
}
