use super::*;
use crate::cluster::testing::{expect, scripted, status};
use crate::error::Kind;
use http::Method;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use serde_json::{Value, json};

fn page(names: &[&str], token: &str) -> Value {
    let items: Vec<Value> = names.iter().map(|name| json!({"metadata": {"name": name}})).collect();
    json!({"metadata": {"resourceVersion": "1", "continue": token}, "items": items})
}

async fn names(cluster: &Cluster) -> Result<Vec<String>> {
    let pods: Vec<Pod> = list(cluster, &cluster.api(), "a=b").await?;
    Ok(pods.iter().map(ResourceExt::name_any).collect())
}

#[tokio::test(start_paused = true)]
async fn reads_are_repeated_after_failures_that_pass() -> Result<()> {
    let mut busy = status(429, "TooManyRequests", "slow down");
    busy["details"] = json!({"retryAfterSeconds": 3});
    let pods = "/api/v1/namespaces/flink/pods/p";
    let (cluster, served) = scripted(vec![
        expect(Method::GET, pods, 429, &busy),
        expect(Method::GET, pods, 503, &status(503, "ServiceUnavailable", "")),
        expect(Method::GET, pods, 200, &json!({"metadata": {"name": "p"}})),
    ]);
    let begun = tokio::time::Instant::now();
    let pod: Option<Pod> = get(&cluster, &cluster.api(), "p").await?;
    assert_eq!(pod.map(|pod| pod.name_any()).as_deref(), Some("p"));
    assert!(begun.elapsed().as_secs() >= 3, "Retry-After is honoured");
    served.await.unwrap();
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_missing_object_is_no_error_and_a_refusal_is_not_repeated() -> Result<()> {
    let missing = status(404, "NotFound", "pods \"p\" not found");
    let refused = status(
        403,
        "Forbidden",
        "pods \"p\" is forbidden: User \"ann\" cannot get resource \"pods\"",
    );
    let (cluster, served) = scripted(vec![
        expect(Method::GET, "/pods/p", 404, &missing),
        expect(Method::GET, "/pods/p", 403, &refused),
    ]);
    assert!(get::<Pod>(&cluster, &cluster.api(), "p").await?.is_none());
    let error = get::<Pod>(&cluster, &cluster.api(), "p").await.expect_err("forbidden");
    assert_eq!(error.kind(), Kind::Denied);
    assert!(
        error
            .to_string()
            .starts_with("failed to read Pod \"p\": pods \"p\" is forbidden: User \"ann\""),
        "{error}"
    );
    served.await.unwrap();
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn lists_come_in_pages_and_start_again_when_the_token_expires() -> Result<()> {
    let (cluster, served) = scripted(vec![
        expect(Method::GET, "labelSelector=a%3Db", 200, &page(&["a", "b"], "t1")),
        expect(Method::GET, "continue=t1", 410, &status(410, "Expired", "too old")),
        expect(Method::GET, "limit=500", 200, &page(&["a", "b"], "t2")),
        expect(Method::GET, "continue=t2", 200, &page(&["c"], "")),
    ]);
    assert_eq!(names(&cluster).await?, ["a", "b", "c"]);
    served.await.unwrap();
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_list_that_breaks_off_is_never_returned_in_part() {
    let gone = status(410, "Expired", "too old");
    let (cluster, served) = scripted(vec![
        expect(Method::GET, "/pods?", 200, &page(&["a"], "t1")),
        expect(Method::GET, "continue=t1", 410, &gone),
        expect(Method::GET, "/pods?", 200, &page(&["a"], "t2")),
        expect(Method::GET, "continue=t2", 410, &gone),
    ]);
    assert!(names(&cluster).await.is_err());
    served.await.unwrap();
}
