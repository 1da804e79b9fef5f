//! Data stores: made known, shown, bound to jobs and forgotten; and none of what is secret comes back.

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use serde_json::{Value, json};

use crate::support::{Sandbox, schema};

const SECRET: &str = "do-not-show-this-to-anybody";
const LABEL: &str = "kubectl-flink.io/data-store";
const JAR: &str = "--jar=local:///opt/flink/examples/streaming/StateMachineExample.jar";

fn create(name: &str) -> Vec<String> {
    let password = format!("--from-literal=password={SECRET}");
    let words = [
        "storage",
        "create",
        name,
        "cassandra://node1,node2:9043/shop",
        "--local-datacenter=dc1",
        "--consistency=quorum",
        "--from-literal=username=me",
        &password,
    ];
    words.map(str::to_owned).to_vec()
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn a_data_store_is_made_shown_and_deleted_and_its_secret_never_comes_back() {
    let sandbox = Sandbox::new();
    let dry = sandbox.run(&[&create("rows")[..], &["--dry-run=server".to_owned()]].concat());
    assert!(dry.success().contains("flink-data-rows"), "{dry}");
    let maps = sandbox.cluster.api::<ConfigMap>(&sandbox.namespace);
    let secrets = sandbox.cluster.api::<Secret>(&sandbox.namespace);
    assert!(sandbox.cluster.list(&maps, LABEL).is_empty(), "a dry run writes nothing");
    let mut said = vec![dry];

    let made = sandbox.run(&create("rows"));
    assert!(made.success().contains("datastore/rows created"), "{made}");
    let data = sandbox.cluster.list(&maps, LABEL).remove(0).data.expect("data");
    assert_eq!(data["consistency"], "QUORUM");
    assert_eq!(data["secret"], "flink-data-rows");
    let secret = sandbox.cluster.list(&secrets, LABEL).remove(0);
    assert_eq!(secret.data.expect("values")["password"].0, SECRET.as_bytes());
    said.push(made);

    let list = sandbox.run(&["storage", "list"]);
    assert!(
        list.success().contains("rows         cassandra   cassandra://node1,node2:9043/shop"),
        "{list}"
    );
    let names = sandbox.run(&["storage", "list", "-o", "name"]);
    assert_eq!(names.success(), "datastore/rows\n");
    let described = sandbox.run(&["storage", "describe", "rows"]);
    let told = described.success();
    for line in [
        "Secret:            flink-data-rows",
        "  consistency: QUORUM",
        "  /flink/data-stores/rows/",
        "  DATA_STORE_ROWS_PASSWORD",
    ] {
        assert!(told.lines().any(|told| told == line), "{line}: {told}");
    }
    let json = sandbox.run(&["storage", "describe", "rows", "-o", "json"]);
    let view: Value = serde_json::from_str(&json.success()).unwrap();
    schema::holds("DataStoreView", &view);
    said.extend([list, names, described, json]);

    let again = sandbox.run(&create("rows"));
    again.fails(4, &["data store \"rows\" exists"]);
    let profile = sandbox.run(&["storage", "create", "rows", "s3://bucket"]);
    profile.fails(4, &["there is a data store of the name"]);
    let deleted = sandbox.run(&["storage", "delete", "rows"]);
    deleted.fails(9, &["cassandra://node1,node2:9043/shop stays"]);
    let dry = sandbox.run(&["storage", "delete", "rows", "--dry-run=server"]);
    assert!(dry.success().contains("no row of"), "{dry}");
    let gone = sandbox.run(&["storage", "delete", "rows", "-y"]);
    assert!(gone.success().contains("datastore/rows deleted"), "{gone}");
    assert!(sandbox.cluster.list(&maps, LABEL).is_empty());
    assert!(sandbox.cluster.list(&secrets, LABEL).is_empty(), "its Secret went along");
    said.extend([again, profile, deleted, dry, gone]);
    for outcome in said {
        assert!(!outcome.to_string().contains(SECRET), "a secret came back\n{outcome}");
    }
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn what_a_data_store_lacks_is_said_before_anything_is_written() {
    let sandbox = Sandbox::new();
    let create = |more: &[&str]| {
        sandbox
            .run(&[&["storage", "create", "rows", "node1/shop", "--type=cassandra"], more].concat())
    };
    create(&[]).fails(2, &["must know the local datacenter", "nodetool status"]);
    let local = "--local-datacenter=dc1";
    create(&[local, "--secret=nobodys"])
        .fails(3, &["secret \"nobodys\" not found", "kubectl create secret"]);
    create(&[local, "--from-literal=username=me"]).fails(2, &["needs password as well"]);
    create(&[local, "--tls=truststore", "--from-literal=username=me", "--from-literal=password=x"])
        .fails(2, &["truststore.p12, truststore-password as well"]);
    create(&[local, "--consistency=any"]).fails(2, &["for writes alone", "LOCAL_QUORUM"]);
    create(&[local, "--region=eu"]).fails(2, &["--region means nothing to Cassandra"]);
    create(&[local, "--znode-parent=/x"]).fails(2, &["znode-parent means nothing to Cassandra"]);
    let words = ["storage", "create", "rows"];
    let other = |more: &[&str]| sandbox.run(&[&words[..], more].concat());
    other(&["cassandra://a/shop", "--type=hbase"]).fails(2, &["contradict each other"]);
    other(&["s3://bucket", "--consistency=one"]).fails(2, &["--consistency is for data stores"]);
    other(&["pvc:1Gi", "--tls"]).fails(2, &["--tls is for data stores"]);
    other(&["hbase://z", "--consistency=one"]).fails(2, &["consistency means nothing to HBase"]);
    let maps = sandbox.cluster.api::<ConfigMap>(&sandbox.namespace);
    assert!(sandbox.cluster.list(&maps, LABEL).is_empty());
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn a_job_is_bound_by_flag_or_annotation_and_state_does_not_go_there() {
    let sandbox = Sandbox::new();
    sandbox.storage_class("example.com/volumes");
    let storage = format!("--storage=pvc:1Gi,class={}", sandbox.namespace);
    sandbox.run(&create("rows")).success();
    sandbox.run(&["storage", "create", "events", "hbase://zookeeper1/shop:events"]).success();
    let deploy = |more: &[&str]| {
        sandbox.run(&[&["deploy", "orders", JAR, &storage, "--no-wait"], more].concat())
    };
    deploy(&["--data-store=nobody"]).fails(3, &["no data store \"nobody\"", "storage create"]);
    deploy(&["--data-store=Rows"]).fails(2, &["not the name of a data store"]);
    sandbox
        .run(&["deploy", "orders", JAR, "--storage=rows"])
        .fails(2, &["\"rows\" is a data store", "no file system", "S3", "--data-store rows"]);
    sandbox
        .run(&["deploy", "orders", JAR, "--storage=cassandra://a/shop"])
        .fails(2, &["no file system on it", "S3"]);

    let both = ["--data-store=rows", "--data-store=events"];
    let document = deploy(&[&both[..], &["--dry-run=client", "-o", "yaml"]].concat()).success();
    assert!(document.contains("kubectl-flink.io/data-stores: rows,events"), "{document}");
    sandbox.write("orders.yaml", &document);
    let deployed = sandbox.run(&["deploy", "-f", "orders.yaml", "--no-wait"]);
    deployed.success();
    let said = deployed.to_string();
    assert!(said.contains("no connector for Cassandra was released for Flink 2.3"), "{said}");
    let pods = sandbox.cluster.api::<k8s_openapi::api::apps::v1::Deployment>(&sandbox.namespace);
    for deployment in sandbox.cluster.list(&pods, "") {
        let pod = serde_json::to_value(deployment.spec.unwrap().template.spec).unwrap();
        let main = &pod["containers"][0];
        let env = main["env"].as_array().unwrap();
        let of = |name: &str| env.iter().find(|variable| variable["name"] == name).cloned();
        assert_eq!(of("DATA_STORE_ROWS_KEYSPACE").unwrap()["value"], "shop");
        let password = of("DATA_STORE_ROWS_PASSWORD").unwrap();
        let expected = json!({"secretKeyRef": {"name": "flink-data-rows", "key": "password"}});
        assert_eq!(password["valueFrom"], expected);
        assert_eq!(of("DATA_STORE_EVENTS_TABLE").unwrap()["value"], "events");
        let mounts: Vec<&str> = main["volumeMounts"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|m| m["mountPath"].as_str())
            .collect();
        assert!(mounts.contains(&"/flink/data-stores/rows"), "{mounts:?}");
        assert!(mounts.contains(&"/flink/data-stores/events"), "{mounts:?}");
    }
    let maps = sandbox.cluster.api::<ConfigMap>(&sandbox.namespace);
    let config = sandbox.cluster.list(&maps, "").into_iter();
    let mut config = config.filter(|map| map.metadata.name.as_deref() == Some("orders-g1-config"));
    let files = config.next().unwrap().data.unwrap();
    assert!(
        files["data-store-rows-application.conf"].contains("basic.session-keyspace = \"shop\"")
    );
    assert!(files["data-store-events-hbase-site.xml"].contains("zookeeper1:2181"));

    sandbox.run(&["storage", "delete", "rows", "-y"]).fails(4, &["bound to orders"]);
    let listed = sandbox.run(&["storage", "list"]).success();
    assert!(listed.contains("flink-data-rows   orders"), "{listed}");
    let old = sandbox.run(&[
        "deploy",
        "old",
        JAR,
        "--flink-version=1.19",
        &storage,
        "--class=x.Y",
        "--data-store=rows",
        "--dry-run=client",
    ]);
    assert!(old.to_string().contains("flink-connector-cassandra_2.12:3.2.0-1.19"), "{old}");
}
