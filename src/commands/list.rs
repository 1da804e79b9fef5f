//! `list`: all applications, with what Flink says of each right now.

mod watch;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use clap::Args;
use futures::StreamExt;
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::ControllerRevision;
use k8s_openapi::api::core::v1::Service;
use kube::{Api, ResourceExt};

use crate::cluster::{Cluster, read};
use crate::commands::scope;
use crate::context::Ctx;
use crate::deadline::Deadline;
use crate::error::{Error, Kind, Result};
use crate::flink::client::CallError;
use crate::model::labels::{self, Component};
use crate::model::name::Generation;
use crate::ops::anchor::Anchor;
use crate::ops::observe;
use crate::ops::observed::Run;
use crate::ui::Ui;
use crate::ui::{OutputArgs, SortArgs};
use crate::view::application::{ApplicationList, ApplicationView, Asked, Brief};

/// How long Flink may take to answer before an application counts as unreachable.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// So many applications are asked at a time.
const AT_A_TIME: usize = 32;

const EXAMPLES: &str = "\
Examples:
  # The applications of the current namespace
  kubectl flink list

  # Those of all namespaces, with sizes, job ids and images
  kubectl flink list -A -o wide

  # A line for every change from now on
  kubectl flink list -w

  # The names of those that do not run
  kubectl flink list -o json | jq -r '.items[] | select(.state != \"RUNNING\").name'";

/// Arguments of `list`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ListArgs {
    /// List the applications of all namespaces
    #[arg(short = 'A', long)]
    all_namespaces: bool,
    /// Select by the labels that the spec gave the application, such as team=shop
    #[arg(short = 'l', long, value_name = "LABELS", default_value = "", hide_default_value = true)]
    selector: String,
    /// After the list, print a line for every change, until interrupted
    #[arg(short, long)]
    watch: bool,
    /// Show all labels in the last column
    #[arg(long)]
    show_labels: bool,
    #[command(flatten)]
    sort: SortArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// An application as its Service records it.
struct Anchored {
    namespace: String,
    name: String,
    labels: BTreeMap<String, String>,
    created: Option<Timestamp>,
    anchor: Result<Anchor>,
}

/// The record of a generation, by namespace and name.
type Record = ((String, String), Result<Brief>);

/// An application, and the record of its active generation.
struct Recorded {
    application: Anchored,
    record: Option<Result<Brief>>,
}

/// Lists applications.
///
/// # Errors
/// When the cluster cannot be asked. That Flink does not answer is shown, not an error.
pub async fn run(ctx: &mut Ctx, args: ListArgs) -> Result<()> {
    let cluster = ctx.cluster().await?;
    if args.watch {
        return watch::run(ctx, &cluster, &args).await;
    }
    let mut items = ask_all(&cluster, recorded(&cluster, &args).await?).await;
    args.sort.sort(&mut items)?;
    if items.is_empty() {
        nothing_found(&ctx.ui, &cluster, args.all_namespaces);
    }
    explain(&ctx.ui, &items, &mut HashSet::new());
    let ListArgs { all_namespaces, show_labels, .. } = args;
    let list = ApplicationList { items, all_namespaces, show_labels };
    ctx.show(&list, &args.output)
}

fn nothing_found(ui: &Ui, cluster: &Cluster, everywhere: bool) {
    if everywhere {
        ui.status("No applications found.");
    } else {
        ui.status(&format!("No applications found in namespace {:?}.", cluster.namespace()));
    }
    ui.hint("Deploy one with `kubectl flink deploy NAME --jar PATH`.");
}

/// Tells why something is missing in the table; each reason once, because it is often the same.
fn explain(ui: &Ui, items: &[ApplicationView], told: &mut HashSet<String>) {
    for item in items {
        let message = item.message.as_ref();
        if let Some(message) = message.filter(|message| told.insert((*message).clone())) {
            ui.warn(&format!("{}: {message}", item.name));
        }
    }
}

/// Asks Flink about all of them; by namespace and name.
async fn ask_all(cluster: &Cluster, recorded: Vec<Recorded>) -> Vec<ApplicationView> {
    let asked = recorded.into_iter().map(|application| ask(cluster, application));
    let mut items: Vec<_> =
        futures::stream::iter(asked).buffer_unordered(AT_A_TIME).collect().await;
    items.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    items
}

/// The label selectors of the anchors and of the records.
fn selectors(args: &ListArgs) -> (String, String) {
    let ours = labels::APPLICATION;
    let services = match args.selector.as_str() {
        "" => ours.to_owned(),
        more => format!("{ours},{more}"),
    };
    (services, format!("{}={}", labels::COMPONENT, Component::Revision.as_str()))
}

/// Two lists, however many applications there are. No object outlives its page: thousands are hundreds of megabytes.
async fn recorded(cluster: &Cluster, args: &ListArgs) -> Result<Vec<Recorded>> {
    let services: Api<Service> = scope(cluster, args.all_namespaces);
    let records: Api<ControllerRevision> = scope(cluster, args.all_namespaces);
    let (selector, revisions) = selectors(args);
    let anchored = |service: Service| anchored(&service);
    let record = |revision: ControllerRevision| record(&revision);
    let (services, records) = tokio::try_join!(
        read::list_keeping(cluster, &services, &selector, anchored),
        read::list_keeping(cluster, &records, &revisions, record),
    )?;
    Ok(pair(services.into_iter().flatten(), records))
}

/// The applications, each with the record of its active generation.
fn pair(
    applications: impl IntoIterator<Item = Anchored>,
    records: impl IntoIterator<Item = Record>,
) -> Vec<Recorded> {
    let mut records: HashMap<(String, String), Result<Brief>> = records.into_iter().collect();
    let with_record = |application: Anchored| {
        let record = application.anchor.as_ref().ok().and_then(|anchor| {
            let name = record_name(&application.name, anchor.generation)?;
            records.remove(&(application.namespace.clone(), name))
        });
        Recorded { application, record }
    };
    applications.into_iter().map(with_record).collect()
}

/// The application that a Service anchors; `None` for any other Service.
fn anchored(service: &Service) -> Option<Anchored> {
    Some(Anchored {
        anchor: Anchor::from_service(service).transpose()?,
        name: service.labels().get(labels::APPLICATION)?.clone(),
        namespace: service.namespace().unwrap_or_default(),
        created: service.creation_timestamp().map(|time| time.0),
        labels: service.labels().clone(),
    })
}

fn record(revision: &ControllerRevision) -> Record {
    let key = (revision.namespace().unwrap_or_default(), revision.name_any());
    (key, observe::from_record(revision).map(|revision| Brief::from(&revision)))
}

fn record_name(application: &str, generation: Generation) -> Option<String> {
    let name = application.parse::<crate::model::name::ApplicationName>().ok()?;
    Some(name.revision(generation))
}

async fn ask(cluster: &Cluster, recorded: Recorded) -> ApplicationView {
    let Recorded { application, record } = recorded;
    let Anchored { namespace, name, labels, created, anchor } = application;
    let gone = || {
        Err(Error::new(
            Kind::NotFound,
            format!("the record of the active generation of {name} is gone"),
        ))
    };
    let (anchor, record) = match (anchor, record.unwrap_or_else(gone)) {
        (Ok(anchor), Ok(record)) => (anchor, record),
        (Err(why), _) | (_, Err(why)) => {
            return ApplicationView::damaged(&namespace, &name, created, labels, &why);
        }
    };
    if anchor.run == Run::Stopped {
        return ApplicationView::new(&anchor, record, created, &Asked::No, &Asked::No)
            .labelled(labels);
    }
    let flink =
        observe::flink(&cluster.in_namespace(&namespace), &record.application, anchor.generation);
    let (status, checkpoints) = tokio::join!(
        asked(flink.job_status(record.job_id)),
        asked(flink.checkpoints(record.job_id)),
    );
    ApplicationView::new(&anchor, record, created, &status, &checkpoints).labelled(labels)
}

/// Waits for Flink's answer, but not for ever.
pub(super) async fn asked<T>(call: impl Future<Output = Result<T, CallError>>) -> Asked<T> {
    match Deadline::after(ANSWER_WITHIN).limit(call).await {
        Some(Ok(answer)) => Asked::Answer(answer),
        Some(Err(error)) => Asked::Failed(error),
        None => Asked::Silent,
    }
}
