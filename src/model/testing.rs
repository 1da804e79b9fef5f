//! A revision for tests.

use crate::model::flink_version::FlinkVersion;
use crate::model::ids::JobId;
use crate::model::name::Generation;
use crate::model::revision::{Jar, Revision};
use crate::model::spec::{FlinkDeployment, JobSpec};
use crate::model::storage::{AccessMode, ClaimStorage, StateStorage};

/// Generation 4 of the application `orders` in the namespace `shop`, on a volume for one node.
pub(crate) fn revision() -> Revision {
    let sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    let application = "orders".parse().expect("a name");
    let mut spec = FlinkDeployment::new("orders", Some("shop"), FlinkVersion::V2_3);
    spec.spec.job = Some(JobSpec {
        jar_uri: Some("https://repo.example.com/orders.jar".to_owned()),
        entry_class: Some("shop.Orders".to_owned()),
        args: vec!["--rate".to_owned(), "5".to_owned()],
        parallelism: Some(2),
        ..JobSpec::default()
    });
    let storage = StateStorage::Claim(ClaimStorage {
        claim: "orders-state".to_owned(),
        path: String::new(),
        access: AccessMode::Rwo,
    });
    let uri = storage.layout("shop", &application).jar(sha256);
    Revision {
        application,
        namespace: "shop".to_owned(),
        generation: Generation::new(4),
        parent: Some(Generation::new(3)),
        flink_version: FlinkVersion::V2_3,
        image: spec.image(),
        spec,
        job_id: JobId::derive(&["orders", "4"]),
        jar: Jar {
            uri,
            name: "orders.jar".to_owned(),
            sha256: Some(sha256.to_owned()),
            main_class: Some("shop.Orders".to_owned()),
        },
        storage,
        also_reads: None,
        data_stores: Vec::new(),
        restored_from: Some(
            "file:///flink/state/shop/orders/savepoints/abc/savepoint-1-2".parse().expect("a path"),
        ),
        created: "2026-11-22T15:00:00Z".parse().expect("a time"),
        created_by: "0.1.0".to_owned(),
    }
}
