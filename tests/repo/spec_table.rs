//! `docs/spec.md` says what `src/model/fields.rs` says.

use kubectl_flink::model::fields::{FIELDS, Treatment};

use super::{path, read};

const HEAD: &str = "# The spec

The document of `kubectl flink deploy -f` is a `FlinkDeployment` of the Flink Kubernetes Operator. This is what the direct
engine, which runs it without the operator, does with every field of it: nothing is ignored.

- A field that is *refused* stops the command before anything is written, with file, line, reason and alternative.
- A field that does not exist is refused too, with the one that was probably meant; so is one that is given twice, and text
  that YAML reads as something else (`no` is false, `0644` is 420, `1.20` is 1.2).
- All of this is said at once, of all documents of the command.

Generated from `src/model/fields.rs` by a test; to write it anew: `UPDATE_DOCS=1 cargo test --test main spec_table`.

| field | holds | | how, or why not |
|---|---|---|---|
";

#[test]
fn the_table_is_the_source() {
    let expected = format!("{HEAD}{}", rows());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path("docs/spec.md"), &expected).unwrap();
    }
    assert_eq!(read("docs/spec.md"), expected, "run with UPDATE_DOCS=1");
}

fn rows() -> String {
    let row = |field: &kubectl_flink::model::fields::Field| {
        let treatment = match field.treatment {
            Treatment::Refused => "**refused**",
            other => other.name(),
        };
        let holds = field.holds.name();
        format!("| `{}` | {holds} | {treatment} | {} |\n", field.path, field.note)
    };
    FIELDS.iter().map(row).collect()
}

/// A row of the table without a test would be a promise: each refused field is in a test of the validation.
#[test]
fn every_refused_field_is_tested() {
    let tests = read("src/model/validate/mod.rs");
    for field in FIELDS.iter().filter(|field| field.treatment == Treatment::Refused) {
        let part = match field.path.starts_with("spec.ingress") {
            true => "spec.ingress",
            false => field.path.rsplit('.').next().unwrap(),
        };
        assert!(tests.contains(part), "no test refuses {}", field.path);
    }
}
