//! One document: what an earlier run left of it, its plan, and what came of it.

use std::path::Path;
use std::time::Duration;

use super::DeployArgs;
use crate::cluster::Cluster;
use crate::commands::document;
use crate::commands::dry_run::{self, DryRun};
use crate::commands::narrate::Narrator;
use crate::commands::operate::{self, Towards};
use crate::context::Ctx;
use crate::deadline::Deadline;
use crate::error::{Error, Kind, Result};
use crate::model::ids::OperationId;
use crate::model::name::ApplicationName;
use crate::model::spec::FlinkDeployment;
use crate::ops::deploy::FromRequest;
use crate::ops::dry_run::By;
use crate::ops::execute::Executor;
use crate::ops::halt::Halt;
use crate::ops::operation::record::{self, Record};
use crate::ops::plan::{Plan, Step};
use crate::ops::prepare::{Prepared, Request, prepare, validate_request};
use crate::ops::prove::Proof;
use crate::storage::fetch::{self, FetchedJar};
use crate::storage::jar::{self, LocalJar};
use crate::ui::Format;
use crate::view::outcome::OutcomeView;
use crate::view::plan::PlanView;

/// How long `deploy` waits by default: image pulls and the first checkpoint of a large state take their time.
const TIMEOUT: Duration = Duration::from_secs(600);

/// A document to deploy.
pub(super) struct Work {
    pub(super) document: FlinkDeployment,
    /// The jar to upload, if it is on this machine.
    pub(super) jar: Option<LocalJar>,
    pub(super) from: Option<FromRequest>,
    /// The id of the operation, should one be begun.
    pub(super) operation: OperationId,
}

/// What came of a document.
pub(super) enum Outcome {
    /// An operation went to its end.
    Done(Box<Record>, Option<Proof>),
    /// There was nothing to do.
    Unchanged(OutcomeView),
    /// A dry run's document.
    Document(Box<FlinkDeployment>),
    /// A dry run's plan.
    Plan(Box<PlanView>),
}

/// Deploys one document. `halt` is shared by all that are deployed at the same time.
///
/// # Errors
/// As `deploy`.
pub(super) async fn deploy(
    ctx: &Ctx,
    cluster: &Cluster,
    args: &DeployArgs,
    work: Work,
    mut narrator: Narrator,
    halt: &Halt,
) -> Result<Outcome> {
    let deadline = args.wait.timeout(TIMEOUT).map_or(Deadline::NEVER, Deadline::after);
    cluster.repeat_until(deadline);
    let writes = args.dry_run == DryRun::None;
    let Work { document, jar, from, operation } = work;
    let request = Request { document, jar, from, deadline, dry_run: !writes };
    // A wrong spec is told before the cluster is asked anything.
    validate_request(&request)?;
    let name: ApplicationName = request.document.metadata.name.parse()?;
    let digest = digest(&request, args.from.as_deref())?;
    if writes
        && let Some(journal) =
            operate::resumable(ctx, cluster, &name, &digest, &mut narrator).await?
    {
        let executor = Executor::resume(cluster, journal, deadline).await?;
        let outcome = execute(ctx, executor, &request, &mut narrator, halt).await?;
        if is_whole(&outcome.0.plan) || !args.wait.wait() {
            return Ok(Outcome::Done(outcome.0, outcome.1));
        }
        // It was begun with --no-wait: what is left to do is what a plain deploy finds now.
    }
    let prepared = prepare(cluster, &request, &operation, ctx.now(), &mut narrator).await;
    let mut prepared = prepared?;
    if let Some(by) = args.dry_run.by() {
        prepared.state.close().await;
        let asked = (args, digest);
        return dry_run(ctx, cluster, prepared, by, asked, &mut narrator).await;
    }
    let Some(mut plan) = prepared.decision.plan().cloned() else {
        prepared.state.close().await;
        let target = format!("application/{name}");
        let mut outcome = OutcomeView::new(target, cluster.namespace(), "unchanged");
        outcome.generation = prepared.active.map(|active| active.revision.generation);
        return Ok(Outcome::Unchanged(outcome));
    };
    if !args.wait.wait() {
        without_waiting(&mut plan)?;
    }
    plan.force = args.conflicts.force_conflicts;
    let before = (prepared.anchor, prepared.active.as_ref());
    let state = prepared.state;
    let executor = operate::executor(ctx, cluster, plan, digest, before, state, deadline)?;
    let (record, proof) = execute(ctx, executor, &request, &mut narrator, halt).await?;
    Ok(Outcome::Done(record, proof))
}

async fn execute<'a>(
    ctx: &Ctx,
    mut executor: Executor<'a>,
    request: &'a Request,
    narrator: &mut Narrator,
    halt: &Halt,
) -> Result<(Box<Record>, Option<Proof>)> {
    executor.jar = request.jar.as_ref();
    executor.halt = halt.clone();
    operate::run(ctx, &mut executor, narrator, Towards::End).await?;
    Ok((Box::new(executor.journal.record), executor.proof))
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
pub(super) enum Source {
    Local(LocalJar),
    Fetched(FetchedJar),
}

impl Source {
    pub(super) fn jar(&self) -> &LocalJar {
        match self {
            Source::Local(jar) => jar,
            Source::Fetched(fetched) => &fetched.jar,
        }
    }
}

/// The jar that the document names, when it is not where the pods find it already.
pub(super) async fn jar(deployment: &FlinkDeployment) -> Result<Option<Source>> {
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
    ctx: &Ctx,
    cluster: &Cluster,
    prepared: Prepared<'_>,
    by: By,
    (args, digest): (&DeployArgs, String),
    narrator: &mut Narrator,
) -> Result<Outcome> {
    if by == By::Client && wants_document(&args.output.format) {
        return Ok(Outcome::Document(Box::new(prepared.target.spec)));
    }
    let name = &prepared.target.application;
    let record = match operate::left(ctx, cluster, name, &digest).await? {
        Some(record) => record,
        None => {
            let Some(mut plan) = prepared.decision.plan().cloned() else {
                let target = format!("application/{name}");
                let view = PlanView::unchanged(target, cluster.namespace(), by);
                return Ok(Outcome::Plan(Box::new(view)));
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
    Ok(Outcome::Plan(Box::new(view)))
}

/// Formats that show data show the document in a client's dry run: it is what `-f` takes.
fn wants_document(format: &Format) -> bool {
    !matches!(format, Format::Table | Format::Wide | Format::Name)
}
