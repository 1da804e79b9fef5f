//! `storage move` on a real application.

use std::time::Duration;

use k8s_openapi::api::core::v1::PersistentVolumeClaim;

use crate::support::records::exactly_once;
use crate::support::{App, Sandbox, Store, eventually};

#[test]
#[ignore = "needs a node: cargo xtask test --layer e2e"]
fn state_moves_from_a_claim_to_s3_and_the_claim_can_go_after_the_next_generation() {
    let sandbox = Sandbox::new();
    let store = Store::s3(&sandbox);
    store.profile(&sandbox, "s3", &[]);
    let app = App::new(&sandbox, "orders").with_output();
    app.deploy(&["--storage=pvc:1Gi"], &[]).success();
    app.wait_for_commits(50);

    let run = |words: &[&str]| sandbox.run_for(crate::support::PATIENCE, words);
    let plan = run(&["storage", "move", "orders", "--to=s3", "--dry-run=client"]).success();
    assert!(plan.contains("copy the jar to s3://"), "{plan}");
    assert!(plan.contains("with a savepoint in file:"), "{plan}");
    let moved = run(&["storage", "move", "orders", "--to=s3"]);
    assert!(moved.success().contains("moved"), "{moved}");
    let before = exactly_once(&app.committed());
    app.wait_for_commits(before + 50);
    let saved = app.run("savepoint", &[]);
    saved.success();
    assert!(saved.last_line().starts_with(&format!("s3://{}/flink/", store.name)), "{saved}");

    // The generation that started from the claim still reads it.
    let status = app.run("status", &[]).success();
    assert!(status.contains("Also reads:      claim orders-state"), "{status}");
    run(&["storage", "delete", "orders-state", "-y"]).fails(4, &["orders"]);
    app.run("stop", &[]).success();
    app.run("start", &[]).success();
    let status = app.run("status", &[]).success();
    assert!(!status.contains("orders-state"), "{status}");
    run(&["storage", "delete", "orders-state", "-y"]).success();
    let claims = sandbox.cluster.api::<PersistentVolumeClaim>(&sandbox.namespace);
    eventually("the claim is gone", Duration::from_secs(60), || {
        let claims = sandbox.cluster.list(&claims, "");
        claims.iter().all(|claim| claim.metadata.name.as_deref() == Some("out")).then_some(())
    });
    let before = exactly_once(&app.committed());
    app.wait_for_commits(before + 50);
}
