use super::*;
use crate::cluster::testing::{expect, routed, scripted, status, stream};
use http::Method;
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

fn pod(phase: &str, uid: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "status": {"phase": phase},
           "metadata": {"name": "p", "uid": uid, "resourceVersion": "5"}})
}

fn listed(items: &[Value]) -> Value {
    json!({"metadata": {"resourceVersion": "4"}, "items": items})
}

fn event(kind: &str, object: &Value) -> Value {
    json!({"type": kind, "object": object})
}

fn phase(pods: &BTreeMap<String, Pod>) -> Option<String> {
    pods.get("p")?.status.as_ref()?.phase.clone()
}

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn sees_a_change_through_the_watch() -> Result<()> {
    let (cluster, served) = scripted(vec![
        expect(
            Method::GET,
            "fieldSelector=metadata.name%3Dp",
            200,
            &listed(&[pod("Pending", "u")]),
        ),
        stream("watch=true", &[event("MODIFIED", &pod("Running", "u"))]),
    ]);
    let mut watched = Watched::<Pod>::named(cluster.api(), "p");
    let ran = watched
        .wait_for(Deadline::after(MINUTE), |pods| (phase(pods)? == "Running").then_some(()))
        .await?;
    assert!(ran.is_some());
    served.await.unwrap();
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn lists_again_when_the_watch_expires_or_the_server_is_busy() -> Result<()> {
    let expired = json!({"type": "ERROR", "object": status(410, "Expired", "too old")});
    let (cluster, served) = scripted(vec![
        expect(Method::GET, "/pods?", 503, &status(503, "ServiceUnavailable", "busy")),
        expect(Method::GET, "/pods?", 200, &listed(&[pod("Pending", "u")])),
        stream("watch=true", &[expired]),
        expect(Method::GET, "/pods?", 200, &listed(&[])),
    ]);
    let mut watched = Watched::<Pod>::named(cluster.api(), "p");
    let gone =
        watched.wait_for(Deadline::after(MINUTE), |pods| pods.is_empty().then_some(())).await?;
    assert!(gone.is_some());
    served.await.unwrap();
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn lists_again_when_the_watch_is_refused_as_expired() -> Result<()> {
    let expired = status(410, "Expired", "too old resource version");
    let (cluster, served) = scripted(vec![
        expect(Method::GET, "/pods?", 200, &listed(&[pod("Pending", "u")])),
        expect(Method::GET, "watch=true", 410, &expired),
        expect(Method::GET, "/pods?", 200, &listed(&[pod("Pending", "u")])),
        expect(Method::GET, "watch=true", 410, &expired),
        expect(Method::GET, "/pods?", 200, &listed(&[])),
    ]);
    let mut watched = Watched::<Pod>::named(cluster.api(), "p");
    let gone =
        watched.wait_for(Deadline::after(MINUTE), |pods| pods.is_empty().then_some(())).await?;
    assert!(gone.is_some());
    served.await.unwrap();
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn lists_again_when_the_watch_is_never_answered() -> Result<()> {
    let mut lists = 0;
    let cluster = routed(move |uri| {
        if uri.contains("watch=true") {
            return None;
        }
        lists += 1;
        let phase = if lists == 1 { "Pending" } else { "Running" };
        Some(listed(&[pod(phase, "u")]).to_string())
    });
    let mut watched = Watched::<Pod>::named(cluster.api(), "p");
    watched.changed().await?;
    // Whoever drops the future, as a clock beside it makes one do, does not begin to count anew.
    for _ in 0..50 {
        let tick = tokio::time::timeout(Duration::from_secs(1), watched.changed()).await;
        if tick.is_ok() {
            break;
        }
    }
    assert_eq!(phase(watched.objects()).as_deref(), Some("Running"));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_refusal_ends_the_wait_and_a_deadline_gives_nothing() -> Result<()> {
    let refused = status(403, "Forbidden", "pods is forbidden");
    let (cluster, _served) = scripted(vec![expect(Method::GET, "/pods?", 403, &refused)]);
    let mut watched = Watched::<Pod>::selected(cluster.api(), "a=b");
    let error = watched.wait_for(Deadline::after(MINUTE), |_| Some(())).await.expect_err("refused");
    assert_eq!(error.kind(), Kind::Denied);

    let (cluster, _served) =
        scripted(vec![expect(Method::GET, "/pods?", 200, &listed(&[])), stream("watch=true", &[])]);
    let mut watched = Watched::<Pod>::selected(cluster.api(), "a=b");
    let answer = watched.wait_for(Deadline::after(Duration::from_secs(2)), |_| None::<()>).await?;
    assert!(answer.is_none());
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn an_object_is_gone_when_its_successor_has_another_uid() -> Result<()> {
    let old: Pod = serde_json::from_value(pod("Running", "old")).unwrap_or_default();
    let (cluster, _served) = scripted(vec![
        expect(Method::GET, "/pods?", 200, &listed(&[pod("Running", "old")])),
        stream("watch=true", &[event("DELETED", &pod("Running", "old"))]),
    ]);
    assert!(wait_gone(cluster.api(), &old, Deadline::after(MINUTE)).await?);
    let (cluster, _served) =
        scripted(vec![expect(Method::GET, "/pods?", 200, &listed(&[pod("Pending", "new")]))]);
    assert!(wait_gone(cluster.api(), &old, Deadline::after(MINUTE)).await?);
    Ok(())
}
