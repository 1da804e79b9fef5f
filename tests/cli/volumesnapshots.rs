//! `storage snapshot`, and claims that are made from what it took.

use std::time::Duration;

use insta::assert_snapshot;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kube::ResourceExt;
use kube::api::{Patch, PatchParams};
use kubectl_flink::model::volume_snapshot::VolumeSnapshot;
use serde_json::{Value, json};

use crate::support::volume_snapshots::{
    absent, all, bind, by_driver, class, driver, served, write_status,
};
use crate::support::{Outcome, Running, Sandbox, eventually, schema};

const LIMIT: Duration = Duration::from_secs(60);

/// A sandbox with claim `shared`, which has no volume yet.
fn with_claim() -> Sandbox {
    let sandbox = Sandbox::new();
    let class = sandbox.storage_class(&driver(&sandbox));
    sandbox.run(&["storage", "create", "shared", &format!("pvc:10Gi,class={class}")]).success();
    sandbox
}

/// The same, with a volume of a driver that can take snapshots.
fn with_volume() -> Sandbox {
    let sandbox = with_claim();
    bind(&sandbox, "shared", "10Gi", &by_driver(&sandbox));
    sandbox
}

fn take(sandbox: &Sandbox, more: &[&str]) -> Outcome {
    sandbox.run(&[&["storage", "snapshot", "shared"], more].concat())
}

fn claim(sandbox: &Sandbox, name: &str) -> Option<PersistentVolumeClaim> {
    sandbox.cluster.get(&sandbox.cluster.api(&sandbox.namespace), name)
}

/// Runs the plugin and writes `status` once its snapshot is there.
fn take_while(sandbox: &Sandbox, more: &[&str], status: &Value) -> Outcome {
    let args = [&["storage", "snapshot", "shared"], more].concat();
    let running = Running::start(&mut sandbox.command(&args));
    let name = eventually("the volume snapshot", LIMIT, || {
        all(sandbox).iter().find(|one| one.status.is_none()).map(ResourceExt::name_any)
    });
    write_status(sandbox, &name, status);
    sandbox.finish(running, LIMIT)
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn a_cluster_without_the_kinds_says_so_before_anything_is_written() {
    let sandbox = with_volume();
    let _kinds = absent(&sandbox);
    assert_snapshot!(take(&sandbox, &[]), @"
    exit code: 8
    ---- stdout
    ---- stderr
    error: this cluster serves no VolumeSnapshots (snapshot.storage.k8s.io/v1)
    hint: Where the driver of the volumes can take snapshots, ask an administrator for the snapshot controller and its CustomResourceDefinitions (kubernetes-csi/external-snapshotter).
    hint: Without them, `kubectl flink savepoint NAME` keeps the state of a running application.
    ");
    let create = ["storage", "create", "again", "--from-snapshot", "friday"];
    sandbox.run(&create).fails(8, &["serves no VolumeSnapshots"]);
    assert_eq!(claim(&sandbox, "again"), None);
    // What does not need them does not mention them.
    let described = sandbox.run(&["storage", "describe", "shared"]);
    assert!(!described.success().contains("napshot"), "{described}");
    sandbox.run(&["storage", "delete", "shared", "-y", "--no-wait"]).success();
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn a_snapshot_that_cannot_be_is_refused_before_anything_is_written() {
    let sandbox = with_claim();
    let _kinds = served(&sandbox);
    let refused = |more: &[&str], code, words: &[&str]| {
        take(&sandbox, more).fails(code, words);
        assert!(all(&sandbox).is_empty(), "{more:?}");
    };
    refused(&["--name", "Friday"], 2, &["not a valid name"]);
    refused(&[], 8, &["has no volume yet", "deploy an application"]);
    sandbox.run(&["storage", "snapshot", "nobody"]).fails(3, &["not found"]);
    bind(&sandbox, "shared", "10Gi", &by_driver(&sandbox));
    let ours = driver(&sandbox);
    let missing = format!("no VolumeSnapshotClass is for driver {ours}");
    refused(&[], 8, &[&missing, "ask an administrator"]);
    let (a, b) = (class(&sandbox, "a", &ours, false), class(&sandbox, "b", &ours, false));
    refused(&[], 8, &["none is its default", &format!("--class: {a}, {b}")]);
    let other = class(&sandbox, "other", "elsewhere.example.com", true);
    refused(&["--class", &other], 8, &["is for driver elsewhere.example.com", &a]);
    refused(&["--class", "none"], 8, &["\"none\" not found", &a]);
    for mode in ["--dry-run=client", "--dry-run=server"] {
        let plan = take(&sandbox, &["--class", &a, mode, "--name=friday"]).success();
        assert!(plan.contains("take volume snapshot friday of claim shared"), "{plan}");
        assert!(plan.contains("persistentVolumeClaimName: shared"), "{plan}");
        assert!(all(&sandbox).is_empty(), "{mode}");
    }
    let by_hand = ["storage", "create", "local", &format!("pvc:1Gi,class={}", sandbox.namespace)];
    sandbox.run(&by_hand).success();
    bind(&sandbox, "local", "1Gi", &json!({"hostPath": {"path": "/nowhere"}}));
    let refused = sandbox.run(&["storage", "snapshot", "local"]);
    refused.fails(8, &["not kept by a CSI driver", "storage advise"]);
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn a_snapshot_is_waited_for_and_told_of() {
    let sandbox = with_volume();
    let _kinds = served(&sandbox);
    let default = class(&sandbox, "a", &driver(&sandbox), true);
    class(&sandbox, "b", &driver(&sandbox), false);
    // Nobody takes snapshots here.
    let late = take(&sandbox, &["--name=thursday", "--timeout=1s"]);
    late.fails(124, &["no snapshot controller", "kubectl delete volumesnapshot thursday"]);
    write_status(&sandbox, "thursday", &json!({"readyToUse": false}));
    let ready =
        json!({"readyToUse": true, "restoreSize": "10Gi", "creationTime": "2026-01-01T00:00:00Z"});
    assert_snapshot!(take_while(&sandbox, &["--name=friday"], &ready), @"
    exit code: 0
    ---- stdout
    volumesnapshot/friday ready
    ---- stderr
    Taking snapshot friday: waiting until the driver has taken it
    hint: Make a claim from it with `kubectl flink storage create NAME --from-snapshot friday`.
    ");
    take(&sandbox, &["--name=friday"]).fails(4, &["\"friday\" exists already"]);
    let api = sandbox.cluster.api::<VolumeSnapshot>(&sandbox.namespace);
    let friday = sandbox.cluster.get(&api, "friday").unwrap();
    assert_eq!(friday.spec.volume_snapshot_class_name.as_deref(), Some(&*default));
    let like = format!("pvc:10Gi,class={}", sandbox.namespace);
    assert_eq!(friday.annotations()["kubectl-flink.io/storage"], like);

    let failed = json!({"readyToUse": false, "error": {"message": "rpc error: the pool is full"}});
    let failure = take_while(&sandbox, &["--name=saturday"], &failed);
    failure.fails(8, &["\"saturday\" failed: rpc error: the pool is full"]);

    let described = sandbox.run(&["storage", "describe", "shared"]);
    let text = described.success();
    let (_, section) = text.split_once("Volume snapshots\n").expect("the section");
    for line in ["friday", "not yet", "failed: rpc error: the pool is full", "10Gi"] {
        assert!(section.contains(line), "{line:?}\n{text}");
    }
    let json = sandbox.run(&["storage", "describe", "shared", "-o", "json"]).success();
    let json: Value = serde_json::from_str(&json).unwrap();
    schema::holds("StorageView", &json);
    assert_eq!(json["volumeSnapshots"].as_array().unwrap().len(), 3, "{json:#}");
    let begun = take(&sandbox, &["--no-wait", "-o", "json"]).success();
    let begun: Value = serde_json::from_str(&begun).unwrap();
    schema::holds("OutcomeView", &begun);
    assert_eq!(begun["outcome"], "begun");
    let target = begun["target"].as_str().unwrap();
    assert!(target.starts_with("volumesnapshot/shared-"), "{target}");

    // The claim goes, and none of them with it.
    let refused = sandbox.run(&["storage", "delete", "shared"]);
    refused.fails(9, &["Its 4 volume snapshots stay"]);
    let held = sandbox.run(&["storage", "delete", "shared", "-y", "--timeout=1s"]);
    held.fails(124, &["thursday of it is not ready", "kubectl delete volumesnapshot thursday"]);
    let deleted = sandbox.run(&["storage", "delete", "shared", "-y", "--no-wait"]);
    assert!(deleted.stderr.contains("volume snapshots of it are kept: "), "{deleted}");
    assert_eq!(all(&sandbox).len(), 4);
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn a_claim_is_made_from_a_snapshot_that_is_ready_and_no_smaller() {
    let sandbox = with_volume();
    let _kinds = served(&sandbox);
    class(&sandbox, "a", &driver(&sandbox), true);
    // As a deployment leaves it, for `restore` to read the state with.
    let image = json!({"metadata": {"annotations": {"kubectl-flink.io/image": "flink:2.3.0"}}});
    let claims = sandbox.cluster.api::<PersistentVolumeClaim>(&sandbox.namespace);
    let (params, image) = (PatchParams::default(), Patch::Merge(&image));
    sandbox.cluster.wait(claims.patch("shared", &params, &image)).unwrap();
    take(&sandbox, &["--name=friday", "--no-wait"]).success();
    let create = |more: &[&str]| {
        let args = ["storage", "create", "again", "--from-snapshot=friday"];
        sandbox.run(&[&args, more].concat())
    };
    let refused = |more: &[&str], code, words: &[&str]| {
        create(more).fails(code, words);
        assert_eq!(claim(&sandbox, "again"), None, "{more:?}");
    };
    let missing = sandbox.run(&["storage", "create", "again", "--from-snapshot=monday"]);
    missing.fails(3, &["\"monday\" not found", "kubectl get volumesnapshots"]);
    refused(&[], 8, &["\"friday\" is not ready", "kubectl wait"]);
    write_status(&sandbox, "friday", &json!({"readyToUse": true, "restoreSize": "10Gi"}));
    refused(&["pvc:9Gi"], 2, &["9Gi is too small", "needs 10Gi"]);
    refused(&["s3://bucket"], 2, &["makes a claim"]);
    refused(&["--type=s3"], 2, &["makes a claim"]);
    refused(&["--region=x"], 2, &["--region is for profiles"]);
    refused(&["pvc:10Gi,class=none"], 8, &["StorageClass \"none\" not found"]);
    for mode in ["--dry-run=client", "--dry-run=server"] {
        let plan = create(&[mode]).success();
        assert!(plan.contains("from volume snapshot friday"), "{plan}");
        assert!(plan.contains("kind: VolumeSnapshot"), "{plan}");
        assert_eq!(claim(&sandbox, "again"), None, "{mode}");
    }
    assert_snapshot!(create(&[]), @"
    exit code: 0
    ---- stdout
    persistentvolumeclaim/again created
    ---- stderr
    Its volume is made when the first pod mounts it.
    hint: Bring an application back with `kubectl flink restore NAME --storage claim:again`.
    ");
    let again = claim(&sandbox, "again").unwrap();
    assert_eq!(again.annotations()["kubectl-flink.io/image"], "flink:2.3.0");
    let spec = again.spec.unwrap();
    let source = spec.data_source.unwrap();
    assert_eq!((source.kind.as_str(), source.name.as_str()), ("VolumeSnapshot", "friday"));
    assert_eq!(source.api_group.as_deref(), Some("snapshot.storage.k8s.io"));
    assert_eq!(spec.storage_class_name, Some(sandbox.namespace.clone()));
    assert_eq!(spec.resources.unwrap().requests.unwrap()["storage"].0, "10Gi");
    create(&[]).fails(4, &["exists already"]);

    let complete = |words: &[&str]| sandbox.run(&[&["__complete"], words].concat()).success();
    let from = ["storage", "create", "x", "--from-snapshot", "f"];
    assert_eq!(complete(&from), "friday\tof claim shared\n:4\n");
    let with = ["storage", "snapshot", "shared", "--class", &sandbox.namespace];
    assert_eq!(complete(&with), format!("{0}-a\t{0}.example.com\n:4\n", sandbox.namespace));
}
