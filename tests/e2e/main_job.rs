//! The main job: deploy → count → savepoint → delete → restore → the count goes on.

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};

use crate::support::records::jumps;
use crate::support::{App, PATIENCE, Proof, Sandbox, eventually};

#[test]
#[ignore = "needs a node: cargo xtask test --layer e2e"]
fn the_count_goes_on_after_delete_and_restore_on_flink_2() {
    the_count_goes_on(Proof::of("claim", "2.3"));
}

#[test]
#[ignore = "needs a node: cargo xtask test --layer e2e"]
fn the_count_goes_on_after_delete_and_restore_on_flink_1_20() {
    the_count_goes_on(Proof::of("claim", "1.20"));
}

fn the_count_goes_on(proof: Proof) {
    let sandbox = Sandbox::new();
    let app = App::on_flink(&sandbox, "counter", proof.flink);
    app.deploy(&[], &[]).success();
    app.wait_for_commits(50);
    proof.has("deploy");

    let savepoint = app.run("savepoint", &[]);
    savepoint.success();
    let path = savepoint.last_line().to_owned();
    assert!(path.starts_with("file:") && path.contains("savepoint-"), "{savepoint}");
    let counted = app.counted_in(&path);
    proof.has("savepoint");
    // A later checkpoint, so that the newest snapshot is another one.
    app.wait_for_commits(counted + 1);

    app.run("delete", &["-y"]).success();
    assert_eq!(left_behind(&sandbox), ["counter-state"], "only the claim stays");

    proof.check(&sandbox, "claim:counter-state", proof.image());
    app.run("restore", &["--from", &path]).success();
    // The restored job goes on in the same file: one jump, back to the record after the savepoint's
    // last, and every count fits its record (`lines` checks that).
    let lines = eventually("records after the restore", PATIENCE, || {
        let lines = app.lines();
        let after =
            jumps(&lines).first().and_then(|(_, to)| lines.last()?.sequence.checked_sub(*to));
        (after? > 100).then_some(lines)
    });
    let jumps = jumps(&lines);
    assert!(
        matches!(jumps[..], [(before, to)] if to == counted && before >= to),
        "{jumps:?}, saved at {counted}"
    );
    proof.has("restore");
}

/// Names of everything of ours that is still in the namespace.
fn left_behind(sandbox: &Sandbox) -> Vec<String> {
    let (cluster, namespace) = (&sandbox.cluster, sandbox.namespace.as_str());
    let mut names = Vec::new();
    names.extend(
        cluster.list(&cluster.api::<Deployment>(namespace), "").into_iter().map(|o| o.metadata),
    );
    names.extend(
        cluster.list(&cluster.api::<StatefulSet>(namespace), "").into_iter().map(|o| o.metadata),
    );
    names.extend(cluster.list(&cluster.api::<Pod>(namespace), "").into_iter().map(|o| o.metadata));
    names.extend(
        cluster
            .list(&cluster.api::<PersistentVolumeClaim>(namespace), "")
            .into_iter()
            .map(|o| o.metadata),
    );
    names.into_iter().filter_map(|metadata| metadata.name).collect()
}
