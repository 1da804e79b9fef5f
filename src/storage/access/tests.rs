use super::*;
use crate::model::config::FlinkConfig;
use crate::model::storage::{AccessMode, ClaimStorage, StateStorage};
use serde_json::{Value, json};

fn pod(name: &str, component: &str, ready: bool, change: impl FnOnce(&mut Value)) -> Pod {
    let mut value = json!({
        "metadata": {"name": name, "labels": {labels::COMPONENT: component, labels::APPLICATION: "orders"}},
        "spec": {
            "containers": [{"name": "main", "volumeMounts": [{"name": "state", "mountPath": "/flink/state"}]}],
            "volumes": [{"name": "state", "persistentVolumeClaim": {"claimName": "orders-state"}}],
        },
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": if ready { "True" } else { "False" }}],
            "containerStatuses": [{"name": "main", "ready": ready, "restartCount": 0, "image": "i", "imageID": "",
                                   "state": {"running": {}}}],
        },
    });
    change(&mut value);
    serde_json::from_value(value).unwrap_or_else(|e| panic!("{e}"))
}

fn chosen(pods: &[Pod]) -> Option<String> {
    mounting(pods, "orders-state").map(|target| format!("{}/{}", target.pod, target.container))
}

#[test]
fn a_ready_jobmanager_is_the_first_choice() {
    let plain = |_: &mut Value| ();
    let (starting, helper) =
        (pod("jm-2", "jobmanager", false, plain), pod("h", "helper", true, plain));
    let (worker, manager) =
        (pod("tm", "taskmanager", true, plain), pod("jm-1", "jobmanager", true, plain));
    assert_eq!(
        chosen(&[starting.clone(), helper.clone(), worker.clone(), manager]).as_deref(),
        Some("jm-1/main")
    );
    assert_eq!(chosen(&[starting.clone(), helper.clone(), worker]).as_deref(), Some("tm/main"));
    assert_eq!(chosen(&[starting, helper.clone()]).as_deref(), Some("jm-2/main"));
    assert_eq!(chosen(&[helper]).as_deref(), Some("h/main"));
    assert_eq!(chosen(&[]), None);
}

#[test]
fn only_a_running_container_with_the_whole_writable_claim_will_do() {
    let unfit: [fn(&mut Value); 7] = [
        |p| p["metadata"]["deletionTimestamp"] = json!("2026-05-01T10:00:00Z"),
        |p| p["status"]["phase"] = json!("Failed"),
        |p| {
            p["status"]["containerStatuses"][0]["state"] =
                json!({"waiting": {"reason": "CrashLoopBackOff"}});
        },
        |p| p["spec"]["containers"][0]["volumeMounts"][0]["subPath"] = json!("part"),
        |p| p["spec"]["containers"][0]["volumeMounts"][0]["readOnly"] = json!(true),
        |p| p["spec"]["containers"][0]["volumeMounts"][0]["mountPath"] = json!("/elsewhere"),
        |p| p["spec"]["volumes"][0]["persistentVolumeClaim"]["claimName"] = json!("other"),
    ];
    for (number, change) in unfit.into_iter().enumerate() {
        assert_eq!(chosen(&[pod("p", "jobmanager", true, change)]), None, "case {number}");
    }
}

#[test]
fn an_init_container_that_runs_will_do() {
    let starting = pod("jm", "jobmanager", false, |p| {
        p["spec"]["initContainers"] = json!([{"name": "jar", "volumeMounts": [{"name": "state", "mountPath": "/flink/state"}]}]);
        p["status"]["initContainerStatuses"] = json!([{"name": "jar", "ready": false, "restartCount": 0, "image": "i", "imageID": "", "state": {"running": {}}}]);
        p["status"]["containerStatuses"][0]["state"] =
            json!({"waiting": {"reason": "PodInitializing"}});
    });
    assert_eq!(chosen(&[starting]).as_deref(), Some("jm/jar"));
}

fn spec() -> anyhow::Result<HelperSpec> {
    Ok(HelperSpec {
        application: "orders".parse()?,
        operation: "0123456789".parse()?,
        storage: Some(StateStorage::Claim(ClaimStorage {
            claim: "orders-state".to_owned(),
            path: String::new(),
            access: AccessMode::Rwo,
        })),
        also: None,
        data_store: None,
        config: FlinkConfig::default(),
        service_account: None,
        image: "flink:2.2".to_owned(),
        like: None,
    })
}

#[test]
fn the_helper_pod_passes_the_restricted_level_and_ends_by_itself() -> anyhow::Result<()> {
    let pod = serde_json::to_value(spec()?.pod()?)?;
    let spec = &pod["spec"];
    assert_eq!(spec["securityContext"]["runAsNonRoot"], true);
    assert_eq!(spec["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
    let container = &spec["containers"][0]["securityContext"];
    assert_eq!(container["allowPrivilegeEscalation"], false);
    assert_eq!(container["capabilities"]["drop"], json!(["ALL"]));
    assert_eq!(spec["automountServiceAccountToken"], false);
    assert_eq!(spec["activeDeadlineSeconds"], 3600);
    assert_eq!(spec["restartPolicy"], "Never");
    assert!(pod["metadata"]["name"].as_str().is_some_and(|name| name.len() <= 63));
    Ok(())
}
