//! The executor: runs a plan, step by step, and is the only code that changes an application.
//!
//! A step returns only when what it was for is proven. When one fails after the old job was stopped, the
//! plan's fallback is run, and the error says what came of it.

use crate::cluster::Cluster;
use crate::deadline::Deadline;
use crate::error::{Error, Kind, Result};
use crate::model::name::Generation;
use crate::model::revision::Revision;
use crate::model::snapshot::SnapshotPath;
use crate::ops::anchor::Anchor;
use crate::ops::event::{Event, Observer};
use crate::ops::observed::Run;
use crate::ops::plan::{From, Plan, Step};
use crate::ops::prove::Proof;
use crate::ops::state::State;
use crate::ops::{await_up, objects, observe, permissions, prove, stop};
use crate::storage::jar::LocalJar;

/// One run of one plan.
pub struct Executor<'a> {
    /// Where.
    pub cluster: &'a Cluster,
    /// The plan.
    pub plan: &'a Plan,
    /// The local jar that [`Step::Upload`] sends.
    pub jar: Option<&'a LocalJar>,
    /// When waiting ends.
    pub deadline: Deadline,
    /// Access to the state storage, opened when the first step needs it.
    pub state: State<'a>,
    /// The anchor as it was last written or read.
    pub anchor: Option<Anchor>,
    /// Revisions that this run works with: the old ones it was given, the new ones it made.
    pub revisions: Vec<Revision>,
    /// The snapshot that a stop in this run left.
    pub stopped_at: Option<SnapshotPath>,
    /// What was proven last.
    pub proof: Option<Proof>,
    interrupted: bool,
}

impl<'a> Executor<'a> {
    /// An executor for `plan`. `revisions` holds the record of each generation that exists already.
    pub fn new(
        cluster: &'a Cluster,
        plan: &'a Plan,
        state: State<'a>,
        anchor: Option<Anchor>,
        revisions: Vec<Revision>,
        deadline: Deadline,
    ) -> Self {
        Executor {
            cluster,
            plan,
            jar: None,
            deadline,
            state,
            anchor,
            revisions,
            stopped_at: None,
            proof: None,
            interrupted: false,
        }
    }

    /// Runs the plan to its end, or back.
    ///
    /// # Errors
    /// The failed step's error; when the fallback ran, it says whether the old spec runs again.
    pub async fn run(&mut self, observer: &mut dyn Observer) -> Result<()> {
        permissions::check(self.cluster, self.plan).await?;
        let failed = match self.steps(&self.plan.steps, observer).await {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        if !self.interrupted || self.plan.fallback.is_empty() {
            return Err(failed);
        }
        observer.event(Event::Warning(failed.to_string()));
        observer.event(Event::Phase("going back to the old generation".to_owned()));
        // The old job has to come back even if the user's patience is at its end.
        self.deadline = Deadline::after(FALLBACK_TIMEOUT);
        self.state.extend(self.deadline);
        let back = self.fallback(observer).await;
        Err(self.after_fallback(failed, back))
    }

    async fn fallback(&mut self, observer: &mut dyn Observer) -> Result<()> {
        self.steps(&self.plan.fallback, observer).await
    }

    async fn steps(&mut self, steps: &[Step], observer: &mut dyn Observer) -> Result<()> {
        for step in steps {
            tracing::info!(?step, "step");
            self.step(step, observer).await?;
        }
        Ok(())
    }

    async fn step(&mut self, step: &Step, observer: &mut dyn Observer) -> Result<()> {
        match step {
            Step::Claim { name, request } => {
                objects::create_claim(self.cluster, self.plan, name, request, observer).await
            }
            Step::Upload { .. } => match self.jar {
                Some(jar) => self.state.upload(jar, observer).await,
                None => Ok(()),
            },
            Step::Verify { snapshot } => self.state.verify(snapshot, observer).await,
            Step::Stop { generation, job, how } => {
                let stopped = stop::stop(self, *generation, *job, how, observer).await?;
                self.interrupted = true;
                self.stopped_at = stopped;
                Ok(())
            }
            Step::Quiesce { generation } => {
                let revision = self.revision(*generation)?;
                objects::quiesce(self.cluster, &revision, self.deadline, observer).await
            }
            Step::Start { revision, from } => self.start(revision, from, observer).await,
            Step::Prove { generation } => self.prove(*generation, observer).await,
            Step::Catalogue { generation } => {
                let revision = self.revision(*generation)?;
                match self.state.record(&revision, observer).await {
                    // A storage that is out of reach must not keep an application from being deleted.
                    Err(error) if self.plan.verb == "delete" => {
                        observer.event(Event::Warning(error.to_string()));
                        Ok(())
                    }
                    recorded => recorded,
                }
            }
            Step::Retire { generation } => {
                objects::retire(self.cluster, &self.plan.application, *generation, observer).await
            }
            Step::Rest { snapshot } => self.rest(snapshot.clone()).await,
            Step::RetireApplication => {
                objects::retire_application(self.cluster, &self.plan.application, observer).await
            }
            Step::DeleteClaim { name } => {
                objects::delete_claim(self.cluster, name, self.deadline, observer).await
            }
        }
    }

    async fn start(
        &mut self,
        revision: &Revision,
        from: &From,
        observer: &mut dyn Observer,
    ) -> Result<()> {
        let mut revision = revision.clone();
        revision.restored_from = match from {
            From::Empty => None,
            From::Snapshot(snapshot) => Some(snapshot.clone()),
            From::Stopped => Some(self.stopped_at.clone().ok_or_else(|| {
                Error::new(
                    Kind::Other,
                    "the old job left no snapshot, so there is nothing to start from",
                )
                .hint("This is a defect of kubectl flink: nothing new was started.")
            })?),
        };
        observer.event(Event::Phase(format!("starting generation {}", revision.generation)));
        let anchor = Anchor::running(revision.generation);
        objects::create_generation(self.cluster, &revision, &anchor, observer).await?;
        self.anchor = Some(anchor);
        self.revisions.retain(|known| known.generation != revision.generation);
        self.revisions.push(revision);
        Ok(())
    }

    async fn prove(&mut self, generation: Generation, observer: &mut dyn Observer) -> Result<()> {
        let revision = self.revision(generation)?;
        let flink = observe::flink(self.cluster, &revision.application, generation);
        await_up::await_up(self.cluster, &flink, &revision, self.deadline, observer).await?;
        let operation = &self.plan.operation;
        let proof = prove::prove(&flink, &revision, operation, self.deadline, observer).await?;
        self.proof = Some(proof);
        Ok(())
    }

    /// Marks the application as stopped, with the snapshot it goes on from.
    async fn rest(&mut self, snapshot: Option<SnapshotPath>) -> Result<()> {
        let snapshot = self.stopped_at.clone().or(snapshot);
        self.write_anchor(|anchor| {
            anchor.run = Run::Stopped;
            anchor.snapshot = snapshot;
            anchor.stopping_into = None;
        })
        .await
    }

    /// Changes the anchor.
    pub async fn write_anchor(&mut self, change: impl FnOnce(&mut Anchor)) -> Result<()> {
        let Some(mut anchor) = self.anchor.clone() else { return Ok(()) };
        change(&mut anchor);
        let revision = self.revision(anchor.generation)?;
        objects::write_anchor(self.cluster, &revision, &anchor).await?;
        self.anchor = Some(anchor);
        Ok(())
    }

    /// The record of a generation that this run works with.
    pub fn revision(&self, generation: Generation) -> Result<Revision> {
        let known = self.revisions.iter().find(|revision| revision.generation == generation);
        known.cloned().ok_or_else(|| {
            Error::new(Kind::Other, format!("generation {generation} has no record"))
                .hint("This is a defect of kubectl flink: please report it.")
        })
    }

    fn after_fallback(&self, failed: Error, back: Result<()>) -> Error {
        let name = &self.plan.application;
        let snapshot = self.stopped_at.as_ref().map(ToString::to_string).unwrap_or_default();
        match back {
            Ok(()) => failed
                .context(format!("{name} was not upgraded and runs its old spec again, from {snapshot}"))
                .hint("Nothing was lost. Correct the cause and deploy again."),
            Err(error) => failed
                .context(format!("{name} was not upgraded, and going back failed too ({error}); its state is in {snapshot}"))
                .hint(format!("Bring it back with `kubectl flink restore {name} --from {snapshot}`.")),
        }
    }
}

/// How long going back may take, whatever `--timeout` says.
const FALLBACK_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(600);
