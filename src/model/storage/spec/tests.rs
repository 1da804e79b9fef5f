use super::super::{StateStorage, mounted_path};
use super::*;
use crate::model::name::Generation;
use proptest::prelude::*;

fn parse(text: &str) -> StorageSpec {
    text.parse().expect(text)
}

#[test]
fn reads_and_prints_requests() {
    for text in [
        "pvc:10Gi",
        "pvc:10Gi,class=fast",
        "pvc:10Gi,class=fast,access=rwx",
        "claim:shared",
        "claim:shared/flink/state",
        "minio-1",
        "s3://bucket/flink",
    ] {
        assert_eq!(parse(text).to_string(), text);
    }
    assert_eq!(parse("pvc:1024Mi,access=rwo").to_string(), "pvc:1Gi");
}

#[test]
fn refuses_with_the_reason() {
    for (text, reason) in [
        ("", "neither a claim"),
        ("10Gi", "neither a claim"),
        ("pvc:", "not a Kubernetes quantity"),
        ("pvc:0", "the size is zero"),
        ("pvc:1Gi,access=rwop", "serves one pod"),
        ("pvc:1Gi,access=rox", "not an access mode"),
        ("pvc:1Gi,clas=x", "not an option of pvc"),
        ("claim:", "not the name of a claim"),
        ("claim:Shared", "not the name of a claim"),
        ("claim:shared/../other", "the path may hold"),
        ("claim:shared/a b", "the path may hold"),
        ("minio://bucket/flink", "not a scheme"),
    ] {
        let error = text.parse::<StorageSpec>().expect_err(text);
        assert!(error.to_string().contains(reason), "{text}: {error}");
        assert!(!error.hints().is_empty(), "{text}");
    }
}

#[test]
fn lays_the_state_out_as_the_design_says() {
    let name: ApplicationName = "orders".parse().expect("valid");
    let bind = |text: &str| {
        parse(text).claim(&name, AccessMode::Rwx).map(StateStorage::Claim).expect("a claim")
    };
    let layout = bind("pvc:1Gi").layout("shop", &name);
    assert_eq!(layout.checkpoints(), "file:///flink/state/shop/orders/checkpoints");
    assert_eq!(layout.jar("ab"), "file:///flink/state/shop/orders/jars/ab.jar");
    assert_eq!(
        layout.catalogue_entry(Generation::new(4)),
        "file:///flink/state/shop/orders/catalogue/4.json"
    );
    let shared = bind("claim:shared/a/b");
    assert_eq!(shared.layout("shop", &name).base(), "file:///flink/state/a/b/shop/orders");
    assert!(!shared.is_for_one_node() && bind("pvc:1Gi").is_for_one_node());
}

#[test]
fn knows_which_uris_are_on_the_volume() {
    assert_eq!(mounted_path("file:///flink/state/a/b"), Some("/flink/state/a/b"));
    assert_eq!(mounted_path("file:///flink/statement"), None);
    assert_eq!(mounted_path("s3://flink/state"), None);
}

proptest! {
    #[test]
    fn printing_and_parsing_agree(
        size in 1..1_u64 << 50, class in proptest::option::of("[a-z]{1,8}"), many: bool,
    ) {
        let access = if many { AccessMode::Rwx } else { AccessMode::Rwo };
        let spec =
            StorageSpec::NewClaim(NewClaim { size: Quantity::from_bytes(size), class, access });
        prop_assert_eq!(spec.to_string().parse::<StorageSpec>().ok(), Some(spec));
    }

    #[test]
    fn never_panics(text in "(pvc:|claim:|s3://)?\\PC*") {
        let _ = text.parse::<StorageSpec>();
    }
}
