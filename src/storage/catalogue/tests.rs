use super::*;
use crate::model::storage::{AccessMode, ClaimStorage, StateStorage};
use crate::storage::testing::local_store;
use serde_json::json;

fn revision(generation: u32) -> anyhow::Result<Revision> {
    Ok(serde_json::from_value(json!({
        "application": "orders", "namespace": "shop", "generation": generation,
        "spec": {"apiVersion": "flink.apache.org/v1beta1", "kind": "FlinkDeployment",
                 "metadata": {"name": "orders"}, "spec": {}},
        "flinkVersion": "2.2", "image": "flink:2.2", "jobId": "0000000000000000000000000000000a",
        "jar": {"uri": "local:///opt/flink/usrlib/a.jar", "name": "a.jar"},
        "storage": {"claim": {"claim": "orders-state", "access": "rwo"}},
        "created": "2026-05-01T10:00:00Z", "createdBy": "0.1.0",
    }))?)
}

#[tokio::test]
async fn records_come_back_in_order_and_a_bad_one_hides_none() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let store = local_store(dir.path());
    let claim = ClaimStorage { claim: "c".into(), path: String::new(), access: AccessMode::Rwo };
    let layout = StateStorage::Claim(claim).layout("shop", &"orders".parse()?);
    assert!(read(&store, &layout).await?.newest().is_none());
    for generation in [10, 2, 9] {
        write(&store, &layout, &revision(generation)?).await?;
    }
    let folder = dir.path().join("shop/orders/catalogue");
    std::fs::write(folder.join("3.json"), "{\"half\":")?;
    std::fs::write(folder.join("notes.txt"), "not ours")?;
    let catalogue = read(&store, &layout).await?;
    let generations: Vec<u32> = catalogue.revisions.iter().map(|r| r.generation.number()).collect();
    assert_eq!(generations, [2, 9, 10]);
    assert_eq!(catalogue.newest(), Some(&revision(10)?));
    assert_eq!(catalogue.unreadable.len(), 1);
    assert!(catalogue.unreadable[0].0.ends_with("/3.json"));
    Ok(())
}
