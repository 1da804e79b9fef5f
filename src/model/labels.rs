//! Label and annotation keys of every object this plugin writes.

use std::collections::BTreeMap;

use crate::model::name::{ApplicationName, Generation};

/// The field manager of every server-side apply, and the value of `app.kubernetes.io/managed-by`.
pub const FIELD_MANAGER: &str = "kubectl-flink";

/// Kubernetes' recommended label for who manages an object; ours says [`FIELD_MANAGER`].
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// The prefix of all our labels and annotations.
pub const PREFIX: &str = "kubectl-flink.io";

/// The application that an object belongs to.
pub const APPLICATION: &str = "kubectl-flink.io/application";
/// The generation that an object belongs to; absent on objects of the whole application.
pub const GENERATION: &str = "kubectl-flink.io/generation";
/// The role of an object: see [`Component`].
pub const COMPONENT: &str = "kubectl-flink.io/component";

/// Annotation of an object that is made once: the operation that made it, so that a create whose answer was lost is
/// recognised.
pub const OPERATION: &str = "kubectl-flink.io/operation";

/// Annotation of a FlinkDeployment: the state storage, as `--storage` takes it. Of a VolumeSnapshot: the claim that it is of, so
/// that one like it can be made when that one is gone.
pub const STORAGE: &str = "kubectl-flink.io/storage";
/// Annotation of a FlinkDeployment: the names of data stores that the job reads or writes, with commas between them.
pub const DATA_STORES: &str = "kubectl-flink.io/data-stores";
/// Annotation of a FlinkDeployment: which engine runs it. Only `direct` so far.
pub const ENGINE: &str = "kubectl-flink.io/engine";

/// Annotation of a claim, and of a volume snapshot: the image that wrote to it last, with which its state can be read.
pub const IMAGE: &str = "kubectl-flink.io/image";

/// Label: the storage profile that an object is.
pub const PROFILE: &str = "kubectl-flink.io/storage-profile";

/// Label: the data store that an object describes.
pub const DATA_STORE: &str = "kubectl-flink.io/data-store";

/// What an object is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Component {
    /// The JobManager.
    JobManager,
    /// The TaskManagers.
    TaskManager,
    /// State storage: the claim.
    Storage,
    /// The record of a generation.
    Revision,
    /// Lock and intent of an operation.
    Operation,
    /// Pods that serve the plugin, such as the storage helper.
    Helper,
    /// Everything else of a generation or application: configuration, access, network.
    Support,
}

impl Component {
    /// The label value.
    pub fn as_str(self) -> &'static str {
        match self {
            Component::JobManager => "jobmanager",
            Component::TaskManager => "taskmanager",
            Component::Storage => "storage",
            Component::Revision => "revision",
            Component::Operation => "operation",
            Component::Helper => "helper",
            Component::Support => "support",
        }
    }
}

/// The labels of an object of `application`; with a generation when it belongs to one.
pub fn labels(
    application: &ApplicationName,
    generation: Option<Generation>,
    component: Component,
) -> BTreeMap<String, String> {
    let mut labels = shared(component);
    labels.insert("app.kubernetes.io/instance".to_owned(), application.to_string());
    labels.insert(APPLICATION.to_owned(), application.to_string());
    if let Some(generation) = generation {
        labels.insert(GENERATION.to_owned(), generation.to_string());
    }
    labels
}

/// The name of the ConfigMap of a storage profile, and of the Secret that is made with it.
pub fn profile_object(profile: &str) -> String {
    format!("flink-storage-{profile}")
}

/// The labels of a storage profile.
pub fn of_profile(profile: &str) -> BTreeMap<String, String> {
    let mut labels = shared(Component::Storage);
    labels.insert(PROFILE.to_owned(), profile.to_owned());
    labels
}

/// The name of the ConfigMap of a data store, and of the Secret that is made with it.
pub fn data_store_object(name: &str) -> String {
    format!("flink-data-{name}")
}

/// The labels of a data store.
pub fn of_data_store(name: &str) -> BTreeMap<String, String> {
    let mut labels = shared(Component::Storage);
    labels.insert(DATA_STORE.to_owned(), name.to_owned());
    labels
}

/// The labels of an object that belongs to no application, such as storage that several may share.
pub fn shared(component: Component) -> BTreeMap<String, String> {
    BTreeMap::from([
        ("app.kubernetes.io/name".to_owned(), "flink".to_owned()),
        ("app.kubernetes.io/component".to_owned(), component.as_str().to_owned()),
        (MANAGED_BY.to_owned(), FIELD_MANAGER.to_owned()),
        (COMPONENT.to_owned(), component.as_str().to_owned()),
    ])
}

/// The labels that select pods: they never change during the life of a Deployment, so they are few.
pub fn selector_labels(
    application: &ApplicationName,
    generation: Option<Generation>,
    component: Option<Component>,
) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::from([(APPLICATION.to_owned(), application.to_string())]);
    if let Some(generation) = generation {
        labels.insert(GENERATION.to_owned(), generation.to_string());
    }
    if let Some(component) = component {
        labels.insert(COMPONENT.to_owned(), component.as_str().to_owned());
    }
    labels
}

/// The same as a label selector of the API (`k=v,k=v`).
pub fn selector(
    application: &ApplicationName,
    generation: Option<Generation>,
    component: Option<Component>,
) -> String {
    let labels = selector_labels(application, generation, component);
    labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}

/// The selector of the ConfigMaps that Flink's Kubernetes HA writes for a generation. Flink labels them
/// with its cluster id (`KubernetesUtils.getConfigMapLabels`); no object of ours has these labels.
pub fn ha_selector(application: &ApplicationName, generation: Generation) -> String {
    format!("app={},type=flink-native-kubernetes", application.cluster_id(generation))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_are_part_of_the_labels() {
        let name: ApplicationName = "orders".parse().expect("valid");
        let generation = Some(Generation::new(4));
        let labels = labels(&name, generation, Component::TaskManager);
        for (key, value) in selector_labels(&name, generation, Some(Component::TaskManager)) {
            assert_eq!(labels.get(&key), Some(&value), "{key}");
        }
        assert_eq!(
            selector(&name, generation, None),
            "kubectl-flink.io/application=orders,kubectl-flink.io/generation=4"
        );
        assert_eq!(
            ha_selector(&name, Generation::new(4)),
            "app=orders-g4,type=flink-native-kubernetes"
        );
    }
}
