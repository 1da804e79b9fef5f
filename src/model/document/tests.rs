use super::*;
use crate::model::validate;

fn one(text: &str) -> Document {
    Document::all(text, "orders.yaml").expect(text).remove(0)
}

/// Everything that is wrong with the document, as users see it.
fn wrong(text: &str) -> String {
    let document = one(text);
    let reading = document.read();
    let all = reading.with(validate::violations(&reading.deployment));
    let lines: Vec<String> = placed(all, &document, &[]).iter().map(ToString::to_string).collect();
    lines.join("\n")
}

const HEAD: &str = "apiVersion: flink.apache.org/v1beta1\nkind: FlinkDeployment\n";

#[test]
fn every_mistake_is_named_at_once_with_its_place() {
    let text = format!(
        "{HEAD}metadata:
  name: orders
  labels: {{team: no}}
spec:
  flinkVersion: v2_33
  imagePullPolicy: always
  paralelism: 2
  replicas: 3
  flinkConfiguration:
    taskmanager:
      numberOfTaskSlots: many
    high-availability.cluster-id: mine
    web.cancel.enable: yes
    taskmanager.numberOfTaskSlots: 2
  jobManager:
    resource: {{cpu: much, memry: 2g}}
  taskManager:
    resource: [1]
  image: a
  image: b
  job:
    jarUri: local:///x.jar
    args: [--port, 0644, --tls, off]
    parallelism: \"4\"
    state: runing
    allowNonRestoredState: sure
  podTemplate:
    spec:
      containers:
      - name: flink-main-container
        image: x
        env: [{{name: A, value: 1}}]
"
    );
    insta::assert_snapshot!(wrong(&text));
}

#[test]
fn what_the_table_allows_can_be_read() {
    let text = format!(
        "{HEAD}metadata: {{name: orders, uid: x, finalizers: [x], labels: , annotations: {{a: b}}}}
status: {{anything: [1]}}
spec:
  image: x
  flinkVersion: v1_20
  restartNonce: 123456789012
  flinkConfiguration: {{a: {{b: 0.40, c: [1, x]}}, d: true}}
  logConfiguration:
  job: {{jarURI: 'local:///x.jar', parallelism: 2, allowNonRestoredState: True, args: ['no', \"0644\"]}}
"
    );
    let reading = one(&text).read();
    assert_eq!(reading.violations, []);
    let config = &reading.deployment.spec.flink_configuration;
    assert_eq!((config.get("a.b"), config.get("a.c")), (Some("0.4"), Some("1;x")));
    assert_eq!(reading.deployment.job().expect("a job").args, ["no", "0644"]);
}

#[test]
fn the_table_and_the_type_know_the_same_fields() {
    use crate::model::fields::{FIELDS, Type};
    // A document with every field of the table set.
    let mut root = serde_json::json!({});
    for field in FIELDS {
        let value = match field.holds {
            Type::Text => "x".into(),
            Type::Word(words) => words[0].into(),
            Type::Version => "v2_3".into(),
            Type::Integer | Type::Nonce => 1.into(),
            Type::Boolean => true.into(),
            Type::Amount => "1".into(),
            Type::Texts => serde_json::json!(["x"]),
            Type::TextMap | Type::AmountMap | Type::Configuration => serde_json::json!({"x": "1"}),
            Type::PodTemplate | Type::Any => serde_json::json!({"x": "1"}),
        };
        let mut at = &mut root;
        for part in field.path.split('.') {
            at = match part.strip_suffix("[]") {
                None => &mut at[part],
                Some(list) => {
                    if at[list].is_null() {
                        at[list] = serde_json::json!([{}]);
                    }
                    &mut at[list][0]
                }
            };
        }
        *at = value;
    }
    // The type refuses a field that it does not have …
    let deployment = FlinkDeployment::deserialize(&root).expect("every field of the table");
    // … and writes those that it has.
    let again = serde_json::to_value(&deployment).expect("JSON");
    for field in FIELDS.iter().filter(|f| f.treatment != crate::model::fields::Treatment::Dropped) {
        let pointer = format!("/{}", field.path.replace("[]", "/0").replace('.', "/"));
        assert_eq!(again.pointer(&pointer), root.pointer(&pointer), "{}", field.path);
    }
}

#[test]
fn mistakes_in_a_list_of_mappings_have_their_place() {
    let text = format!(
        "{HEAD}metadata: {{name: orders}}\nspec:\n  job: {{jarURI: 'local:///x.jar'}}\n  ingress:\n    template: /x\n    tls:\n    - hosts: [a.example.com]\n    - secret: cert\n    - hosts: [no]\n    - 3\n"
    );
    insta::assert_snapshot!(wrong(&text), @r#"
    orders.yaml:10:7: spec.ingress.tls[1].secret: there is no such field. There are hosts, secretName.
    orders.yaml:11:15: spec.ingress.tls[2].hosts[0]: it has to be text, and YAML reads no as the boolean false. Put it into quotes: "no".
    orders.yaml:12:7: spec.ingress.tls[3]: it is no mapping. Write one with hosts, secretName.
    "#);
    let text = text
        .replace("tls:\n    -", "tls:\n     ")
        .replace("    - secret: cert\n    - hosts: [no]\n    - 3\n", "");
    insta::assert_snapshot!(wrong(&text), @"orders.yaml:8:5: spec.ingress.tls: it is no list. Write each item after `- `.");
}

#[test]
fn what_flags_changed_has_no_place() {
    let text = format!(
        "{HEAD}metadata: {{name: orders}}\nspec:\n  job:\n    jarURI: 'ftp://x'\n    parallelism: 0\n"
    );
    let document = one(&text);
    let before = document.read().deployment;
    let mut after = before.clone();
    after.spec.job.as_mut().expect("a job").parallelism = Some(-1);
    after.spec.flink_configuration.set("rest.port", "1");
    let changed = differences(&before, &after);
    assert_eq!(changed, ["spec.flinkConfiguration.rest.port", "spec.job.parallelism"]);
    let found = placed(validate::violations(&after), &document, &changed);
    let places: Vec<(&str, Option<String>)> =
        found.iter().map(|v| (v.path.as_str(), v.place.as_ref().map(Place::to_string))).collect();
    assert_eq!(
        places,
        [
            ("spec.job.parallelism", None),
            ("spec.flinkConfiguration.rest.port", None),
            ("spec.job.jarURI", Some("orders.yaml:6:5".to_owned())),
        ]
    );
}

#[test]
fn a_field_of_a_template_is_found_where_it_was_written() {
    let text = format!(
        "{HEAD}metadata: {{name: orders}}
spec:
  podTemplate:
    spec:
      restartPolicy: Never
  jobManager:
    podTemplate:
      spec:
        containers:
        - name: other
        - name: flink-main-container
          command: [x]
"
    );
    let document = one(&text);
    let line = |path: &str| document.place(path).at.line;
    assert_eq!(line("spec.jobManager.podTemplate.spec.restartPolicy"), 7);
    let main = "spec.jobManager.podTemplate.spec.containers[flink-main-container]";
    assert_eq!(line(&format!("{main}.command")), 14);
    assert_eq!(line("spec.jobManager.podTemplate.spec.containers[0].name"), 12);
    assert_eq!(line("spec.job"), 4);
}

#[test]
fn a_list_is_its_items() {
    let text = "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: a, kind: B}\n- {apiVersion: a, kind: C}\n";
    let items = one(text).into_items();
    let kinds: Vec<&str> = items.iter().map(Document::kind).collect();
    assert_eq!(kinds, ["B", "C"]);
    assert_eq!(items[1].start().to_string(), "orders.yaml:5:3");
}

/// A document with much in it, for others to spoil.
const SOUND: &str = "apiVersion: flink.apache.org/v1beta1
kind: FlinkDeployment
metadata: {name: orders, labels: {a: b}}
spec:
  flinkVersion: v2_3
  flinkConfiguration: {a: {b: [1, x]}, c.d: 0.5}
  podTemplate: {spec: {containers: [{name: flink-main-container, env: [{name: A, value: b}]}]}}
  taskManager: {replicas: 2, resources: {requests: {cpu: 1, memory: 2048m}}}
  job: {jarURI: 'local:///x.jar', args: [a, 'no'], parallelism: 2, state: running}
";

proptest::proptest! {
    #[test]
    fn whatever_is_written_is_read_or_refused(at in 0..SOUND.len(), cut in 0..12_usize, text in "[ -~\\n]{0,6}") {
        let spoilt = format!("{}{text}{}", &SOUND[..at], &SOUND[(at + cut).min(SOUND.len())..]);
        for document in Document::all(&spoilt, "test").unwrap_or_default() {
            let reading = document.read();
            let all = reading.with(validate::violations(&reading.deployment));
            for violation in placed(all, &document, &[]) {
                // What the check lets through can be read.
                proptest::prop_assert!(violation.path != "spec" || !violation.remedy.starts_with("Correct it"), "{violation}\n{spoilt}");
                proptest::prop_assert!(violation.place.is_some());
            }
        }
    }
}
