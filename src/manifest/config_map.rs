//! The ConfigMap of a generation: everything in `FLINK_CONF_DIR`.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::ConfigMap;

use super::{meta, store};
use crate::error::Result;
use crate::model::agent;
use crate::model::config::FlinkConfig;
use crate::model::data::Binding;
use crate::model::labels::Component;
use crate::model::revision::Revision;

const LOG4J: &str = "log4j-console.properties";

/// Mounting it hides the image's own folder, so the logging configuration is in it too.
pub(super) fn build(revision: &Revision, config: &FlinkConfig) -> Result<ConfigMap> {
    let version = revision.flink_version;
    let mut files = BTreeMap::from([
        (version.config_file().to_owned(), config.render(version)?),
        (LOG4J.to_owned(), include_str!("log4j-console.properties").to_owned()),
    ]);
    files.extend(revision.spec.spec.log_configuration.clone());
    files.extend(revision.data_stores.iter().flat_map(Binding::files));
    let name = revision.application.config_map(revision.generation);
    Ok(ConfigMap {
        metadata: meta::of_generation(revision, name, Component::Support),
        data: Some(files),
        // Beside the configuration, for what is fetched before Flink starts: the job's jar, a plugin.
        binary_data: store::needs_agent(revision).then(|| {
            BTreeMap::from([(store::AGENT_FILE.to_owned(), ByteString(agent::JAR.to_vec()))])
        }),
        // A generation never changes, but for its log levels, which Flink reads again as it runs.
        immutable: None,
    })
}
