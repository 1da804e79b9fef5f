//! From pods, events and claims to reasons: pure functions over what was observed.

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::{ContainerStatus, Event, PersistentVolumeClaim, Pod};
use kube::ResourceExt;

use super::{Diagnosis, Waiting};
use crate::cluster::condition;

/// The objects around a workload at one moment.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// The workload's pods.
    pub pods: Vec<Pod>,
    /// The ReplicaSets that should have made pods.
    pub replica_sets: Vec<ReplicaSet>,
    /// The claims that the pods mount.
    pub claims: Vec<PersistentVolumeClaim>,
    /// Events about any of these.
    pub events: Vec<Event>,
}

impl Observed {
    /// What the workload waits for: the least advanced pod decides.
    pub fn waiting(&self) -> Waiting {
        let live = self.live_pods().map(|pod| self.pod_waits_for(pod));
        live.min().unwrap_or(Waiting::Pods)
    }

    /// Everything that keeps the workload from running, gravest first.
    pub fn diagnoses(&self) -> Vec<Diagnosis> {
        let mut found: Vec<Diagnosis> = self.refusals().collect();
        for pod in self.live_pods().filter(|pod| !condition::pod_ready(pod)) {
            found.extend(self.container_diagnoses(pod));
            found.extend(self.pod_diagnoses(pod));
        }
        found.extend(self.claim_diagnoses());
        found.sort_by_key(Diagnosis::rank);
        found
    }

    fn live_pods(&self) -> impl Iterator<Item = &Pod> {
        let over =
            |pod: &Pod| condition::pod_terminating(pod) || condition::pod_phase(pod) == "Succeeded";
        self.pods.iter().filter(move |pod| !over(pod))
    }

    fn pod_waits_for(&self, pod: &Pod) -> Waiting {
        if condition::pod_ready(pod) {
            return Waiting::Nothing;
        }
        let bound = self.claims.iter().all(condition::claim_bound);
        if !condition::pod_scheduled(pod) {
            return if bound { Waiting::Scheduling } else { Waiting::Volume };
        }
        let state = |status: &ContainerStatus| status.state.clone().unwrap_or_default();
        let init = pod.status.as_ref().and_then(|s| s.init_container_statuses.as_ref());
        let running = init.into_iter().flatten().find(|s| state(s).running.is_some());
        if let Some(init) = running {
            return Waiting::Init(init.name.clone());
        }
        if condition::container_statuses(pod).any(|s| state(s).running.is_some()) {
            return Waiting::Jvm;
        }
        self.creation_step(pod)
    }

    /// While containers are created only the events tell the steps apart: the last one counts.
    fn creation_step(&self, pod: &Pod) -> Waiting {
        let image = |message: &str| message.split('"').nth(1).unwrap_or_default().to_owned();
        let steps = self.events_of("Pod", &pod.name_any());
        let last = steps.iter().rev().find_map(|event| {
            let message = event.message.as_deref().unwrap_or_default();
            match event.reason.as_deref()? {
                "Pulling" => Some(Waiting::ImagePull(image(message))),
                "FailedMount" | "FailedAttachVolume" => Some(Waiting::Volume),
                "Pulled" | "Created" | "Started" | "SuccessfulAttachVolume" => {
                    Some(Waiting::Containers)
                }
                _ => None,
            }
        });
        last.unwrap_or(Waiting::Containers)
    }

    fn refusals(&self) -> impl Iterator<Item = Diagnosis> {
        self.replica_sets.iter().filter_map(|set| {
            let conditions = set.status.as_ref()?.conditions.as_deref()?;
            let failed =
                conditions.iter().find(|c| c.type_ == "ReplicaFailure" && c.status == "True")?;
            Some(Diagnosis::PodsRefused {
                owner: format!("ReplicaSet {}", set.name_any()),
                message: failed.message.clone().unwrap_or_default(),
            })
        })
    }

    fn container_diagnoses(&self, pod: &Pod) -> Vec<Diagnosis> {
        condition::container_statuses(pod)
            .filter(|status| !status.ready)
            .filter_map(|status| {
                self.stuck_container(pod, status).or_else(|| crashed_container(pod, status))
            })
            .collect()
    }

    fn stuck_container(&self, pod: &Pod, status: &ContainerStatus) -> Option<Diagnosis> {
        let waiting = status.state.as_ref()?.waiting.as_ref()?;
        let reason = waiting.reason.as_deref()?;
        let said = waiting.message.clone().unwrap_or_else(|| reason.to_owned());
        match reason {
            "ErrImagePull" | "ImagePullBackOff" | "InvalidImageName" | "ErrImageNeverPull" => {
                let failed = self.last_event(pod, &["Failed"], "pull image");
                let message = match reason {
                    "ImagePullBackOff" => failed.unwrap_or(said),
                    "ErrImagePull" => said,
                    other => format!("{other}: {said}"),
                };
                Some(Diagnosis::ImageUnavailable {
                    pod: pod.name_any(),
                    image: status.image.clone(),
                    message,
                })
            }
            "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => {
                Some(Diagnosis::BadContainer {
                    pod: pod.name_any(),
                    container: status.name.clone(),
                    message: said,
                })
            }
            _ => None,
        }
    }

    fn pod_diagnoses(&self, pod: &Pod) -> Vec<Diagnosis> {
        let mut found = Vec::new();
        let status = pod.status.as_ref();
        if let Some(status) = status.filter(|s| s.reason.as_deref() == Some("Evicted")) {
            let message = status.message.clone().unwrap_or_default();
            found.push(Diagnosis::Evicted { pod: pod.name_any(), message });
        }
        let conditions = status.and_then(|s| s.conditions.as_deref()).unwrap_or_default();
        let unschedulable = conditions
            .iter()
            .find(|c| c.type_ == "PodScheduled" && c.reason.as_deref() == Some("Unschedulable"));
        if let Some(condition) = unschedulable {
            let message = condition.message.clone().unwrap_or_default();
            found.push(Diagnosis::Unschedulable { pod: pod.name_any(), message });
        }
        let started = condition::container_statuses(pod)
            .any(|s| s.started == Some(true) || s.restart_count > 0);
        if !started
            && let Some(message) =
                self.last_event(pod, &["FailedMount", "FailedAttachVolume", "FailedMapVolume"], "")
        {
            found.push(Diagnosis::MountFailed { pod: pod.name_any(), message });
        }
        found
    }

    fn claim_diagnoses(&self) -> Vec<Diagnosis> {
        let unbound = self.claims.iter().filter(|claim| !condition::claim_bound(claim));
        unbound
            .filter_map(|claim| {
                let name = claim.name_any();
                let events = self.events_of("PersistentVolumeClaim", &name);
                let last = |reasons: &[&str]| {
                    let fits = |event: &&&Event| {
                        event.reason.as_deref().is_some_and(|reason| reasons.contains(&reason))
                    };
                    events.iter().rev().find(fits)
                };
                // WaitForFirstConsumer and ExternalProvisioning are progress, not failures; but the latter
                // names the provisioner that a pod is kept waiting for. Kubernetes repeats it every 15 s.
                let waits = last(&["ExternalProvisioning"]).filter(|event| {
                    self.pods_wait_for_claims() || event.count.is_some_and(|count| count > 1)
                });
                let failed = last(&["ProvisioningFailed", "FailedBinding"]).or(waits)?;
                let message = failed.message.clone().unwrap_or_default();
                Some(Diagnosis::ClaimUnprovisioned { claim: name, message })
            })
            .collect()
    }

    /// Whether the scheduler holds a pod back because a claim of it has no volume.
    fn pods_wait_for_claims(&self) -> bool {
        let conditions =
            self.live_pods().filter_map(|pod| pod.status.as_ref()?.conditions.as_deref());
        conditions.flatten().any(|condition| {
            condition.type_ == "PodScheduled"
                && condition.message.as_deref().is_some_and(|m| m.contains("unbound immediate"))
        })
    }

    fn last_event(&self, pod: &Pod, reasons: &[&str], text: &str) -> Option<String> {
        let events = self.events_of("Pod", &pod.name_any());
        let fits = |event: &&&Event| {
            event.reason.as_deref().is_some_and(|reason| reasons.contains(&reason))
                && event.message.as_deref().is_some_and(|message| message.contains(text))
        };
        events.iter().rev().find(fits).and_then(|event| event.message.clone())
    }

    /// The events about one object, oldest first.
    fn events_of(&self, kind: &str, name: &str) -> Vec<&Event> {
        let about = |event: &&Event| {
            event.involved_object.kind.as_deref() == Some(kind)
                && event.involved_object.name.as_deref() == Some(name)
        };
        let mut events: Vec<&Event> = self.events.iter().filter(about).collect();
        events.sort_by_key(|event| last_seen(event));
        events
    }
}

/// The last end of a container that is not ready, unless it ended well.
fn crashed_container(pod: &Pod, status: &ContainerStatus) -> Option<Diagnosis> {
    let now = status.state.as_ref().and_then(|state| state.terminated.as_ref());
    let before = status.last_state.as_ref().and_then(|state| state.terminated.as_ref());
    let end = now.or(before)?;
    if end.exit_code == 0 && now.is_some() {
        return None;
    }
    Some(Diagnosis::Crashing {
        pod: pod.name_any(),
        container: status.name.clone(),
        restarts: status.restart_count,
        exit_code: end.exit_code,
        reason: end.reason.clone().unwrap_or_else(|| "Error".to_owned()),
    })
}

/// When the event last happened; the API has three places for it.
fn last_seen(event: &Event) -> Option<Timestamp> {
    let series = event.series.as_ref().and_then(|s| s.last_observed_time.as_ref()).map(|t| t.0);
    let newest = event.last_timestamp.as_ref().map(|t| t.0);
    let single = event.event_time.as_ref().map(|t| t.0);
    series.or(newest).or(single).or_else(|| event.first_timestamp.as_ref().map(|t| t.0))
}
