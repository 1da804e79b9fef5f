//! `rbac`: the least Role that lets somebody use a verb.

use std::collections::BTreeSet;

use clap::Args;
use clap::builder::PossibleValuesParser;

use crate::context::Ctx;
use crate::error::{Error, Result};
use crate::model::permission::{self, Needs, Permission, Work};
use crate::ui::{Format, OutputArgs};
use crate::view::roles::{Roles, Scope, Subjects};

const EXAMPLES: &str = "\
Examples:
  # What a pipeline needs that deploys, and looks at what it deployed
  kubectl flink rbac deploy status --service-account ci -n shop | kubectl apply -f -

  # Let a group see the applications of all namespaces, and no more
  kubectl flink rbac list status logs -A --group flink-viewers | kubectl apply -f -

  # Which permissions are these?
  kubectl flink rbac stop -o table";

/// Arguments of `rbac`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct RbacArgs {
    /// Verbs to allow, such as deploy or storage-list; storage and operation stand for all below them
    #[arg(required = true, value_name = "VERB", value_parser = PossibleValuesParser::new(names()))]
    #[arg(hide_possible_values = true)]
    verbs: Vec<String>,
    /// Allow it in all namespaces: a ClusterRole
    #[arg(short = 'A', long)]
    all_namespaces: bool,
    /// Also allow what the checks before a write look at, and what only a failure calls for
    #[arg(long)]
    with_checks: bool,
    /// Also allow what specs with an Ingress need
    #[arg(long)]
    with_ingress: bool,
    /// Bind it to this ServiceAccount; repeatable
    #[arg(long, value_name = "[NAMESPACE:]NAME")]
    service_account: Vec<String>,
    /// Bind it to this user (--user chooses the user of the kubeconfig); repeatable
    #[arg(long = "for-user", value_name = "NAME")]
    users: Vec<String>,
    /// Bind it to this group; repeatable
    #[arg(long = "group", value_name = "NAME")]
    groups: Vec<String>,
    /// Name of the Role and of its binding
    #[arg(long, value_name = "NAME", default_value = "kubectl-flink")]
    name: String,
    /// Format of the answer: yaml, json, table, name, jsonpath=TEMPLATE or custom-columns=HEADER:PATH,…
    #[arg(short = 'o', long = "output", value_name = "FORMAT", default_value_t = Format::Yaml)]
    format: Format,
}

/// Prints the Role, and its binding where somebody is named.
///
/// # Errors
/// [`Kind::Usage`](crate::error::Kind::Usage) for a verb that needs nothing, or a name that is none.
pub async fn run(ctx: &mut Ctx, args: RbacArgs) -> Result<()> {
    check_name(&args.name)?;
    let cluster = ctx.cluster().await?;
    let needs: Vec<&Needs> =
        permission::VERBS.iter().filter(|needs| is_meant(&args.verbs, needs.verb)).collect();
    let (cluster_wide, in_namespace) = permissions(&needs, args.with_checks, args.with_ingress);
    let subjects = Subjects {
        service_accounts: args.service_account.iter().map(|name| account(name)).collect(),
        users: args.users,
        groups: args.groups,
    };
    let scope = match args.all_namespaces {
        true => Scope::Cluster,
        false => Scope::Namespace,
    };
    let roles = Roles::new(&args.name, cluster.namespace(), scope, subjects)
        .allowing(&in_namespace, &cluster_wide)?;
    ctx.show(&roles, OutputArgs::from(args.format))
}

/// Whether one of the verbs that were named means this one: itself, or the one it is below of.
fn is_meant(named: &[String], verb: &str) -> bool {
    let group = verb.split_once('-').map(|(group, _)| group);
    named.iter().any(|name| name == verb || (Some(name.as_str()) == group && name != "delete"))
}

/// All that can be named, in the order of the table.
fn names() -> Vec<&'static str> {
    let mut names = Vec::new();
    for verb in permission::VERBS.iter().map(|needs| needs.verb) {
        let group = verb.split_once('-').map(|(group, _)| group);
        for name in group.into_iter().chain([verb]) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}

/// The permissions on the whole cluster, and those in a namespace.
fn permissions(
    needs: &[&Needs],
    with_checks: bool,
    with_ingress: bool,
) -> (Vec<Permission>, Vec<Permission>) {
    let mut works: Vec<Work> = Vec::new();
    for needs in needs {
        works.extend(needs.refused_without.iter().chain(needs.less_without));
        works.extend(needs.checks.iter().filter(|_| with_checks));
        works.extend(needs.with_ingress.iter().filter(|_| with_ingress));
    }
    let of = |wide: bool| {
        let works = works.iter().filter(|work| work.is_cluster_wide() == wide);
        let all: BTreeSet<Permission> = works.copied().flat_map(Work::permissions).collect();
        all.into_iter().collect()
    };
    (of(true), of(false))
}

/// `NAMESPACE:NAME`, as `kubectl create rolebinding` takes it, or a name in the Role's own namespace.
fn account(text: &str) -> (Option<String>, String) {
    match text.split_once(':') {
        Some((namespace, name)) => (Some(namespace.to_owned()), name.to_owned()),
        None => (None, text.to_owned()),
    }
}

/// The names of Roles are path segments (`ValidatePathSegmentName` of Kubernetes).
fn check_name(name: &str) -> Result<()> {
    let bad = name.is_empty()
        || name == "."
        || name == ".."
        || name.chars().any(|c| matches!(c, '/' | '%') || c.is_control());
    match bad {
        true => Err(Error::usage(format!("{name:?} is not the name of a Role"))
            .hint("Use lowercase letters, digits, '-' and '.'.")),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(verbs: &[&str], with_checks: bool) -> (Vec<String>, Vec<String>) {
        let named: Vec<String> = verbs.iter().map(|verb| (*verb).to_owned()).collect();
        let needs: Vec<&Needs> =
            permission::VERBS.iter().filter(|needs| is_meant(&named, needs.verb)).collect();
        let (wide, own) = permissions(&needs, with_checks, false);
        let text = |all: Vec<Permission>| all.iter().map(ToString::to_string).collect();
        (text(wide), text(own))
    }

    #[test]
    fn checks_are_extra_and_the_only_ones_that_leave_the_namespace() {
        let (wide, least) = printed(&["storage-create"], false);
        assert_eq!(wide, Vec::<String>::new());
        assert_eq!(least, ["create persistentvolumeclaims", "get persistentvolumeclaims"]);
        let (wide, more) = printed(&["storage-create"], true);
        assert_eq!(wide, ["get namespaces", "list storageclasses.storage.k8s.io"]);
        assert!(more.contains(&"list resourcequotas".to_owned()) && more.len() > least.len());
    }

    #[test]
    fn a_verb_of_verbs_means_all_below_it_but_delete_never_means_the_storage() {
        let (_, all) = printed(&["storage"], false);
        assert!(all.contains(&"delete persistentvolumeclaims".to_owned()));
        let (_, delete) = printed(&["delete"], false);
        assert!(!delete.contains(&"delete persistentvolumeclaims".to_owned()));
        assert!(names().contains(&"storage") && names().contains(&"storage-list"));
    }

    #[test]
    fn names_that_the_api_server_refuses_are_refused_here() {
        for bad in ["", "..", "a/b", "a%b"] {
            assert!(check_name(bad).is_err(), "{bad:?}");
        }
        assert!(check_name("system:flink").is_ok());
    }
}
