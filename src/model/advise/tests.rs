use super::*;

const GIB: u64 = 1 << 30;

fn class(name: &str, provisioner: &str) -> Class {
    Class {
        name: name.to_owned(),
        provisioner: provisioner.to_owned(),
        is_default: false,
        waits_for_consumer: true,
        expandable: true,
        deletes_with_claim: true,
    }
}

fn classes() -> [Class; 4] {
    [
        class("local", "rancher.io/local-path"),
        class("mystery", "example.com/x"),
        class("nfs", "nfs.csi.k8s.io"),
        class("ssd", "ebs.csi.aws.com"),
    ]
}

fn wish() -> Wish {
    let nodes = Some(3);
    Wish { state: 10 * GIB, nodes, ..Wish::default() }
}

fn order(wish: &Wish) -> Vec<(String, Fit)> {
    rank(&classes(), &BTreeMap::new(), wish)
        .into_iter()
        .map(|advice| (advice.name, advice.fit))
        .collect()
}

fn named(wish: &Wish, name: &str) -> Advice {
    rank(&classes(), &BTreeMap::new(), wish)
        .into_iter()
        .find(|advice| advice.name == name)
        .expect("ranked")
}

#[test]
fn what_survives_a_node_comes_first_on_several_nodes() {
    let names: Vec<String> = order(&wish()).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["nfs", "ssd", "mystery", "local"]);
    let one = Wish { nodes: Some(1), ..wish() };
    assert_eq!(order(&one)[0].0, "local");
}

#[test]
fn volumes_of_one_node_cannot_serve_taskmanagers_on_several() {
    let spread = Wish { spread: true, ..wish() };
    for name in ["local", "ssd"] {
        let advice = named(&spread, name);
        assert_eq!((advice.fit, &advice.storage), (Fit::Unfit, &None));
        assert!(advice.reasons[0].contains("ReadWriteOnce"), "{advice:?}");
    }
    assert_eq!(named(&spread, "nfs").storage.as_deref(), Some("pvc:33Gi,class=nfs,access=rwx"));
}

#[test]
fn a_network_file_system_is_no_place_for_rocksdb_to_work_in() {
    let advice = named(&Wish { rocksdb: true, ..wish() }, "nfs");
    assert_eq!(advice.fit, Fit::Fair);
    assert!(advice.reasons.iter().any(|reason| reason.contains("working directory")));
}

#[test]
fn growth_needs_room_and_volumes_that_can_grow() {
    let grows = Wish { growth: GIB, ..wish() };
    assert_eq!(capacity(&grows).to_string(), "132Gi");
    let mut fixed = class("fixed", "ebs.csi.aws.com");
    fixed.expandable = false;
    let advice = &rank(&[fixed], &BTreeMap::new(), &grows)[0];
    assert!(advice.fit == Fit::Fair && advice.reasons.iter().any(|r| r.contains("30 days")));
}

#[test]
fn the_default_class_wins_a_draw() {
    let mut other = class("zzz", "ebs.csi.aws.com");
    other.is_default = true;
    let ranked = rank(&[class("aaa", "ebs.csi.aws.com"), other], &BTreeMap::new(), &wish());
    assert_eq!(ranked[0].name, "zzz");
}

fn profiles() -> BTreeMap<String, Profile> {
    let profile = |uri: &str, endpoint: Option<&str>| {
        let mut profile = Profile::ambient(uri.parse().expect(uri));
        profile.access.endpoint = endpoint.map(str::to_owned);
        profile
    };
    BTreeMap::from([
        ("hadoop".to_owned(), profile("hdfs://namenode:8020/flink", None)),
        ("minio".to_owned(), profile("s3://bucket/flink", Some("http://minio:9000"))),
        ("prod".to_owned(), profile("s3://bucket/flink", None)),
    ])
}

fn of(wish: &Wish, name: &str) -> Advice {
    let ranked = rank(&classes(), &profiles(), wish);
    ranked.into_iter().find(|advice| advice.name == name).expect("ranked")
}

#[test]
fn a_store_that_every_node_reaches_comes_before_volumes() {
    let spread = Wish { spread: true, ..wish() };
    let ranked = rank(&classes(), &profiles(), &spread);
    let names: Vec<&str> = ranked.iter().map(|advice| advice.name.as_str()).collect();
    assert_eq!(names, ["prod", "hadoop", "nfs", "minio", "mystery", "local", "ssd"]);
    assert_eq!(ranked[0].storage.as_deref(), Some("prod"));
}

#[test]
fn a_server_that_may_be_eventually_consistent_is_warned_of() {
    let says = |name: &str| of(&wish(), name).reasons.concat().contains("high availability");
    assert!(says("minio") && !says("prod") && !says("hadoop"));
    assert_eq!(of(&wish(), "minio").fit, Fit::Fair);
}

#[test]
fn the_interval_counts() {
    let every = |seconds: u64, name: &str| {
        let interval = Some(Duration::from_secs(seconds));
        of(&Wish { interval, ..wish() }, name)
    };
    // 10 GiB each 30 s are 341 MiB/s.
    let ssd = every(30, "ssd");
    assert!(ssd.fit == Fit::Fair && ssd.reasons.concat().contains("341 MiB/s"), "{ssd:?}");
    assert_eq!(every(600, "ssd").fit, Fit::Good);
    assert_eq!(every(30, "prod").fit, Fit::Good);
    assert_eq!((every(1, "prod").fit, every(1, "hadoop").fit), (Fit::Fair, Fit::Good));
}

#[test]
fn a_plugin_that_the_jobs_flink_lacks_cannot_work() {
    let mut profiles = profiles();
    let native = profiles.get_mut("prod").expect("there");
    native.access.plugin = Some(crate::model::store::S3Plugin::Native);
    let old = Wish { version: FlinkVersion::V1_20, ..wish() };
    let ranked = rank(&[], &profiles, &old);
    let last = ranked.last().expect("ranked");
    assert_eq!((last.name.as_str(), last.fit, &last.storage), ("prod", Fit::Unfit, &None));
    assert!(last.reasons[0].contains("Flink 1.20 has no flink-s3-fs-native"), "{last:?}");
    assert_eq!(rank(&[], &profiles, &wish())[0].name, "prod");
}
