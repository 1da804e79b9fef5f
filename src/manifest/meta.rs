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

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use k8s_openapi::api::apps::v1::Deployment;

    use super::*;
    use crate::manifest::{GenerationObjects, generation, rest_service};
    use crate::model::testing;

    fn build(revision: &Revision) -> GenerationObjects {
        generation(revision).expect("valid")
    }

    fn pod_labels(deployment: &Deployment) -> BTreeMap<String, String> {
        let template = &deployment.spec.as_ref().expect("a spec").template;
        template.metadata.clone().and_then(|metadata| metadata.labels).expect("labels")
    }

    fn finds(selector: &LabelSelector, labels: &BTreeMap<String, String>) -> bool {
        let wanted = selector.match_labels.as_ref().expect("labels");
        !wanted.is_empty() && wanted.iter().all(|(key, value)| labels.get(key) == Some(value))
    }

    #[test]
    fn two_generations_share_no_name_no_ha_identity_and_no_pod() {
        let old = testing::revision();
        let mut new = old.clone();
        new.generation = old.generation.next();
        let (old, new) = (build(&old), build(&new));
        let names = |objects: &GenerationObjects| -> BTreeSet<String> {
            let documents = objects.documents().expect("JSON");
            let name = |document: &serde_json::Value| {
                document["metadata"]["name"].as_str().map(str::to_owned)
            };
            documents.iter().filter_map(name).collect()
        };
        // Deployment and Service share one, budget and policy another.
        assert_eq!(names(&old).len(), 4);
        assert!(names(&old).is_disjoint(&names(&new)));
        for key in ["high-availability.cluster-id: ", "kubernetes.cluster-id: "] {
            let line = |objects: &GenerationObjects| {
                let data = objects.config_map.data.as_ref().expect("data");
                let found = data["config.yaml"].lines().find(|line| line.starts_with(key));
                found.expect(key).to_owned()
            };
            assert_ne!(line(&old), line(&new));
        }
        let selector = &old.jobmanager.spec.as_ref().expect("a spec").selector;
        assert!(finds(selector, &pod_labels(&old.jobmanager)));
        assert!(!finds(selector, &pod_labels(&new.jobmanager)));
    }

    #[test]
    fn every_selector_finds_its_pods_whatever_labels_the_user_sets() {
        let mut revision = testing::revision();
        let mine = BTreeMap::from([
            (labels::APPLICATION.to_owned(), "other".to_owned()),
            (labels::GENERATION.to_owned(), "9".to_owned()),
            (labels::COMPONENT.to_owned(), "other".to_owned()),
            ("team".to_owned(), "shop".to_owned()),
        ]);
        revision.spec.metadata.labels = mine.clone();
        let template = serde_json::json!({"metadata": {"labels": mine}});
        revision.spec.spec.pod_template = Some(template);
        let objects = build(&revision);
        let [jobmanager, taskmanager] = [&objects.jobmanager, &objects.taskmanager].map(pod_labels);
        assert_eq!(taskmanager["team"], "shop");
        let own = |deployment: &Deployment| deployment.spec.clone().expect("a spec").selector;
        assert!(finds(&own(&objects.jobmanager), &jobmanager));
        assert!(!finds(&own(&objects.jobmanager), &taskmanager));
        assert!(finds(&own(&objects.taskmanager), &taskmanager));
        for service in [&objects.service, &rest_service(&revision)] {
            let match_labels = service.spec.as_ref().expect("a spec").selector.clone();
            let selector = LabelSelector { match_labels, match_expressions: None };
            assert!(finds(&selector, &jobmanager) && !finds(&selector, &taskmanager));
        }
        let policy = objects.network_policy.spec.expect("a spec").pod_selector;
        let budget = objects.disruption_budget.spec.expect("a spec").selector;
        let terms = objects
            .taskmanager
            .spec
            .and_then(|spec| spec.template.spec?.affinity?.pod_affinity)
            .and_then(|affinity| affinity.required_during_scheduling_ignored_during_execution);
        // A pod that its own term does not match would never be the first on any node.
        let term = terms.expect("terms").remove(0).label_selector;
        for selector in [policy, budget, term].map(|selector| selector.expect("a selector")) {
            assert!(finds(&selector, &jobmanager) && finds(&selector, &taskmanager));
        }
    }
}
