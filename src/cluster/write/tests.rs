use super::*;
use crate::cluster::testing::{Exchange, expect, scripted, status};
use http::Method;
use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::{Value, json};

fn lock(operation: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap",
           "metadata": {"name": "orders-operation", "uid": "u1", "annotations": {"op": operation}}})
}

fn config_map(value: Value) -> ConfigMap {
    serde_json::from_value(value).unwrap_or_else(|e| panic!("{e}"))
}

fn ours(found: &ConfigMap) -> bool {
    found.annotations().get("op").is_some_and(|op| op == "mine")
}

async fn try_create(exchanges: Vec<Exchange>) -> Result<Created<ConfigMap>> {
    let (cluster, served) = scripted(exchanges);
    let object = config_map(lock("mine"));
    let created = create(&cluster, &cluster.api(), &object, Mode::Real, ours).await;
    served.await.unwrap();
    created
}

const COLLECTION: &str = "/api/v1/namespaces/flink/configmaps?";
const OBJECT: &str = "/api/v1/namespaces/flink/configmaps/orders-operation";

fn unavailable() -> Value {
    status(503, "ServiceUnavailable", "etcd is not available")
}

#[tokio::test(start_paused = true)]
async fn a_create_is_never_sent_twice() -> Result<()> {
    // Exactly one POST: a second request that is no GET would fail the script.
    let created = try_create(vec![
        expect(Method::POST, COLLECTION, 503, &unavailable()),
        expect(
            Method::GET,
            OBJECT,
            404,
            &status(404, "NotFound", "configmaps \"orders-operation\" not found"),
        ),
    ])
    .await;
    assert_eq!(created.map(drop).map_err(|e| e.kind()), Err(Kind::Unreachable));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn an_ambiguous_create_counts_only_when_the_object_is_ours() -> Result<()> {
    for (found, mine) in [("mine", true), ("theirs", false)] {
        let created = try_create(vec![
            expect(Method::POST, COLLECTION, 500, &status(500, "InternalError", "timeout")),
            expect(Method::GET, OBJECT, 200, &lock(found)),
        ])
        .await?;
        assert_eq!(matches!(created, Created::Ours(_)), mine);
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn whoever_creates_first_holds_the_lock() -> Result<()> {
    let created = try_create(vec![
        expect(Method::POST, COLLECTION, 409, &status(409, "AlreadyExists", "exists")),
        expect(Method::GET, OBJECT, 200, &lock("theirs")),
    ])
    .await?;
    assert!(matches!(created, Created::Exists(_)));
    let refused =
        try_create(vec![expect(Method::POST, COLLECTION, 403, &status(403, "Forbidden", "no"))])
            .await;
    assert_eq!(refused.map(drop).map_err(|e| e.kind()), Err(Kind::Denied));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn an_apply_repeats_what_is_safe_and_never_forces() -> Result<()> {
    let patch = "/configmaps/orders-operation?&fieldManager=kubectl-flink";
    let (cluster, served) = scripted(vec![
        expect(Method::PATCH, OBJECT, 503, &unavailable()),
        expect(Method::PATCH, patch, 200, &lock("mine")),
    ]);
    apply(&cluster, &cluster.api(), &config_map(lock("mine")), Mode::Real).await?;
    let bodies = served.await.unwrap();
    assert_eq!(bodies[1]["kind"], "ConfigMap");

    let (cluster, served) = scripted(vec![expect(Method::PATCH, "dryRun=All", 200, &lock("mine"))]);
    apply(&cluster, &cluster.api(), &config_map(lock("mine")), Mode::DryRun).await?;
    served.await.unwrap();
    Ok(())
}

#[tokio::test]
async fn an_apply_conflict_names_owner_and_field() {
    let mut conflict = status(409, "Conflict", "Apply failed with 1 conflict");
    conflict["details"] = json!({"name": "orders-rest", "kind": "services", "causes": [
        {"reason": "FieldManagerConflict", "field": ".spec.selector", "message": "conflict with \"helm\" using v1"}]});
    let (cluster, served) = scripted(vec![expect(Method::PATCH, OBJECT, 409, &conflict)]);
    let error = apply(&cluster, &cluster.api(), &config_map(lock("mine")), Mode::Real).await;
    let error = error.expect_err("a conflict");
    assert_eq!(error.kind(), Kind::Conflict);
    assert_eq!(
        error.to_string(),
        "failed to apply ConfigMap \"orders-operation\": somebody else manages service \"orders-rest\": .spec.selector (owned by \"helm\" using v1)"
    );
    served.await.unwrap();
}

/// The record as it is read: version `version`, belonging to application `owner`.
fn read_as(version: &str, owner: &str) -> Value {
    let mut read = lock("mine");
    read["metadata"]["resourceVersion"] = json!(version);
    read["metadata"]["labels"] = json!({"kubectl-flink.io/application": owner});
    read
}

async fn try_delete_orders(exchanges: Vec<Exchange>) -> (Result<()>, Vec<Value>) {
    let (cluster, served) = scripted(exchanges);
    let read = config_map(read_as("7", "orders"));
    let outcome = delete(&cluster, &cluster.api(), &read, Mode::Real).await;
    (outcome, served.await.unwrap())
}

fn changed() -> Value {
    status(409, "Conflict", "the object has been modified")
}

#[tokio::test(start_paused = true)]
async fn a_delete_hits_only_the_object_that_was_read() -> Result<()> {
    for (code, answer) in
        [(200, json!({"kind": "Status", "status": "Success"})), (404, status(404, "NotFound", "…"))]
    {
        let (outcome, bodies) = try_delete_orders(vec![
            expect(Method::DELETE, OBJECT, 503, &unavailable()),
            expect(Method::DELETE, OBJECT, code, &answer),
        ])
        .await;
        outcome?;
        let guard = json!({"uid": "u1", "resourceVersion": "7"});
        assert_eq!(bodies[1], json!({"propagationPolicy": "Background", "preconditions": guard}));
    }
    let (cluster, _served) = scripted(Vec::new());
    let unread = config_map(json!({"metadata": {"name": "orders-operation"}}));
    let error = delete(&cluster, &cluster.api(), &unread, Mode::Real).await.expect_err("unread");
    assert!(error.to_string().ends_with("it was not read first"), "{error}");
    let error = replace(&cluster, &cluster.api(), &unread).await.expect_err("unread");
    assert!(error.to_string().ends_with("it was not read first"), "{error}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_changed_since_is_deleted_only_if_it_is_still_ours() -> Result<()> {
    let ours = try_delete_orders(vec![
        expect(Method::DELETE, OBJECT, 409, &changed()),
        expect(Method::GET, OBJECT, 200, &read_as("8", "orders")),
        expect(Method::DELETE, OBJECT, 200, &json!({"kind": "Status", "status": "Success"})),
    ]);
    let (outcome, bodies) = ours.await;
    outcome?;
    assert_eq!(bodies[2]["preconditions"]["resourceVersion"], "8");

    let (outcome, _) = try_delete_orders(vec![
        expect(Method::DELETE, OBJECT, 409, &changed()),
        expect(Method::GET, OBJECT, 200, &read_as("8", "payments")),
    ])
    .await;
    assert_eq!(outcome.map_err(|e| e.kind()), Err(Kind::Conflict));

    let mut successor = read_as("9", "orders");
    successor["metadata"]["uid"] = json!("u2");
    let (outcome, _) = try_delete_orders(vec![
        expect(Method::DELETE, OBJECT, 409, &changed()),
        expect(Method::GET, OBJECT, 200, &successor),
    ])
    .await;
    outcome
}

#[tokio::test(start_paused = true)]
async fn an_object_that_never_holds_still_is_given_up() {
    let round = |_| {
        [
            expect(Method::DELETE, OBJECT, 409, &changed()),
            expect(Method::GET, OBJECT, 200, &read_as("8", "orders")),
        ]
    };
    let (outcome, _) = try_delete_orders((0..5).flat_map(round).collect()).await;
    let error = outcome.expect_err("given up");
    assert!(error.to_string().ends_with("it changes all the time"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_replace_is_guarded_by_the_version_that_was_read() -> Result<()> {
    let mut read = lock("mine");
    read["metadata"]["resourceVersion"] = json!("7");
    let changed = status(409, "Conflict", "the object has been modified");
    let (cluster, served) = scripted(vec![expect(Method::PUT, OBJECT, 409, &changed)]);
    let error = replace(&cluster, &cluster.api(), &config_map(read)).await.expect_err("changed");
    assert_eq!(error.kind(), Kind::Conflict);
    let bodies = served.await.unwrap();
    assert_eq!(bodies[0]["metadata"]["resourceVersion"], "7");
    // Without a version the API server would take it, whatever is there.
    let (cluster, _) = scripted(vec![expect(Method::PUT, OBJECT, 200, &lock("mine"))]);
    let blind = config_map(lock("mine"));
    let error = replace(&cluster, &cluster.api(), &blind).await.expect_err("it was not read");
    assert!(error.to_string().contains("was not read first"), "{error}");
    Ok(())
}
