//! `deploy` on an application that exists.

use k8s_openapi::api::apps::v1::{ControllerRevision, Deployment};

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
    let document = app.deploy(&["--dry-run=client", "-o", "yaml"], &[]).success();
    sandbox.write("orders.yaml", document);
    let again = sandbox.run_for(PATIENCE, &["deploy", "-f", "orders.yaml"]);
    assert!(again.success().contains("unchanged"), "the document says the same\n{again}");

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
    // The third runs the first one's spec; the second, which failed, is gone.
    eventually("one generation is left", PATIENCE, || {
        (generations(&sandbox) == ["orders-g3-jobmanager"]).then_some(())
    });
    assert_eq!(record(&sandbox, 3)["spec"], record(&sandbox, 1)["spec"]);
    app.wait_for_commits(before + 200);
}

/// What is on record about a generation of `orders`.
fn record(sandbox: &Sandbox, generation: u32) -> serde_json::Value {
    let records = sandbox.cluster.api::<ControllerRevision>(&sandbox.namespace);
    let records = sandbox.cluster.list(&records, "app.kubernetes.io/instance=orders");
    let name = format!("orders-{generation}");
    let found = records.into_iter().find(|record| record.metadata.name.as_deref() == Some(&name));
    found.and_then(|record| record.data).expect("a record").0
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
