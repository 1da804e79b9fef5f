//! `deploy`: create an application, or upgrade it without losing its state.

mod one;
mod row;

use clap::Args;

use crate::cli::{AbortArg, ConflictArg, WaitArgs};
use crate::commands::answers::Answers;
use crate::commands::dry_run::DryRun;
use crate::commands::operate::{self, Towards};
use crate::commands::pods::PodArgs;
use crate::commands::{document, operation};
use crate::context::Ctx;
use crate::error::Result;
use crate::model::name::ApplicationName;
use crate::model::spec::FlinkDeployment;
use crate::model::validate;
use crate::ops::operation::unfinished;
use crate::ui::format::OutputArgs;
use crate::view::documents::Documents;
use crate::view::plan::PlanList;
use one::{Outcome, Work};

const EXAMPLES: &str = "\
Examples:
  # Run a local jar on a new 10 GiB volume
  kubectl flink deploy orders --jar ./orders.jar --storage pvc:10Gi -- --topic orders

  # State on the bucket of a storage profile; no volume at all
  kubectl flink deploy orders --jar ./orders.jar --storage minio

  # Run a jar that is in the image, with two TaskManager slots and Flink 1.20
  kubectl flink deploy orders --jar local:///opt/flink/usrlib/orders.jar --flink-version 1.20 --task-slots 2

  # Rows in a data store, whose address and password the job gets as files and variables
  kubectl flink deploy orders --jar ./orders.jar --data-store rows

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
    /// Data store whose rows the job reads or writes, by name; repeatable
    #[arg(long, value_name = "NAME")]
    pub data_store: Vec<String>,
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
    let from = args.from.as_deref().map(str::parse).transpose()?;
    let documents = document::all(&args, cluster.namespace()).await?;
    for warning in documents.iter().flat_map(validate::plain_secrets) {
        ctx.ui.warn(&warning.to_string());
    }
    // A fetched jar is a temporary file: it has to outlive the upload.
    let mut jars = Vec::new();
    for document in &documents {
        jars.push(one::jar(document).await?);
    }
    let mut works = Vec::new();
    for (document, source) in documents.into_iter().zip(&jars) {
        let jar = source.as_ref().map(|source| source.jar().clone());
        works.push(Work { document, jar, from: from.clone(), operation: ctx.operation_id()? });
    }
    let mut told = Told {
        answers: Answers::new(&args.output.format),
        specs: Vec::new(),
        plans: PlanList(Vec::new()),
    };
    let outcome = row::deploy(ctx, &cluster, &args, works, &mut told).await;
    told.answers.end(ctx)?;
    outcome?;
    match (told.specs.is_empty(), told.plans.0.is_empty()) {
        (false, _) => ctx.show(&Documents(&named(told.specs)), &args.output),
        (_, false) => ctx.show(&told.plans, &args.output),
        _ => Ok(()),
    }
}

/// What was done, and what a dry run shows.
struct Told {
    answers: Answers,
    specs: Vec<FlinkDeployment>,
    plans: PlanList,
}

impl Told {
    fn take(&mut self, ctx: &Ctx, outcome: Outcome) -> Result<()> {
        match outcome {
            Outcome::Done(record, proof) => {
                operate::answer(ctx, &record, proof.as_ref(), &mut self.answers)?;
            }
            Outcome::Unchanged(view) => self.answers.give(ctx, view)?,
            Outcome::Document(spec) => self.specs.push(*spec),
            Outcome::Plan(plan) => self.plans.0.push(*plan),
        }
        Ok(())
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
