//! The executor: runs a plan, step by step, and is the only code that changes an application.
//!
//! A step returns only when what it was for is proven; then the record of the operation moves on. Every
//! step can be done again from its beginning, which is how an operation that was cut off goes on. When one
//! fails after the old job was stopped, the plan's fallback is run, and the error says what came of it.

use crate::cluster::Cluster;
use crate::cluster::access;
use crate::cluster::write::Mode;
use crate::deadline::Deadline;
use crate::error::{Error, Kind, Result};
use crate::model::ids::JobId;
use crate::model::name::Generation;
use crate::model::revision::Revision;
use crate::model::snapshot::SnapshotPath;
use crate::ops::anchor::{self, Anchor};
use crate::ops::event::{Event, Observer};
use crate::ops::halt::Halt;
use crate::ops::observed::{Job, Run};
use crate::ops::operation::abort::{self, Way};
use crate::ops::operation::journal::Journal;
use crate::ops::operation::record::Direction;
use crate::ops::plan::{From, Plan, Step, Take};
use crate::ops::prove::Proof;
use crate::ops::saving::Saving;
use crate::ops::state::State;
use crate::ops::{await_up, drift, objects, observe, preflight, prove, stop, transition};
use crate::storage::jar::LocalJar;

/// One run of one plan.
pub struct Executor<'a> {
    /// Where.
    pub cluster: &'a Cluster,
    /// The plan, and how far it is.
    pub journal: Journal,
    /// The local jar that [`Step::Upload`] sends.
    pub jar: Option<&'a LocalJar>,
    /// When waiting ends.
    pub deadline: Deadline,
    /// Access to the state storage, opened when the first step needs it.
    pub state: State<'a>,
    /// The anchor as it was last written or read.
    pub anchor: Option<Anchor>,
    /// What was proven last.
    pub proof: Option<Proof>,
    /// The wish to stop at the next safe point.
    pub halt: Halt,
    /// Whether an earlier run may have begun the current step.
    pub resumed: bool,
    refused: bool,
}

impl<'a> Executor<'a> {
    /// An executor for the plan of `journal`, whose application has this anchor.
    pub fn new(
        cluster: &'a Cluster,
        journal: Journal,
        state: State<'a>,
        anchor: Option<Anchor>,
        deadline: Deadline,
    ) -> Self {
        let resumed = journal.is_open();
        let (jar, proof, halt) = (None, None, Halt::default());
        Executor {
            cluster,
            journal,
            jar,
            deadline,
            state,
            anchor,
            proof,
            halt,
            resumed,
            refused: false,
        }
    }

    /// An executor that goes on with an operation that was taken over.
    ///
    /// # Errors
    /// When the application cannot be read.
    pub async fn resume(
        cluster: &'a Cluster,
        journal: Journal,
        deadline: Deadline,
    ) -> Result<Executor<'a>> {
        let record = &journal.record;
        let revision = record.any_revision().ok_or_else(|| {
            Error::new(Kind::Conflict, "the record of the operation names no generation")
                .hint("This is a defect of kubectl flink: please report it.")
        })?;
        let state = State::of(cluster, revision, &record.plan.operation).within(deadline);
        let anchor = anchor::find(cluster, &record.plan.application).await?;
        Ok(Executor::new(cluster, journal, state, anchor, deadline))
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.journal.record.plan
    }

    /// The snapshot that the stop in this operation left.
    pub fn stopped_at(&self) -> Option<&SnapshotPath> {
        self.journal.record.stopped_at.as_ref()
    }

    /// Runs the plan to its end, or back.
    ///
    /// # Errors
    /// The failed step's error; when the fallback ran, it says whether the old spec runs again. One that
    /// leaves the operation unfinished says how to go on.
    pub async fn run(&mut self, observer: &mut dyn Observer) -> Result<()> {
        self.open(observer).await?;
        let outcome = match self.journal.holding() {
            Some(mut lease) => tokio::select! {
                outcome = self.forward_or_back(observer) => outcome,
                lost = lease.keep() => self.lost(lost.err()),
            },
            None => self.forward_or_back(observer).await,
        };
        self.end(outcome, observer).await
    }

    /// Gives the operation up and brings back what was before.
    ///
    /// # Errors
    /// [`Kind::Conflict`] when it can only be finished; else as the steps of the way back.
    pub async fn abort(&mut self, observer: &mut dyn Observer) -> Result<()> {
        let outcome = match self.journal.holding() {
            Some(mut lease) => tokio::select! {
                outcome = self.undo(observer) => outcome,
                lost = lease.keep() => self.lost(lost.err()),
            },
            None => self.undo(observer).await,
        };
        self.end(outcome, observer).await
    }

    async fn open(&mut self, observer: &mut dyn Observer) -> Result<()> {
        if self.journal.is_open() {
            // Whoever took it over was asked for the permissions first.
            return Ok(());
        }
        let (changed, user) = tokio::try_join!(
            preflight::plan(self.cluster, &self.journal.record),
            access::whoami(self.cluster),
        )?;
        preflight::take_over(&mut self.journal.record.plan, &changed, observer);
        self.journal.open(user).await
    }

    /// How this plan applies objects.
    fn mode(&self) -> Mode {
        if self.plan().force { Mode::Forced } else { Mode::Real }
    }

    fn lost(&mut self, error: Option<Error>) -> Result<()> {
        self.journal.lose();
        error.map_or(Ok(()), Err)
    }

    async fn forward_or_back(&mut self, observer: &mut dyn Observer) -> Result<()> {
        let mut failed = None;
        if self.journal.record.direction == Direction::Forward {
            let Err(error) = self.steps(observer).await else { return Ok(()) };
            let record = &self.journal.record;
            if !record.turns_back_after(error.kind()) || self.journal.is_lost() {
                return Err(error);
            }
            observer.event(Event::Warning(error.to_string()));
            self.journal.turn_back(Some(error.to_string()), None).await?;
            failed = Some(error);
        }
        self.go_back(failed, observer).await
    }

    async fn go_back(&mut self, failed: Option<Error>, observer: &mut dyn Observer) -> Result<()> {
        let towards = match &self.journal.record.before {
            Some(_) => "going back to the old generation",
            None => "undoing what was begun",
        };
        observer.event(Event::Phase(towards.to_owned()));
        // The old job has to come back even if the user's patience is at its end.
        self.deadline = Deadline::after(FALLBACK_TIMEOUT);
        self.cluster.repeat_until(self.deadline);
        if let Some(old) = &self.journal.record.old {
            // The image of the one that is given up may be what is wrong with it.
            let state = State::of(self.cluster, old, &self.plan().operation).within(self.deadline);
            std::mem::replace(&mut self.state, state).close().await;
        }
        self.state.extend(self.deadline);
        let back = self.steps(observer).await;
        let earlier = self.journal.record.failure.clone();
        match failed.or_else(|| earlier.map(|failure| Error::new(Kind::Flink, failure))) {
            Some(failed) => Err(self.after_fallback(failed, back)),
            // The user asked for it.
            None => back,
        }
    }

    async fn undo(&mut self, observer: &mut dyn Observer) -> Result<()> {
        match abort::way(&self.journal.record) {
            Way::Forget => return Ok(()),
            Way::OnlyForward(why) => return Err(self.refuse(why)),
            // Whatever made it go back, the user wants that by now.
            Way::Back(_) if self.journal.record.direction == Direction::Back => {
                self.journal.record.failure = None;
            }
            Way::Back(steps) => self.journal.turn_back(None, Some(steps)).await?,
            Way::Ask { generation, job, how } => {
                if !stop::is_sent(self, generation, job, &how).await? {
                    return self.write_anchor(|anchor| anchor.stopping_into = None).await;
                }
                if self.plan().fallback.is_empty() {
                    return Err(self.refuse("the job is being stopped"));
                }
                match stop::stop(self, generation, job, &how, observer).await {
                    // There is no savepoint: the job goes on running, or came to its end before.
                    Err(error) if matches!(error.kind(), Kind::Flink | Kind::Conflict) => {
                        return Ok(());
                    }
                    stopped => self.journal.record.stopped_at = stopped?,
                }
                self.journal.record.job_ended = true;
                self.journal.turn_back(None, None).await?;
            }
        }
        self.go_back(None, observer).await
    }

    fn refuse(&mut self, why: &str) -> Error {
        self.refused = true;
        abort::only_forward(&self.journal.record, why)
    }

    async fn steps(&mut self, observer: &mut dyn Observer) -> Result<()> {
        while let Some(step) = self.journal.record.current().cloned() {
            if self.halt.is_requested() {
                return Err(self.interrupted());
            }
            tracing::info!(?step, "step");
            let halt = self.halt.clone();
            if step.is_long() {
                tokio::select! {
                    done = self.step(&step, observer) => done?,
                    () = halt.requested() => return Err(self.interrupted()),
                }
            } else {
                self.step(&step, observer).await?;
            }
            self.resumed = false;
            self.journal.advance().await?;
        }
        Ok(())
    }

    async fn step(&mut self, step: &Step, observer: &mut dyn Observer) -> Result<()> {
        match step {
            Step::Claim { name, request } => {
                objects::create_claim(self.cluster, self.plan(), name, request, observer).await
            }
            Step::Upload { .. } => match self.jar {
                Some(jar) => self.state.upload(jar, observer).await,
                None => Err(no_jar(self.plan())),
            },
            Step::CopyJar { from, to } => self.state.copy_jar(from, to, observer).await,
            Step::Verify { snapshot } => self.state.verify(snapshot, observer).await,
            Step::Stop { generation, job, how } => {
                let stopped = stop::stop(self, *generation, *job, how, observer).await?;
                self.journal.record.job_ended = true;
                self.journal.record.stopped_at = stopped;
                Ok(())
            }
            Step::Quiesce { generation } => {
                let revision = self.revision(*generation)?;
                objects::quiesce(self.cluster, &revision, self.deadline, observer).await
            }
            Step::Salvage { generation, job } => self.salvage(*generation, *job, observer).await,
            Step::Start { revision, from } => self.start(revision, from, observer).await,
            Step::Repair { generation } => {
                let revision = self.revision(*generation)?;
                let anchor = self.anchor.clone().unwrap_or(Anchor::running(*generation));
                drift::repair(self.cluster, &revision, &anchor, observer).await
            }
            Step::Prove { generation } => self.prove(*generation, observer).await,
            Step::Snapshot { generation, take } => self.save(*generation, *take, observer).await,
            Step::Acknowledge { nonces } => {
                self.write_anchor(|anchor| anchor.nonces = *nonces).await
            }
            Step::Catalogue { generation } => {
                let revision = self.revision(*generation)?;
                match self.state.record(&revision, observer).await {
                    Err(error) if !self.plan().needs_storage() => {
                        observer.event(Event::Warning(format!(
                            "the storage may not have the latest spec, which restore brings back: {error}"
                        )));
                        Ok(())
                    }
                    recorded => recorded,
                }
            }
            Step::Retire { generation } => {
                let application = &self.plan().application;
                let ingress = self.journal.record.has_ingress(*generation);
                objects::retire(self.cluster, application, *generation, ingress, observer).await
            }
            Step::Reinstate { anchor } => {
                let anchor = self.journal.record.reinstated(anchor);
                let revision = self.revision(anchor.generation)?;
                objects::reinstate(self.cluster, &revision, &anchor, self.mode()).await?;
                self.anchor = Some(anchor);
                Ok(())
            }
            Step::Rest { snapshot } => self.rest(snapshot.clone()).await,
            Step::RetireApplication => {
                let application = &self.plan().application;
                let ingress = self.journal.record.has_any_ingress();
                objects::retire_application(self.cluster, application, ingress, observer).await
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
        let revision = revision.clone().starting_from(self.journal.record.snapshot_of(from));
        if *from == From::Stopped && revision.restored_from.is_none() {
            return Err(Error::new(
                Kind::Other,
                "the old job left no snapshot, so there is nothing to start from",
            )
            .hint("This is a defect of kubectl flink: nothing new was started."));
        }
        let doing = if revision.spec.is_suspended() { "making" } else { "starting" };
        observer.event(Event::Phase(format!("{doing} generation {}", revision.generation)));
        let anchor = Anchor::new(&revision);
        let mode = self.mode();
        objects::create_generation(self.cluster, &revision, &anchor, mode, observer).await?;
        self.anchor = Some(anchor);
        Ok(())
    }

    /// Looks for what the job left last. On the way back that is what it committed before it was given up, and the
    /// old generation has to come back also when nobody can tell.
    async fn salvage(
        &mut self,
        generation: Generation,
        job: JobId,
        observer: &mut dyn Observer,
    ) -> Result<()> {
        let back = self.journal.record.direction == Direction::Back;
        let found = match self.left_by(generation, job, observer).await {
            Err(error)
                if back
                    && error.kind() != Kind::Conflict
                    && !self.journal.record.stays_open(error.kind()) =>
            {
                observer.event(Event::Warning(format!(
                    "nobody can tell whether generation {generation} committed anything, which would be processed once more: {error}"
                )));
                None
            }
            found => found?,
        };
        if let Some(path) = found.as_ref().filter(|_| back) {
            observer.event(Event::Note(format!(
                "generation {generation} got as far as {path}, from which it goes on"
            )));
        }
        self.journal.record.salvage(found);
        Ok(())
    }

    /// The newest snapshot of a job without pods.
    ///
    /// # Errors
    /// [`Kind::Conflict`] when it came to the end of its input: nothing is left to go on from.
    async fn left_by(
        &mut self,
        generation: Generation,
        job: JobId,
        observer: &mut dyn Observer,
    ) -> Result<Option<SnapshotPath>> {
        let revision = self.revision(generation)?;
        if self.state.result_of(&revision, observer).await? == Some(Job::finished()) {
            return Err(transition::finished(&revision.application));
        }
        self.state.newest_of(job, observer).await
    }

    async fn prove(&mut self, generation: Generation, observer: &mut dyn Observer) -> Result<()> {
        let revision = self.revision(generation)?;
        let flink = observe::flink(self.cluster, &revision.application, generation);
        await_up::await_up(self.cluster, &flink, &revision, self.deadline, observer).await?;
        let operation = &self.plan().operation;
        let proof = prove::prove(&flink, &revision, operation, self.deadline, observer).await?;
        self.proof = Some(proof);
        Ok(())
    }

    /// Takes a snapshot of a job that goes on. Its trigger ids derive from the operation, so that one that was
    /// begun before is found again.
    async fn save(
        &mut self,
        generation: Generation,
        take: Take,
        observer: &mut dyn Observer,
    ) -> Result<()> {
        let revision = self.revision(generation)?;
        let operation = self.plan().operation.clone();
        let saving = Saving::of(self.cluster, revision, operation, take);
        let path = saving.take(self.deadline, observer).await?;
        observer.event(Event::Changed(format!("{take} completed")));
        self.journal.record.saved.push(path);
        Ok(())
    }

    /// Marks the application as stopped, with the snapshot it goes on from.
    async fn rest(&mut self, snapshot: Option<SnapshotPath>) -> Result<()> {
        let snapshot = self.stopped_at().cloned().or(snapshot);
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
        objects::write_anchor(self.cluster, &revision, &anchor, self.mode()).await?;
        self.anchor = Some(anchor);
        Ok(())
    }

    /// The record of a generation that this run works with.
    pub fn revision(&self, generation: Generation) -> Result<Revision> {
        self.journal.record.revision(generation)
    }

    /// Closes the record, or leaves it to whoever comes next.
    async fn end(&mut self, outcome: Result<()>, observer: &mut dyn Observer) -> Result<()> {
        if self.journal.is_lost() {
            return outcome;
        }
        let unfinished = match &outcome {
            Ok(()) => false,
            Err(_) if self.refused => true,
            Err(error) => self.journal.record.stays_open(error.kind()),
        };
        let tidied = match unfinished {
            true => self.journal.release().await,
            false => self.journal.close().await,
        };
        if let Err(error) = tidied {
            // What was done is done; a record that is left is found by the next command.
            observer
                .event(Event::Warning(format!("the operation's record is left behind: {error}")));
        }
        let name = &self.plan().application;
        outcome.map_err(|error| match unfinished {
            true if !self.refused => error.hint(format!(
                "Go on by running the same command again, or with `kubectl flink operation resume {name}`; undo it by adding --abort to it, or with `kubectl flink operation abort {name}`."
            )),
            _ => error,
        })
    }

    fn interrupted(&self) -> Error {
        let Plan { verb, application, .. } = self.plan();
        let done = self.journal.record.step;
        Error::new(
            Kind::Interrupted,
            format!(
                "interrupted: {verb} of {application} stopped before step {} of {}",
                done + 1,
                self.journal.record.steps().len()
            ),
        )
    }

    fn after_fallback(&self, failed: Error, back: Result<()>) -> Error {
        let Plan { application: name, .. } = self.plan();
        let snapshot = self.stopped_at().map(ToString::to_string).unwrap_or_default();
        match back {
            Ok(()) => failed
                .context(format!("{name} was not upgraded and runs its old spec again, from {snapshot}"))
                .hint("Nothing was lost. Correct the cause and deploy again."),
            // It goes on going back with the next run.
            Err(error) if self.journal.record.stays_open(error.kind()) => {
                error.context(format!("{name} was not upgraded ({failed}), and going back was cut off; its state is in {snapshot}"))
            }
            Err(error) => {
                let failed = failed
                    .context(format!("{name} was not upgraded, and going back failed too ({error}); its state is in {snapshot}"))
                    .hint(format!("Bring it back with `kubectl flink restore {name} --from {snapshot}`."));
                let record = &self.journal.record;
                match record.latest.as_ref().filter(|latest| record.stopped_at.as_ref() != Some(latest)) {
                    Some(before) => failed.hint(format!("If its spec cannot read that, {before} is from before: whatever was done since is then done once more.")),
                    None => failed,
                }
            }
        }
    }
}

fn no_jar(plan: &Plan) -> Error {
    Error::usage("the job's jar is not in the storage yet, and only the command that began this knows where it is")
        .hint(format!("Run the same `kubectl flink deploy {}` again.", plan.application))
}

/// How long going back may take, whatever `--timeout` says.
const FALLBACK_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(600);
