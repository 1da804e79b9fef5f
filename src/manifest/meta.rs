//! Metadata that all objects share.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};

use crate::model::labels::{self, Component};
use crate::model::name::{ApplicationName, Generation};
use crate::model::revision::Revision;

/// Metadata of an object of the whole application.
pub(super) fn of_application(
    revision: &Revision,
    name: String,
    component: Component,
) -> ObjectMeta {
    meta(revision, name, None, component)
}

/// Metadata of an object of the revision's generation.
pub(super) fn of_generation(revision: &Revision, name: String, component: Component) -> ObjectMeta {
    meta(revision, name, Some(revision.generation), component)
}

/// The user's labels come along; ours win.
fn meta(
    revision: &Revision,
    name: String,
    generation: Option<Generation>,
    component: Component,
) -> ObjectMeta {
    let mut all = revision.spec.metadata.labels.clone();
    all.extend(labels::labels(&revision.application, generation, component));
    ObjectMeta {
        name: Some(name),
        namespace: Some(revision.namespace.clone()),
        labels: Some(all),
        ..ObjectMeta::default()
    }
}

/// A selector of the application's pods.
pub(super) fn selector(
    application: &ApplicationName,
    generation: Option<Generation>,
    component: Option<Component>,
) -> LabelSelector {
    LabelSelector {
        match_labels: Some(labels::selector_labels(application, generation, component)),
        match_expressions: None,
    }
}
