//! The environment of the main container.

use k8s_openapi::api::core::v1::{EnvVar, EnvVarSource, ObjectFieldSelector};

use super::{pod, volumes};
use crate::model::config::FlinkConfig;
use crate::model::process::Process;

/// Ours first, so that the template's variables can refer to them, and nobody replaces them; then the
/// template's; then those of the configuration, which replace the template's, as in Flink's native mode.
pub(super) fn all(
    template: Option<Vec<EnvVar>>,
    process: Process,
    config: &FlinkConfig,
    store: &[EnvVar],
) -> Vec<EnvVar> {
    let mut all = vec![
        from_pod("POD_IP", "status.podIP"),
        from_pod("POD_NAME", "metadata.name"),
        value("FLINK_CONF_DIR", volumes::CONFIG_PATH),
    ];
    all.extend(store.iter().cloned());
    let mut users = template.unwrap_or_default();
    for variable in configured(process, config) {
        users.retain(|other| other.name != variable.name);
        users.push(variable);
    }
    users.retain(|variable| all.iter().all(|ours| ours.name != variable.name));
    all.append(&mut users);
    all
}

/// `containerized.master.env.X` or `containerized.taskmanager.env.X`, and `env.java.home`, which the start
/// script reads as `JAVA_HOME`.
fn configured(process: Process, config: &FlinkConfig) -> Vec<EnvVar> {
    let prefix = match process {
        Process::JobManager => "containerized.master.env.",
        Process::TaskManager => "containerized.taskmanager.env.",
    };
    let named = config.iter().filter_map(|(key, text)| Some((key.strip_prefix(prefix)?, text)));
    let java = config.get("env.java.home").map(|home| ("JAVA_HOME", home));
    named.chain(java).map(|(name, text)| value(name, &pod::escape(text))).collect()
}

fn value(name: &str, value: &str) -> EnvVar {
    EnvVar { name: name.to_owned(), value: Some(value.to_owned()), value_from: None }
}

fn from_pod(name: &str, path: &str) -> EnvVar {
    let field = ObjectFieldSelector { field_path: path.to_owned(), api_version: None };
    EnvVar {
        name: name.to_owned(),
        value: None,
        value_from: Some(EnvVarSource { field_ref: Some(field), ..EnvVarSource::default() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_wins_over_the_template_and_nothing_is_expanded() {
        let mut config = FlinkConfig::default();
        config.set("containerized.taskmanager.env.TOKEN", "$(POD_IP)");
        config.set("containerized.taskmanager.env.POD_IP", "10.0.0.1");
        config.set("containerized.master.env.OTHER", "x");
        config.set("env.java.home", "/jdk");
        let template = vec![value("TOKEN", "old"), value("MINE", "$(POD_NAME)")];
        let all = all(Some(template), Process::TaskManager, &config, &[]);
        let shown: Vec<String> = all
            .iter()
            .map(|variable| match &variable.value {
                Some(value) => format!("{}={value}", variable.name),
                None => variable.name.clone(),
            })
            .collect();
        let expected = [
            "POD_IP",
            "POD_NAME",
            "FLINK_CONF_DIR=/opt/flink/conf",
            "MINE=$(POD_NAME)",
            "TOKEN=$$(POD_IP)",
            "JAVA_HOME=/jdk",
        ];
        assert_eq!(shown, expected);
    }
}
