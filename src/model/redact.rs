//! Hides what looks like a secret in documents that are shown.

use serde_json::Value;

use crate::model::validate::is_secret;

/// Replaces secrets by `*** (1)`, `*** (2)`, …: the same secret by the same number, so that a comparison still shows
/// that one has changed.
#[derive(Debug, Clone, Default)]
pub struct Redactor(Vec<String>);

impl Redactor {
    /// Hides every secret in `document`: values of configuration, variables, arguments, and lines of files.
    pub fn hide(&mut self, document: &mut Value) {
        match document {
            Value::Object(map) => {
                let name = map.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
                for (key, value) in map.iter_mut() {
                    let named = if key == "value" { &name } else { key };
                    match value {
                        // The name of a Secret is not what is in it.
                        Value::String(_) if key == "secretName" || key == "name" => {}
                        Value::String(text) if is_secret(named, text) => *text = self.mark(text),
                        Value::String(text) if text.contains('\n') => *text = self.lines(text),
                        other => self.hide(other),
                    }
                }
            }
            Value::Array(items) if items.iter().all(Value::is_string) => self.arguments(items),
            Value::Array(items) => items.iter_mut().for_each(|item| self.hide(item)),
            _ => {}
        }
    }

    fn mark(&mut self, secret: &str) -> String {
        let number = self.0.iter().position(|known| known == secret).unwrap_or_else(|| {
            self.0.push(secret.to_owned());
            self.0.len() - 1
        });
        format!("*** ({})", number + 1)
    }

    fn lines(&mut self, text: &str) -> String {
        let line = |line: &str| {
            for separator in [": ", "="] {
                if let Some((key, value)) = line.split_once(separator)
                    && is_secret(key.trim(), value.trim().trim_matches(['"', '\'']))
                {
                    let end = if line.ends_with('\n') { "\n" } else { "" };
                    return format!("{key}{separator}{}{end}", self.mark(value.trim()));
                }
            }
            line.to_owned()
        };
        text.split_inclusive('\n').map(line).collect()
    }

    fn arguments(&mut self, arguments: &mut [Value]) {
        let mut option = String::new();
        for argument in arguments {
            let Value::String(text) = argument else { continue };
            match text.split_once('=') {
                Some((name, value)) if is_secret(name, value) => {
                    *text = format!("{name}={}", self.mark(value));
                }
                None if !text.starts_with('-') && is_secret(&option, text) => {
                    *text = self.mark(text);
                }
                _ => {}
            }
            option = if text.starts_with('-') { text.clone() } else { String::new() };
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_hidden_wherever_they_stand_and_told_apart() {
        let mut document = json!({
            "data": {"config.yaml": "parallelism.default: 2\ns3.secret-key: hunter22\n"},
            "spec": {
                "flinkConfiguration": {"s3.secret-key": "hunter22", "s3.endpoint": "http://s3"},
                "env": [{"name": "DB_PASSWORD", "value": "other"}, {"name": "MODE", "value": "fast"}],
                "args": ["--password", "third", "-Dtoken=fourth", "--rate", "5"],
                "volumes": [{"name": "creds", "secret": {"secretName": "s3-creds"}}],
            },
        });
        Redactor::default().hide(&mut document);
        assert_eq!(
            document,
            json!({
                "data": {"config.yaml": "parallelism.default: 2\ns3.secret-key: *** (1)\n"},
                "spec": {
                    "flinkConfiguration": {"s3.secret-key": "*** (1)", "s3.endpoint": "http://s3"},
                    "env": [{"name": "DB_PASSWORD", "value": "*** (2)"}, {"name": "MODE", "value": "fast"}],
                    "args": ["--password", "*** (3)", "-Dtoken=*** (4)", "--rate", "5"],
                    "volumes": [{"name": "creds", "secret": {"secretName": "s3-creds"}}],
                },
            })
        );
    }
}
