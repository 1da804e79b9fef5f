//! `deploy` on an application that exists.

use k8s_openapi::api::apps::v1::Deployment;

use crate::support::records::exactly_once;
use crate::support::{App, PATIENCE, Sandbox, eventually};

#[test]
#[ignore = "needs a node: cargo xtask test --layer e2e"]
fn an_upgrade_neither_loses_nor_repeats_a_record() {
    let sandbox = Sandbox::new();
    let app = App::new(&sandbox, "orders");
    app.deploy(&[], &[]).success();
    app.wait_for_commits(50);

    let again = app.deploy(&[], &[]);
    again.success();
    assert_eq!(generations(&sandbox), ["orders-g1-jobmanager"], "nothing had changed\n{again}");

    app.deploy(&[], &["--rate", "200"]).success();
    assert_eq!(generations(&sandbox), ["orders-g2-jobmanager"], "the old generation is gone");
    let before = exactly_once(&app.committed());
    app.wait_for_commits(before + 200);
}

#[test]
#[ignore = "needs a node: cargo xtask test --layer e2e"]
fn an_upgrade_that_fails_goes_back_by_itself_with_its_state() {
    let sandbox = Sandbox::new();
    let app = App::new(&sandbox, "orders");
    app.deploy(&[], &[]).success();
    let before = app.wait_for_commits(50);

    let failed = app.deploy(&[], &["--fail-main"]);
    failed.fails(7, &["main() fails because --fail-main was given"]);
    eventually("one generation is left", PATIENCE, || {
        (generations(&sandbox).len() == 1).then_some(())
    });
    app.wait_for_commits(before + 200);
}

/// Names of the JobManagers' Deployments in the namespace.
fn generations(sandbox: &Sandbox) -> Vec<String> {
    let deployments = sandbox.cluster.api::<Deployment>(&sandbox.namespace);
    let mut names: Vec<String> = sandbox
        .cluster
        .list(&deployments, "app.kubernetes.io/component=jobmanager")
        .into_iter()
        .filter_map(|deployment| deployment.metadata.name)
        .collect();
    names.sort();
    names
}
