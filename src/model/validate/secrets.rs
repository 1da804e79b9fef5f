//! Secrets that stand in a document as plain text.

use crate::model::pod_template;
use crate::model::process::Process;
use crate::model::spec::FlinkDeployment;
use crate::model::violation::Violation;

/// What Flink hides in its own logs (`GlobalConfiguration.SENSITIVE_KEYS`), without separators.
const SENSITIVE: [&str; 11] = [
    "password",
    "secret",
    "accountkey",
    "apikey",
    "authparams",
    "servicekey",
    "token",
    "basicauth",
    "jaasconfig",
    "httpheaders",
    "passphrase",
];

const REMEDY: &str = "Put it into a Secret, and hand that to the pods with --env-from secret/NAME or --mount secret/NAME:/path, \
     where the library reads a variable or a file.";

/// Everything that looks like a secret in plain text: none of it is wrong, and all of it can be read by whoever may
/// read the namespace's ConfigMaps, Deployments or ControllerRevisions. The values are not repeated.
pub fn plain_secrets(deployment: &FlinkDeployment) -> Vec<Violation> {
    let mut found = Vec::new();
    for (key, value) in deployment.spec.flink_configuration.iter() {
        if is_secret(key, value) {
            found.push(warning(
                format!("spec.flinkConfiguration.{key}"),
                "the configuration is kept in a ConfigMap",
            ));
        }
    }
    for process in Process::ALL {
        let Ok(template) = pod_template::template(&deployment.spec, process) else { continue };
        for container in template.spec.iter().flat_map(|spec| &spec.containers) {
            for variable in container.env.iter().flatten() {
                if is_secret(&variable.name, variable.value.as_deref().unwrap_or_default()) {
                    let path = format!(
                        "spec.podTemplate.spec.containers[{}].env[{}]",
                        container.name, variable.name
                    );
                    found.push(warning(path, "the variable is kept in a Deployment"));
                }
            }
        }
    }
    let args = deployment.job().map(|job| job.args.as_slice()).unwrap_or_default();
    for (position, argument) in args.iter().enumerate().filter(|(_, text)| text.starts_with('-')) {
        let next = args.get(position + 1).filter(|next| !next.starts_with('-'));
        let (name, value) = match argument.split_once('=') {
            Some((name, value)) => (name, value),
            None => (argument.as_str(), next.map_or("", String::as_str)),
        };
        if is_secret(name, value) {
            found.push(warning(
                format!("spec.job.args[{position}]"),
                "the arguments are kept in a Deployment",
            ));
        }
    }
    found.dedup_by(|a, b| a.path == b.path);
    found
}

fn warning(path: String, kept: &str) -> Violation {
    Violation::new(
        path,
        format!("this looks like a secret, and {kept}, which many can read"),
        REMEDY,
    )
}

/// Whether the name speaks of a secret and the value could be one: no switch, number, duration, path, class or
/// reference.
pub(crate) fn is_secret(name: &str, value: &str) -> bool {
    let name: String =
        name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    let value = value.trim();
    let is_setting = value.is_empty()
        || value.eq_ignore_ascii_case("true")
        || value.eq_ignore_ascii_case("false")
        || value.starts_with(['/', '$'])
        || value.starts_with("file:")
        || value.starts_with("org.apache.")
        || is_measure(value);
    !is_setting && SENSITIVE.iter().any(|part| name.contains(part))
}

/// A number with or without a unit: `3600`, `10 min`, `1h`.
fn is_measure(value: &str) -> bool {
    let number = value.trim_end_matches(|c: char| c.is_alphabetic() || c == ' ');
    !number.is_empty() && number.len() < 8 && number.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing;

    #[test]
    fn what_looks_like_a_secret_is_told_without_repeating_it() {
        let mut deployment = testing::revision().spec;
        let config = &mut deployment.spec.flink_configuration;
        config.set("s3.secret-key", "hunter22");
        config.set("security.ssl.internal.keystore-password", "correct horse");
        config.set("security.delegation.tokens.enabled", "true");
        config.set("security.delegation.token.provider.hadoopfs.renewal", "10 min");
        config.set("security.kerberos.login.keytab", "/etc/secret/keytab");
        config.set("state.savepoints.dir", "file:///flink/state/tokens");
        let env = "{spec: {containers: [{name: flink-main-container, env: [{name: API_KEY, value: xyzzy}, {name: DB_PASSWORD, valueFrom: {secretKeyRef: {name: a, key: b}}}]}]}}";
        deployment.spec.pod_template =
            Some(crate::yaml::from_str(env, "test").expect("a template"));
        let args = [
            "--topic",
            "tokens",
            "--password",
            "opensesame",
            "--api-token=abcdefgh",
            "--secret-file",
            "/x",
        ];
        deployment.spec.job.as_mut().expect("a job").args = args.map(str::to_owned).to_vec();
        let found = plain_secrets(&deployment);
        let paths: Vec<&str> = found.iter().map(|warning| warning.path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "spec.flinkConfiguration.s3.secret-key",
                "spec.flinkConfiguration.security.ssl.internal.keystore-password",
                "spec.podTemplate.spec.containers[flink-main-container].env[API_KEY]",
                "spec.job.args[2]",
                "spec.job.args[4]",
            ]
        );
        let text: String = found.iter().map(ToString::to_string).collect();
        for secret in ["hunter22", "correct horse", "xyzzy", "opensesame", "abcdefgh"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}
