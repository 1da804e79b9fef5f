//! Every verb says which permissions it needs.

use kubectl_flink::model::permission;

/// These ask the cluster for nothing that takes a permission, or do without an answer.
const NONE: [&str; 4] = ["completion", "options", "rbac", "version"];

#[test]
fn every_verb_is_in_the_table_of_permissions() {
    let mut root = kubectl_flink::cli::command("kubectl flink".to_owned());
    root.build();
    let mut missing = Vec::new();
    for verb in root.get_subcommands() {
        let below: Vec<_> = verb.get_subcommands().filter(|below| !below.is_hide_set()).collect();
        let names = match below[..] {
            [] => vec![verb.get_name().to_owned()],
            _ => below.iter().map(|b| format!("{}-{}", verb.get_name(), b.get_name())).collect(),
        };
        let none = NONE.contains(&verb.get_name());
        missing.extend(names.into_iter().filter(|name| !none && permission::of(name).is_none()));
    }
    missing.retain(|name| !name.ends_with("help"));
    assert_eq!(missing, Vec::<String>::new(), "add them to src/model/permission/verbs.rs");
}
