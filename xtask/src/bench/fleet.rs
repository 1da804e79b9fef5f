//! Applications by the thousand, as objects: copies of one that the plugin made.

use std::process::Stdio;
use std::thread;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::plane::{Plane, scratch, text, time};
use crate::step::say;

/// Name of the application that is copied. Long and odd, so that it stands for nothing else in the objects.
const SEED: &str = "seed-of-the-fleet";
/// Processes that create objects at the same time.
const WRITERS: usize = 4;

/// `kubectl flink deploy --no-wait` of a job in the image.
pub(super) fn deploy(plane: &Plane, namespace: &str, name: &str) -> Result<()> {
    let jar = "--jar=local:///opt/flink/examples/streaming/counter.jar";
    let args = ["deploy", name, jar, "--class=jobs.CounterJob", "--storage=pvc:1Gi", "--no-wait"];
    time(plane.ours(namespace, &args)).map(drop)
}

/// Creates `count` stopped applications: Service, record and JobManager Deployment each, as `list` and
/// `kubectl get deployments` read them.
pub(super) fn populate(plane: &Plane, namespace: &str, count: usize) -> Result<()> {
    plane.namespace(namespace)?;
    deploy(plane, namespace, SEED)?;
    let kinds = "services,controllerrevisions,deployments";
    let label = format!("kubectl-flink.io/application={SEED}");
    let objects = plane.ask(&["get", kinds, "-n", namespace, "-l", &label, "-o", "json"])?;
    let objects: Value = serde_json::from_str(&objects)?;
    let items = objects["items"].as_array().context("kubectl printed no list")?;
    let keep = |name: &str| {
        name.ends_with("-rest") || name.ends_with("-1") || name.ends_with("-jobmanager")
    };
    let models: Vec<Value> = items
        .iter()
        .filter(|item| {
            let service_of_generation = item["kind"] == "Service"
                && !item["metadata"]["name"].as_str().unwrap_or_default().ends_with("-rest");
            !service_of_generation && item["metadata"]["name"].as_str().is_some_and(keep)
        })
        .map(model)
        .collect();
    ensure!(models.len() == 3, "an application has {} such objects, not 3", models.len());
    say(&format!("==> Creating {count} applications"));
    let model = serde_json::to_string(&models)?;
    let shares: Vec<usize> = (0..WRITERS).collect();
    thread::scope(|scope| {
        let writers: Vec<_> = shares
            .iter()
            .map(|share| scope.spawn(|| write(plane, &model, (*share..count).step_by(WRITERS))))
            .collect();
        writers
            .into_iter()
            .try_for_each(|writer| writer.join().map_err(|_| anyhow::anyhow!("a writer died"))?)
    })
}

/// An object as it can be created again: without what the API server added, and stopped.
fn model(object: &Value) -> Value {
    let mut object = object.clone();
    let metadata = &mut object["metadata"];
    for key in ["uid", "resourceVersion", "creationTimestamp", "managedFields", "ownerReferences"] {
        if let Some(metadata) = metadata.as_object_mut() {
            metadata.remove(key);
        }
    }
    if object["kind"] == "Service" {
        object["metadata"]["annotations"]["kubectl-flink.io/run"] = json!("stopped");
        for key in ["clusterIP", "clusterIPs"] {
            if let Some(spec) = object["spec"].as_object_mut() {
                spec.remove(key);
            }
        }
        // A cluster has fewer addresses than this fleet Services.
        object["spec"]["clusterIP"] = json!("None");
    }
    if object["kind"] == "Deployment" {
        object["spec"]["replicas"] = json!(0);
    }
    if let Some(object) = object.as_object_mut() {
        object.remove("status");
    }
    object
}

fn write(plane: &Plane, model: &str, numbers: impl Iterator<Item = usize>) -> Result<()> {
    let mut list = String::from("{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[");
    let mut first = None;
    for number in numbers {
        if first.is_some() {
            list.push(',');
        }
        first.get_or_insert(number);
        let copies = model.replace(SEED, &format!("app-{number:04}"));
        list.push_str(copies.trim_start_matches('[').trim_end_matches(']'));
    }
    list.push_str("]}");
    let file = scratch(&format!("bench-fleet-{}.json", first.unwrap_or_default()), &list)?;
    let output = plane
        .kubectl(&["create", "-f", text(&file)?])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output()?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "kubectl create: {}", complaint.trim());
    std::fs::remove_file(file).context("cannot remove the list of objects")
}
