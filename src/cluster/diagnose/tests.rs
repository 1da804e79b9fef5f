use super::*;
use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::{Event, PersistentVolumeClaim, Pod};
use serde_json::{Value, json};

fn parse<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap_or_else(|e| panic!("{e}"))
}

/// A scheduled pod whose only container is in this state.
fn pod(container: &Value) -> Pod {
    let mut status = json!({"name": "flink-main-container", "ready": false, "restartCount": 0,
                            "image": "flink:2.2", "imageID": ""});
    for (key, value) in container.as_object().into_iter().flatten() {
        status[key] = value.clone();
    }
    parse(json!({"metadata": {"name": "jm"}, "status": {
        "phase": "Pending",
        "conditions": [{"type": "PodScheduled", "status": "True"}],
        "containerStatuses": [status]}}))
}

fn waits(reason: &str, message: &str) -> Value {
    json!({"state": {"waiting": {"reason": reason, "message": message}}})
}

fn unscheduled(message: &str) -> Pod {
    parse(json!({"metadata": {"name": "jm"}, "status": {"phase": "Pending", "conditions": [
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}]}}))
}

fn event(kind: &str, name: &str, reason: &str, message: &str, second: u32) -> Event {
    parse(json!({"metadata": {}, "involvedObject": {"kind": kind, "name": name},
                 "reason": reason, "message": message,
                 "lastTimestamp": format!("2026-05-01T10:00:{second:02}Z")}))
}

fn claim(phase: &str) -> PersistentVolumeClaim {
    parse(json!({"metadata": {"name": "orders-state"}, "status": {"phase": phase}}))
}

fn seen(pod: Pod) -> Observed {
    Observed { pods: vec![pod], ..Observed::default() }
}

fn only(observed: &Observed) -> Diagnosis {
    let mut found = observed.diagnoses();
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

#[test]
fn a_healthy_workload_has_no_diagnosis() {
    let mut ready = pod(&json!({"ready": true, "state": {"running": {}}}));
    if let Some(status) = &mut ready.status {
        status.conditions = Some(parse(json!([{"type": "Ready", "status": "True"}])));
    }
    let observed = seen(ready);
    assert_eq!((observed.waiting(), observed.diagnoses()), (Waiting::Nothing, Vec::new()));
    assert_eq!(Observed::default().waiting(), Waiting::Pods);
    let starting = seen(pod(&json!({"state": {"running": {}}})));
    assert_eq!((starting.waiting(), starting.diagnoses()), (Waiting::Jvm, Vec::new()));
}

#[test]
fn the_step_that_is_waited_for_comes_from_state_and_events() {
    let creating = || pod(&waits("ContainerCreating", ""));
    let mut observed = seen(creating());
    assert_eq!(observed.waiting(), Waiting::Containers);
    observed.events = vec![
        event("Pod", "jm", "Pulling", "Pulling image \"flink:2.2\"", 2),
        event("Pod", "jm", "SuccessfulAttachVolume", "AttachVolume.Attach succeeded", 1),
        event("Pod", "other", "FailedMount", "not ours", 3),
    ];
    assert_eq!(observed.waiting(), Waiting::ImagePull("flink:2.2".into()));
    observed.events.push(event("Pod", "jm", "Pulled", "Successfully pulled image", 4));
    assert_eq!(observed.waiting(), Waiting::Containers);

    let waiting = unscheduled("0/1 nodes are available");
    assert_eq!(seen(waiting.clone()).waiting(), Waiting::Scheduling);
    let volume =
        Observed { pods: vec![waiting], claims: vec![claim("Pending")], ..Observed::default() };
    assert_eq!(volume.waiting(), Waiting::Volume);

    let mut init = pod(&waits("PodInitializing", ""));
    if let Some(status) = &mut init.status {
        status.init_container_statuses = Some(parse(json!([
            {"name": "jar", "ready": false, "restartCount": 0, "image": "i", "imageID": "", "state": {"running": {}}}])));
    }
    assert_eq!(seen(init).waiting(), Waiting::Init("jar".into()));
}

#[test]
fn the_least_advanced_pod_decides() {
    let observed = Observed {
        pods: vec![pod(&json!({"state": {"running": {}}})), unscheduled("no")],
        ..Observed::default()
    };
    assert_eq!(observed.waiting(), Waiting::Scheduling);
}

#[test]
fn an_image_that_cannot_be_had_is_told_with_the_runtimes_words() {
    let mut observed =
        seen(pod(&waits("ImagePullBackOff", "Back-off pulling image \"flink:2.2\"")));
    observed.events = vec![
        event("Pod", "jm", "Failed", "Failed to pull image \"flink:2.2\": not found", 1),
        event("Pod", "jm", "Failed", "Error: ImagePullBackOff", 2),
    ];
    let found = only(&observed);
    assert!(found.is_settled());
    assert_eq!(
        found.to_string(),
        "image flink:2.2 of pod jm cannot be pulled: Failed to pull image \"flink:2.2\": not found"
    );

    let flaky = seen(pod(&waits("ErrImagePull", "dial tcp: i/o timeout")));
    assert!(!only(&flaky).is_settled(), "a registry may come back");
    assert!(only(&seen(pod(&waits("InvalidImageName", "bad")))).is_settled());
}

#[test]
fn a_crash_tells_code_reason_and_count() {
    let last = json!({"terminated": {"exitCode": 137, "reason": "OOMKilled"}});
    let mut state = waits("CrashLoopBackOff", "back-off 10s");
    state["lastState"] = last.clone();
    state["restartCount"] = json!(3);
    let found = only(&seen(pod(&state)));
    assert_eq!(
        found.to_string(),
        "container flink-main-container of pod jm ended with exit code 137 (OOMKilled) and was restarted 3 times"
    );
    assert!(found.hint().contains("more memory") && found.is_settled());

    // Between two restarts: the container runs again but is not ready.
    let found =
        only(&seen(pod(&json!({"state": {"running": {}}, "lastState": last, "restartCount": 1}))));
    assert!(matches!(found, Diagnosis::Crashing { restarts: 1, .. }));

    let once = json!({"state": {"terminated": {"exitCode": 1, "reason": "Error"}}});
    let found = only(&seen(pod(&once)));
    assert_eq!(
        (found.is_settled(), found.to_string().ends_with("exit code 1 (Error)")),
        (false, true)
    );
    let done = json!({"state": {"terminated": {"exitCode": 0, "reason": "Completed"}}});
    assert!(seen(pod(&done)).diagnoses().is_empty());
}

#[test]
fn a_container_that_lacks_its_secret_is_settled() {
    let found = only(&seen(pod(&waits("CreateContainerConfigError", "secret \"s\" not found"))));
    assert!(found.is_settled());
    assert_eq!(
        found.to_string(),
        "container flink-main-container of pod jm cannot be created: secret \"s\" not found"
    );
}

#[test]
fn a_mount_failure_counts_until_the_container_started() {
    let mut observed = seen(pod(&waits("ContainerCreating", "")));
    observed.events =
        vec![event("Pod", "jm", "FailedAttachVolume", "Multi-Attach error for volume", 1)];
    assert!(
        matches!(only(&observed), Diagnosis::MountFailed { message, .. } if message.starts_with("Multi-Attach"))
    );
    assert_eq!(observed.waiting(), Waiting::Volume);
    observed.pods = vec![pod(&json!({"started": true, "state": {"running": {}}}))];
    assert!(observed.diagnoses().is_empty());
}

#[test]
fn an_unbound_claim_is_a_failure_only_when_provisioning_failed() {
    let mut observed = Observed {
        pods: vec![unscheduled("pod has unbound immediate PersistentVolumeClaims")],
        claims: vec![claim("Pending")],
        ..Observed::default()
    };
    observed.events =
        vec![event("PersistentVolumeClaim", "orders-state", "WaitForFirstConsumer", "waiting", 1)];
    assert!(matches!(only(&observed), Diagnosis::Unschedulable { .. }));
    let message = "Waiting for a volume to be created by 'example.com/nobody'";
    let waits = event("PersistentVolumeClaim", "orders-state", "ExternalProvisioning", message, 2);
    observed.events.push(waits);
    let first = observed.diagnoses().into_iter().next();
    assert!(
        matches!(&first, Some(Diagnosis::ClaimUnprovisioned { message, .. }) if message.contains("nobody")),
        "the pod waits for a provisioner that nobody runs: {first:?}"
    );
    let failed = event(
        "PersistentVolumeClaim",
        "orders-state",
        "ProvisioningFailed",
        "storageclass \"fast\" not found",
        2,
    );
    observed.events.push(failed);
    let found = observed.diagnoses();
    assert_eq!(
        found[0].to_string(),
        "no volume can be made for claim orders-state: storageclass \"fast\" not found"
    );
    observed.claims = vec![claim("Bound")];
    assert!(matches!(only(&observed), Diagnosis::Unschedulable { .. }));
}

#[test]
fn a_refused_pod_comes_first_and_tells_who_refused() {
    let message = "pods \"x\" is forbidden: exceeded quota: small";
    let set: ReplicaSet = parse(json!({"metadata": {"name": "orders-g1-jobmanager-5d"},
        "status": {"replicas": 0, "conditions": [{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}]}}));
    let observed =
        Observed { replica_sets: vec![set], pods: vec![unscheduled("no")], ..Observed::default() };
    let first = observed.diagnoses().remove(0);
    assert_eq!(
        first.to_string(),
        format!("the API server refuses the pods of ReplicaSet orders-g1-jobmanager-5d: {message}")
    );
    assert!(first.is_settled() && first.hint().contains("quota"));
}

#[test]
fn an_evicted_pod_says_why_and_pods_on_their_way_out_do_not_count() {
    let evicted: Pod = parse(
        json!({"metadata": {"name": "tm"}, "status": {"phase": "Failed", "reason": "Evicted",
        "message": "The node was low on resource: ephemeral-storage."}}),
    );
    assert!(
        matches!(only(&seen(evicted)), Diagnosis::Evicted { message, .. } if message.contains("ephemeral-storage"))
    );
    let mut leaving = pod(&waits("CreateContainerError", "x"));
    leaving.metadata.deletion_timestamp = Some(parse(json!("2026-05-01T10:00:00Z")));
    assert!(seen(leaving).diagnoses().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_image_that_stays_away_ends_the_patience_and_one_that_comes_back_does_not() {
    let pulling = Diagnosis::ImageUnavailable {
        pod: "p".to_owned(),
        image: "flink:2.3.0".to_owned(),
        message: "connection refused".to_owned(),
    };
    let unscheduled = Diagnosis::Unschedulable { pod: "p".to_owned(), message: String::new() };
    let mut patience = Patience::default();
    assert!(!patience.is_over(Some(&pulling)));
    tokio::time::advance(Duration::from_secs(20)).await;
    assert!(!patience.is_over(None), "the registry came back");
    tokio::time::advance(Duration::from_secs(20)).await;
    assert!(!patience.is_over(Some(&pulling)));
    tokio::time::advance(Duration::from_secs(31)).await;
    assert!(patience.is_over(Some(&pulling)));
    assert!(!patience.is_over(Some(&unscheduled)), "an autoscaler may add a node");
}
