//! `apply`: how many objects a second 200 deployments write.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::interleave;
use super::plane::{Plane, scratch, text, time};
use super::report::Measured;

const APPLICATIONS: usize = 200;
/// What a deployment makes, and `kubectl apply` is given.
const KINDS: &str = "persistentvolumeclaims,controllerrevisions.apps,configmaps,deployments,services,serviceaccounts,roles,rolebindings,poddisruptionbudgets,networkpolicies";

pub(super) fn measure(plane: &Plane, rounds: u32) -> Result<Vec<Measured>> {
    let documents = scratch("bench-apply.yaml", &documents())?;
    let documents = text(&documents)?;
    plane.namespace("model")?;
    time(plane.ours("model", &["deploy", "-f", documents, "--no-wait", "-q"]))?;
    let (objects, count) = objects(plane)?;
    let objects = scratch("bench-apply.json", &objects)?;
    let objects = text(&objects)?;
    let fresh = |side: &str, round: u32| -> Result<String> {
        let namespace = format!("{side}-{round}");
        plane.namespace(&namespace).map(|()| namespace)
    };
    // Seconds per object: the ratio of throughputs, turned around.
    let ours = |round| {
        let namespace = fresh("ours", round)?;
        time(plane.ours(&namespace, &["deploy", "-f", documents, "--no-wait", "-q"]))
            .map(|s| s / count)
    };
    let baseline = |round| {
        let namespace = fresh("kubectl", round)?;
        let args = ["apply", "--server-side", "-n", &namespace, "-f", objects];
        time(plane.kubectl(&args)).map(|seconds| seconds / count)
    };
    let rounds = interleave("apply", rounds, ours, baseline)?;
    let rounds = rounds
        .into_iter()
        .map(|mut round| {
            round.ours *= 1000.0;
            round.baseline *= 1000.0;
            round
        })
        .collect();
    Ok(vec![Measured {
        name: "apply",
        metric: "time per object of 200 deployments".to_owned(),
        unit: "ms",
        goal: 1.0 / 3.0,
        rounds,
    }])
}

fn documents() -> String {
    let document = |number: usize| {
        json!({
            "apiVersion": "flink.apache.org/v1beta1",
            "kind": "FlinkDeployment",
            "metadata": {
                "name": format!("app-{number:03}"),
                "annotations": {"kubectl-flink.io/storage": "pvc:1Gi"},
            },
            "spec": {
                "flinkVersion": "v2_3",
                "job": {
                    "jarURI": "local:///opt/flink/examples/streaming/counter.jar",
                    "entryClass": "jobs.CounterJob",
                    "parallelism": 1,
                },
            },
        })
        .to_string()
    };
    (0..APPLICATIONS).map(document).collect::<Vec<_>>().join("\n---\n")
}

/// The objects that the deployments made, for another namespace, and how many there are.
fn objects(plane: &Plane) -> Result<(String, f64)> {
    let label = "kubectl-flink.io/application";
    let text = plane.ask(&["get", KINDS, "-n", "model", "-l", label, "-o", "json"])?;
    let mut list: Value = serde_json::from_str(&text)?;
    let items = list["items"].as_array_mut().context("kubectl printed no list")?;
    for item in items.iter_mut() {
        let metadata = item["metadata"].as_object_mut().context("an object has no metadata")?;
        metadata.retain(|key, _| ["name", "labels", "annotations"].contains(&key.as_str()));
        if let Some(item) = item.as_object_mut() {
            item.remove("status");
        }
        if let Some(spec) = item.get_mut("spec").and_then(Value::as_object_mut) {
            spec.retain(|key, _| !["clusterIP", "clusterIPs"].contains(&key.as_str()));
        }
    }
    // A reference to this namespace would be another object's.
    let count = f64::from(u32::try_from(items.len())?);
    Ok((list.to_string().replace("\"namespace\":\"model\"", "\"namespace\":\"\""), count))
}
