//! Files of a real claim, reached through a real helper pod: the layer below the verbs.

use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use kubectl_flink::cluster::exec::{ExecTarget, Streams, exec};
use kubectl_flink::cluster::{self, ConnectOptions, diagnose::Waiting};
use kubectl_flink::deadline::Deadline;
use kubectl_flink::error::Kind;
use kubectl_flink::model::config::FlinkConfig;
use kubectl_flink::model::storage::{AccessMode, ClaimStorage, StateLayout, StateStorage};
use kubectl_flink::storage::agent::AgentStore;
use kubectl_flink::storage::helper_pod::{CONTAINER, HelperSpec};
use kubectl_flink::storage::store::{Upload, Uploaded};
use kubectl_flink::storage::{OpenStore, StateStore as _, access, jar::LocalJar, upload};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::support::{Sandbox, eventually};

const IMAGE: &str = "flink:2.3.0";

/// A claim, and what opens it.
struct Bench {
    sandbox: Sandbox,
    cluster: cluster::Cluster,
    layout: StateLayout,
    spec: HelperSpec,
}

impl Bench {
    fn new(class: &str, size: &str) -> Bench {
        let sandbox = Sandbox::new();
        let options = ConnectOptions {
            kubeconfig: Some(sandbox.path("kubeconfig")),
            ..ConnectOptions::default()
        };
        let cluster = sandbox.cluster.wait(cluster::Cluster::connect(&options)).unwrap();
        sandbox.cluster.create::<PersistentVolumeClaim>(
            &sandbox.cluster.api(&sandbox.namespace),
            json!({"metadata": {"name": "orders-state"}, "spec": {
                "accessModes": ["ReadWriteOnce"], "storageClassName": class,
                "resources": {"requests": {"storage": size}}}}),
        );
        let claim = ClaimStorage {
            claim: "orders-state".into(),
            path: String::new(),
            access: AccessMode::Rwo,
        };
        let application = "orders".parse().unwrap();
        let storage = StateStorage::Claim(claim);
        let layout = storage.layout(&sandbox.namespace, &application);
        let spec = HelperSpec {
            application,
            operation: "0123456789".parse().unwrap(),
            storage: Some(storage),
            data_store: None,
            also: None,
            config: FlinkConfig::default(),
            service_account: None,
            image: IMAGE.into(),
            like: None,
        };
        Bench { sandbox, cluster, layout, spec }
    }

    async fn open(&self, limit: u64) -> kubectl_flink::error::Result<OpenStore> {
        let deadline = Deadline::after(Duration::from_secs(limit));
        access::open(&self.cluster, &self.spec, deadline, &mut |waiting: &Waiting| {
            eprintln!("waiting for {waiting}");
        })
        .await
    }

    /// A file of bytes that do not compress.
    fn jar(&self, megabytes: usize) -> LocalJar {
        let mut state = 1_u64;
        let content: Vec<u8> = (0..megabytes * 1024 * 128)
            .flat_map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                state.to_le_bytes()
            })
            .collect();
        let sha256 = Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
        let size = content.len() as u64;
        let path = self.sandbox.write("job.jar", content);
        LocalJar { path, name: "job.jar".into(), size, sha256, main_class: None }
    }

    fn pods(&self) -> Vec<Pod> {
        self.sandbox.cluster.list(&self.sandbox.cluster.api(&self.sandbox.namespace), "")
    }
}

#[test]
#[ignore = "needs a node: cargo xtask test --layer e2e"]
fn a_jar_goes_to_a_fresh_volume_and_a_cut_upload_goes_on_where_it_was() {
    let bench = Bench::new("standard", "1Gi");
    let jar = bench.jar(24);
    bench.sandbox.cluster.wait(async {
        let open = bench.open(60).await.unwrap();
        let store = open.store();

        // The client dies in the middle: its upload is dropped, and with it the connection.
        let cut = tokio::time::timeout(
            Duration::from_secs(30),
            upload_until(store, &bench.layout, &jar, 16 * 1024 * 1024),
        );
        cut.await.unwrap();

        let (mut first, mut last) = (None, 0);
        let begun = Instant::now();
        let uri = upload::upload_jar(store, &bench.layout, &jar, &mut |progress| {
            first.get_or_insert(progress.sent);
            last = progress.sent;
        })
        .await
        .unwrap();
        eprintln!("went on from {first:?}, took {:?}", begun.elapsed());
        // The first report is one chunk after the offset; how much was lost in flight varies.
        assert!(first.unwrap() > 64 * 1024, "went on from {first:?}");
        assert_eq!(last, jar.size);
        assert_eq!(uri, bench.layout.jar(&jar.sha256));
        let entry = store.stat(&uri).await.unwrap().unwrap();
        assert_eq!(entry.size, jar.size);

        let again = Instant::now();
        let mut sent = Vec::new();
        upload::upload_jar(store, &bench.layout, &jar, &mut |p| sent.push(p.sent)).await.unwrap();
        assert_eq!(sent, [jar.size], "what is there is not sent again");
        eprintln!("the second upload took {:?}", again.elapsed());

        store.write(&bench.layout.base().replace("orders", "a b$(id)"), b"x").await.unwrap();
        open.close().await.unwrap();
    });
    eventually("the helper pod is gone", Duration::from_secs(20), || {
        bench.pods().is_empty().then_some(())
    });
}

#[test]
#[ignore = "needs a node: cargo xtask test --layer e2e"]
fn the_agent_does_the_same_through_flinks_file_systems() {
    let bench = Bench::new("standard", "1Gi");
    let jar = bench.jar(24);
    bench.sandbox.cluster.wait(async {
        let deadline = Deadline::after(Duration::from_secs(60));
        let mut silent = |_: &Waiting| ();
        let pod = access::open_helper(&bench.cluster, &bench.spec, false, deadline, &mut silent)
            .await
            .unwrap();
        let target = pod.target.clone();
        let store = AgentStore::in_pod(bench.cluster.clone(), target.clone(), "", &[]);
        eprintln!("the agent started in {:?}", store.start().await.unwrap());

        let cut = upload_until(&store, &bench.layout, &jar, 16 * 1024 * 1024);
        tokio::time::timeout(Duration::from_secs(60), cut).await.unwrap();
        let mut first = None;
        let begun = Instant::now();
        let uri = upload::upload_jar(&store, &bench.layout, &jar, &mut |progress| {
            first.get_or_insert(progress.sent);
        })
        .await
        .unwrap();
        eprintln!("went on from {first:?}, took {:?}", begun.elapsed());
        assert!(first.unwrap() > 64 * 1024, "went on from {first:?}");

        // What the agent wrote, a shell in the same pod reads.
        let shell = access::open_in(&bench.cluster, target);
        assert_eq!(shell.store().stat(&uri).await.unwrap().unwrap().size, jar.size);
        assert_eq!(shell.store().list(&bench.layout.jars(), 1, &[]).await.unwrap().len(), 1);
        let whole = Upload { uri: uri.clone(), size: jar.size, sha256: jar.sha256.clone() };
        let again = shell.store().begin_upload(&whole).await.unwrap();
        assert_eq!(again, Uploaded::Whole, "checksum verified by the shell");
        assert_eq!(store.delete(&[&bench.layout.jars()]).await.unwrap(), 1);
        assert_eq!(store.stat(&uri).await.unwrap(), None);
        store.close().await;
        pod.close().await.unwrap();
    });
    eventually("the helper pod is gone", Duration::from_secs(20), || {
        bench.pods().is_empty().then_some(())
    });
}

/// Uploads until about `limit` bytes are on their way, then drops everything.
async fn upload_until(
    store: &dyn kubectl_flink::storage::StateStore,
    layout: &StateLayout,
    jar: &LocalJar,
    limit: u64,
) {
    let (reached, stop) = tokio::sync::oneshot::channel();
    let mut reached = Some(reached);
    let mut progress = |progress: upload::UploadProgress| {
        if progress.sent > limit {
            reached.take().map(|reached| reached.send(()));
        }
    };
    tokio::select! {
        done = upload::upload_jar(store, layout, jar, &mut progress) => panic!("{done:?}"),
        _ = stop => {}
    }
}

#[test]
#[ignore = "needs a node: cargo xtask test --layer e2e"]
fn a_full_volume_is_named_and_what_was_half_written_is_taken_away() {
    let bench = Bench::new("sized", "16Mi");
    let jar = bench.jar(24);
    bench.sandbox.cluster.wait(async {
        let open = bench.open(60).await.unwrap();
        let error = upload::upload_jar(open.store(), &bench.layout, &jar, &mut |_| ()).await;
        let error = error.expect_err("24 MiB on a volume of 16");
        assert_eq!(error.kind(), Kind::Preflight, "{error}");
        assert!(error.to_string().contains("No space left"), "{error}");

        // The volume fills up in the middle, as when the job writes at the same time.
        let upload = Upload {
            uri: bench.layout.jar(&jar.sha256),
            size: jar.size,
            sha256: jar.sha256.clone(),
        };
        let mut file = tokio::fs::File::open(&jar.path).await.unwrap();
        let error = open.store().upload(&upload, 0, &mut file).await.expect_err("a full volume");
        assert!(error.to_string().contains("No space left"), "{error}");
        let left = open.store().list(&bench.layout.jars(), 1, &[]).await.unwrap();
        assert!(left.is_empty(), "{left:?}");
        open.close().await.unwrap();
    });
}

#[test]
#[ignore = "needs a node: cargo xtask test --layer e2e"]
fn commands_in_a_pod_tell_their_exit_code_and_all_of_their_output() {
    let bench = Bench::new("standard", "1Gi");
    bench.sandbox.cluster.wait(async {
        let open = bench.open(60).await.unwrap();
        let target = ExecTarget { pod: bench.spec.name(), container: CONTAINER.into() };
        let run = async |script: &str| {
            let command = ["sh", "-c", script].map(str::to_owned);
            let streams = Streams { stdin: None, stdout: None };
            exec(&bench.cluster, &target, &command, streams).await
        };
        let ended = run("echo out; echo err >&2; exit 7").await.unwrap();
        assert_eq!((ended.exit_code, ended.stdout.as_slice()), (7, &b"out\n"[..]));
        assert_eq!(ended.stderr, "err\n");
        let ended = run("head -c 3000000 /dev/zero").await.unwrap();
        assert_eq!((ended.exit_code, ended.stdout.len()), (0, 3_000_000));
        assert!(run("head -c 9000000 /dev/zero").await.is_err(), "output is bounded");

        // A command that ends without reading its stdin would leave a session without end.
        let command = ["sh", "-c", "exit 3"].map(str::to_owned);
        let mut endless = tokio::io::repeat(0);
        let streams = Streams { stdin: Some(&mut endless), stdout: None };
        let limit = Duration::from_secs(60);
        let ended = tokio::time::timeout(limit, exec(&bench.cluster, &target, &command, streams));
        if let Err(error) = ended.await.expect("an end, one way or the other") {
            assert_eq!(error.kind(), Kind::Unreachable, "{error}");
        }

        let missing = ExecTarget { pod: "nobody".into(), container: "x".into() };
        let streams = Streams { stdin: None, stdout: None };
        let error = exec(&bench.cluster, &missing, &["true".to_owned()], streams).await;
        assert_eq!(error.expect_err("no such pod").kind(), Kind::NotFound);
        open.close().await.unwrap();
    });
}

#[test]
#[ignore = "needs a node: cargo xtask test --layer e2e"]
fn a_helper_pod_ends_by_itself_when_its_client_is_gone_and_the_next_one_sweeps_it() {
    let mut bench = Bench::new("standard", "1Gi");
    bench.sandbox.cluster.wait(async {
        let open = bench.open(60).await.unwrap();
        // As after SIGKILL: neither closed nor cleaned up.
        std::mem::forget(open);
    });
    eventually("the helper pod has ended", Duration::from_secs(60), || {
        let pods = bench.pods();
        let phase = pods.first()?.status.as_ref()?.phase.clone()?;
        (phase == "Succeeded").then_some(())
    });
    bench.spec.operation = "abcdefghij".parse().unwrap();
    bench.sandbox.cluster.wait(async {
        let open = bench.open(60).await.unwrap();
        assert!(open.has_helper());
        let names: Vec<String> =
            bench.pods_now().await.iter().filter_map(|pod| pod.metadata.name.clone()).collect();
        assert_eq!(names, [bench.spec.name()]);
        // Dropped, as when Ctrl-C ends the operation: the clean-up deletes it.
        drop(open);
        bench.cluster.clean_up(Duration::from_secs(10)).await;
    });
    eventually("the helper pod is gone", Duration::from_secs(20), || {
        bench.pods().is_empty().then_some(())
    });
}

impl Bench {
    async fn pods_now(&self) -> Vec<Pod> {
        let api = self.sandbox.cluster.api::<Pod>(&self.sandbox.namespace);
        api.list(&kube::api::ListParams::default()).await.unwrap().items
    }
}

#[test]
#[ignore = "needs a node: cargo xtask test --layer e2e"]
fn a_helper_pod_that_cannot_run_says_why() {
    let mut bench = Bench::new("standard", "1Gi");
    bench.spec.image = "registry.invalid/missing:1".into();
    let error = bench.sandbox.cluster.wait(bench.open(8)).err().unwrap();
    assert!(error.to_string().contains("registry.invalid/missing:1"), "{error}");
    bench.sandbox.cluster.wait(bench.cluster.clean_up(Duration::from_secs(10)));

    let mut bench = Bench::new("nobody", "1Gi");
    bench.spec.operation = "bcdefghijk".parse().unwrap();
    let error = bench.sandbox.cluster.wait(bench.open(8)).err().unwrap();
    assert!(error.to_string().contains("nobody"), "{error}");
    bench.sandbox.cluster.wait(bench.cluster.clean_up(Duration::from_secs(10)));
}
