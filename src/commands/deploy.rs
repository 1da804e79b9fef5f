//! `deploy`: create an application, or upgrade it without losing its state.

use std::path::Path;
use std::time::Duration;

use clap::Args;

use crate::cli::{AbortArg, ConflictArg, WaitArgs};
use crate::cluster::Cluster;
use crate::commands::answers::Answers;
use crate::commands::dry_run::{self, DryRun};
use crate::commands::narrate::Narrator;
use crate::commands::operate::{self, Towards};
use crate::commands::pods::PodArgs;
use crate::commands::{document, operation};
use crate::context::Ctx;
use crate::deadline::Deadline;
use crate::error::{Error, Kind, Result};
use crate::model::name::ApplicationName;
use crate::model::spec::FlinkDeployment;
use crate::model::validate;
use crate::ops::deploy::FromRequest;
use crate::ops::dry_run::By;
use crate::ops::execute::Executor;
use crate::ops::operation::record::{self, Record};
use crate::ops::operation::unfinished;
use crate::ops::plan::{Plan, Step};
use crate::ops::prepare::{Prepared, Request, prepare, validate_request};
use crate::storage::fetch::{self, FetchedJar};
use crate::storage::jar::{self, LocalJar};
use crate::ui::Format;
use crate::ui::format::OutputArgs;
use crate::view::documents::Documents;
use crate::view::outcome::OutcomeView;
use crate::view::plan::{PlanList, PlanView};

/// How long `deploy` waits by default: image pulls and the first checkpoint of a large state take their time.
const TIMEOUT: Duration = Duration::from_secs(600);

const EXAMPLES: &str = "\
Examples:
  # Run a local jar on a new 10 GiB volume
  kubectl flink deploy orders --jar ./orders.jar --storage pvc:10Gi -- --topic orders

  # State on the bucket of a storage profile; no volume at all
  kubectl flink deploy orders --jar ./orders.jar --storage minio

  # Run a jar that is in the image, with two TaskManager slots and Flink 1.20
  kubectl flink deploy orders --jar local:///opt/flink/usrlib/orders.jar --flink-version 1.20 --task-slots 2

  # Credentials from a Secret, on nodes of one kind
  kubectl flink deploy orders --jar ./orders.jar --env-from secret/s3 --node-selector disk=ssd

  # Upgrade: the same command with a new jar stops with a savepoint and goes on from it
  kubectl flink deploy orders --jar ./orders-2.jar

  # Deploy a FlinkDeployment document; flags override what it says
  kubectl flink deploy -f orders.yaml --parallelism 4

  # Every document of a folder, all validated before the first is deployed
  kubectl flink deploy -f ./applications -R

  # Write the document that these flags stand for
  kubectl flink deploy orders --jar ./orders.jar --dry-run=client -o yaml";

/// Arguments of `deploy`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct DeployArgs {
    /// Name of the application; the document's when -f is given
    #[arg(required_unless_present = "filename")]
    pub name: Option<String>,
    /// FlinkDeployment documents: a file, a folder, a URL, or - for standard input; repeatable
    #[arg(short, long, value_name = "FILE", value_hint = clap::ValueHint::AnyPath)]
    pub filename: Vec<String>,
    /// Read the folders below those given with -f too
    #[arg(short = 'R', long, requires = "filename")]
    pub recursive: bool,
    /// The job's jar: a local path, local:///path/in/image, or https://…
    #[arg(long, value_name = "JAR", required_unless_present_any = ["filename", "abort"])]
    pub jar: Option<String>,
    /// Main class; the jar's manifest names it when absent
    #[arg(long, value_name = "CLASS")]
    pub class: Option<String>,
    /// Flink version, such as 1.20 or 2.3
    #[arg(long, value_name = "VERSION")]
    pub flink_version: Option<String>,
    /// Container image; the official one of the Flink version when absent
    #[arg(long)]
    pub image: Option<String>,
    /// Parallelism of the job
    #[arg(long, value_name = "N")]
    pub parallelism: Option<i32>,
    /// Memory of the JobManager's process, such as 1600m or 2Gi
    #[arg(long, value_name = "SIZE")]
    pub jobmanager_memory: Option<String>,
    /// Memory of each TaskManager's process, such as 1728m or 4Gi
    #[arg(long, value_name = "SIZE")]
    pub taskmanager_memory: Option<String>,
    /// CPU of the JobManager, in cores
    #[arg(long, value_name = "CORES")]
    pub jobmanager_cpu: Option<String>,
    /// CPU of each TaskManager, in cores
    #[arg(long, value_name = "CORES")]
    pub taskmanager_cpu: Option<String>,
    /// Task slots of each TaskManager
    #[arg(long, value_name = "N")]
    pub task_slots: Option<u32>,
    /// State storage: pvc:SIZE[,class=NAME][,access=rwo|rwx], claim:NAME[/path], the name of a storage profile, or a URI such as s3://bucket/flink
    #[arg(long, value_name = "STORAGE")]
    pub storage: Option<String>,
    /// Flink configuration; repeatable
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Snapshot that a new application starts from: latest, none, a path or an id
    #[arg(long, value_name = "SNAPSHOT")]
    pub from: Option<String>,
    /// Drop state that no operator of the job claims
    #[arg(long)]
    pub allow_non_restored_state: bool,
    /// Print what would be done: the plan and the objects (client), or what the API server makes of them (server)
    #[arg(long, value_name = "MODE", default_value = "none", conflicts_with = "abort")]
    pub dry_run: DryRun,
    #[command(flatten)]
    /// Whether and how long to wait.
    pub wait: WaitArgs,
    #[command(flatten)]
    /// Whether to go back instead.
    pub abort: AbortArg,
    #[command(flatten)]
    /// What happens to fields of others.
    pub conflicts: ConflictArg,
    #[command(flatten)]
    /// How to print the answer.
    pub output: OutputArgs,
    #[command(flatten)]
    /// What the pods get.
    pub pods: PodArgs,
    /// Arguments of the program
    #[arg(last = true, value_name = "ARG", help_heading = None)]
    pub args: Vec<String>,
}

/// Deploys.
///
/// # Errors
/// Bad input before anything is written; afterwards what Kubernetes or Flink reports, with its cause.
pub async fn run(ctx: &mut Ctx, args: DeployArgs) -> Result<()> {
    if args.abort.abort {
        return abort(ctx, &args).await;
    }
    let cluster = ctx.cluster().await?;
    let from: Option<FromRequest> = args.from.as_deref().map(str::parse).transpose()?;
    let documents = document::all(&args, cluster.namespace()).await?;
    for warning in documents.iter().flat_map(validate::plain_secrets) {
        ctx.ui.warn(&warning.to_string());
    }
    // A fetched jar is a temporary file: it has to outlive the upload.
    let mut jars = Vec::new();
    for document in &documents {
        jars.push(jar(document).await?);
    }
    let names: Vec<String> =
        documents.iter().map(|document| document.metadata.name.clone()).collect();
    let (mut specs, mut plans) = (Vec::new(), Vec::new());
    let mut answers = Answers::new(&args.output.format);
    for (position, (document, source)) in documents.into_iter().zip(&jars).enumerate() {
        let jar = source.as_ref().map(|source| source.jar().clone());
        match one(ctx, &cluster, &args, document, jar, from.clone(), &mut answers).await {
            Ok(Some(Shown::Document(spec))) => specs.push(*spec),
            Ok(Some(Shown::Plan(plan))) => plans.push(*plan),
            Ok(None) => {}
            Err(e) => {
                answers.end(ctx)?;
                return Err(begun(e, &names, position));
            }
        }
    }
    answers.end(ctx)?;
    match (specs.is_empty(), plans.is_empty()) {
        (false, _) => ctx.show(&Documents(&named(specs)), &args.output),
        (_, false) => ctx.show(&PlanList(plans), &args.output),
        _ => Ok(()),
    }
}

/// Gives up what an earlier run of this command left unfinished: the one application that is named, or those
/// of the documents that have something unfinished.
async fn abort(ctx: &mut Ctx, args: &DeployArgs) -> Result<()> {
    let timeout = args.wait.timeout(operation::TIMEOUT);
    if let (Some(name), true) = (&args.name, args.filename.is_empty()) {
        return operation::abort(ctx, &name.parse()?, timeout, &args.output.format).await;
    }
    let cluster = ctx.cluster().await?;
    let mut names: Vec<ApplicationName> = Vec::new();
    for document in document::all(args, cluster.namespace()).await? {
        names.push(document.metadata.name.parse()?);
    }
    let mut left = Vec::new();
    for name in &names {
        if names.len() == 1 || unfinished::find(&cluster, name).await?.is_some() {
            left.push(name);
        }
    }
    if left.is_empty() {
        ctx.ui.status("No operation on these applications is unfinished.");
    }
    let mut answers = Answers::new(&args.output.format);
    for name in left {
        if let Err(error) = operation::go(ctx, name, timeout, Towards::Start, &mut answers).await {
            answers.end(ctx)?;
            return Err(error);
        }
    }
    answers.end(ctx)
}

/// The documents, each with its name.
fn named(specs: Vec<FlinkDeployment>) -> Vec<(String, FlinkDeployment)> {
    let name = |spec: &FlinkDeployment| format!("application/{}", spec.metadata.name);
    specs.into_iter().map(|spec| (name(&spec), spec)).collect()
}

/// Says where a row of deployments ended.
fn begun(error: Error, names: &[String], position: usize) -> Error {
    match (names.get(position), names.get(position + 1..)) {
        (Some(name), Some(rest)) if names.len() > 1 => {
            let error = error.context(name.clone());
            match rest.is_empty() {
                true => error,
                false => error.hint(format!(
                    "Not begun: {}. The same command again goes on.",
                    rest.join(", ")
                )),
            }
        }
        _ => error,
    }
}

/// Deploys one document. A dry run gives back what should be shown.
async fn one(
    ctx: &mut Ctx,
    cluster: &Cluster,
    args: &DeployArgs,
    document: FlinkDeployment,
    jar: Option<LocalJar>,
    from: Option<FromRequest>,
    answers: &mut Answers,
) -> Result<Option<Shown>> {
    let deadline = args.wait.timeout(TIMEOUT).map_or(Deadline::NEVER, Deadline::after);
    cluster.repeat_until(deadline);
    let writes = args.dry_run == DryRun::None;
    let request = Request { document, jar, from, deadline, dry_run: !writes };
    // A wrong spec is told before the cluster is asked anything.
    validate_request(&request)?;
    let name: ApplicationName = request.document.metadata.name.parse()?;
    let mut narrator = Narrator::new(&ctx.ui, format!("Deploying {name}"));
    let digest = digest(&request, args.from.as_deref())?;
    if writes
        && let Some(journal) =
            operate::resumable(ctx, cluster, &name, &digest, &mut narrator).await?
    {
        let mut executor = Executor::resume(cluster, journal, deadline).await?;
        executor.jar = request.jar.as_ref();
        operate::run(ctx, &mut executor, &mut narrator, Towards::End).await?;
        if is_whole(executor.plan()) || !args.wait.wait() {
            drop(narrator);
            return operate::answer(ctx, &executor, answers).map(|()| None);
        }
        // It was begun with --no-wait: what is left to do is what a plain deploy finds now.
    }
    let operation = ctx.operation_id()?;
    let prepared = prepare(cluster, &request, &operation, ctx.now(), &mut narrator).await;
    let mut prepared = prepared?;
    if let Some(by) = args.dry_run.by() {
        prepared.state.close().await;
        let asked = (args, digest);
        return dry_run(ctx, cluster, prepared, by, asked, &mut narrator).await.map(Some);
    }
    let Some(mut plan) = prepared.decision.plan().cloned() else {
        drop(narrator);
        prepared.state.close().await;
        let target = format!("application/{name}");
        let mut outcome = OutcomeView::new(target, cluster.namespace(), "unchanged");
        outcome.generation = prepared.active.map(|active| active.revision.generation);
        return answers.give(ctx, outcome).map(|()| None);
    };
    if !args.wait.wait() {
        without_waiting(&mut plan)?;
    }
    plan.force = args.conflicts.force_conflicts;
    let before = (prepared.anchor, prepared.active.as_ref());
    let state = prepared.state;
    let mut executor = operate::executor(ctx, cluster, plan, digest, before, state, deadline)?;
    executor.jar = request.jar.as_ref();
    let outcome = operate::run(ctx, &mut executor, &mut narrator, Towards::End).await;
    drop(narrator);
    outcome?;
    operate::answer(ctx, &executor, answers).map(|()| None)
}

/// What tells this deploy from another one: the document, the content of a local jar, and `--from`.
fn digest(request: &Request, from: Option<&str>) -> Result<String> {
    let mut document = request.document.clone();
    if let (Some(jar), Some(job)) = (&request.jar, &mut document.spec.job) {
        job.jar_uri = Some(jar.sha256.clone());
    }
    let document = serde_json::to_string(&document)
        .map_err(|e| Error::new(Kind::Other, "cannot write the document").caused_by(e))?;
    Ok(record::request(&["deploy", &document, from.unwrap_or_default()]))
}

/// A jar that has to be uploaded.
enum Source {
    Local(LocalJar),
    Fetched(FetchedJar),
}

impl Source {
    fn jar(&self) -> &LocalJar {
        match self {
            Source::Local(jar) => jar,
            Source::Fetched(fetched) => &fetched.jar,
        }
    }
}

/// The jar that the document names, when it is not where the pods find it already.
async fn jar(deployment: &FlinkDeployment) -> Result<Option<Source>> {
    let Some(uri) = deployment.job().and_then(|job| job.jar_uri.clone()) else { return Ok(None) };
    if uri.starts_with("https://") {
        return fetch::jar(&uri).await.map(|fetched| Some(Source::Fetched(fetched)));
    }
    if !document::is_on_this_machine(&uri) {
        return Ok(None);
    }
    jar::inspect(Path::new(&uri)).await.map(|jar| Some(Source::Local(jar)))
}

/// Whether it holds all that it is for, and no later command has to go on.
fn is_whole(plan: &Plan) -> bool {
    plan.steps.iter().any(|step| match step {
        Step::Prove { .. } | Step::Rest { .. } | Step::Snapshot { .. } => true,
        Step::Start { revision, .. } => revision.spec.is_suspended(),
        _ => false,
    })
}

/// What waits is left out; `delete` records a generation that was never recorded beside its state. Only a plan that interrupts nothing may be left alone.
fn without_waiting(plan: &mut Plan) -> Result<()> {
    if !plan.fallback.is_empty() {
        return Err(Error::usage("an upgrade cannot be left alone: it goes back by itself when the new generation does not come up")
            .hint("Leave --no-wait out, and limit the waiting with --timeout."));
    }
    plan.steps.retain(|step| !matches!(step, Step::Prove { .. } | Step::Catalogue { .. }));
    Ok(())
}

/// What a dry run shows: the document, where a client's dry run is asked for one, else the plan.
async fn dry_run(
    ctx: &mut Ctx,
    cluster: &Cluster,
    prepared: Prepared<'_>,
    by: By,
    (args, digest): (&DeployArgs, String),
    narrator: &mut Narrator,
) -> Result<Shown> {
    if by == By::Client && wants_document(&args.output.format) {
        return Ok(Shown::Document(Box::new(prepared.target.spec)));
    }
    let name = &prepared.target.application;
    let record = match operate::left(ctx, cluster, name, &digest).await? {
        Some(record) => record,
        None => {
            let Some(mut plan) = prepared.decision.plan().cloned() else {
                let target = format!("application/{name}");
                let view = PlanView::unchanged(target, cluster.namespace(), by);
                return Ok(Shown::Plan(Box::new(view)));
            };
            if !args.wait.wait() {
                without_waiting(&mut plan)?;
            }
            plan.force = args.conflicts.force_conflicts;
            let active = prepared.active.as_ref();
            Record::new(plan, digest, prepared.anchor, active, &ctx.runner()?)
        }
    };
    let outcome = operate::deployed(&record);
    let view = dry_run::view(cluster, record, by, outcome, narrator).await?;
    Ok(Shown::Plan(Box::new(view)))
}

/// Formats that show data show the document in a client's dry run: it is what `-f` takes.
fn wants_document(format: &Format) -> bool {
    !matches!(format, Format::Table | Format::Wide | Format::Name)
}

/// What a dry run shows.
enum Shown {
    Document(Box<FlinkDeployment>),
    Plan(Box<PlanView>),
}
