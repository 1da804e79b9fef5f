//! An application in one line, and the list of all of them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::checkpoint::{self, CheckpointView};
use crate::error::Error;
use crate::flink::client::CallError;
use crate::flink::types::{Checkpoints, JobStatus};
use crate::model::flink_version::FlinkVersion;
use crate::model::ids::JobId;
use crate::model::name::{ApplicationName, Generation};
use crate::model::revision::Revision;
use crate::model::storage::StateStorage;
use crate::ops::anchor::Anchor;
use crate::ops::observed::Run;
use crate::ui::{Table, Text, Tone, View, human};

/// How an application is, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Flink's word for the state of the job.
    Job(JobStatus),
    /// It was stopped; its state is kept.
    Stopped,
    /// The JobManager takes no requests yet, or no more.
    Pending,
    /// The JobManager answers, but the job was not submitted yet.
    Starting,
    /// The JobManager did not answer, or we may not ask it.
    Unreachable,
    /// The application's records in the cluster cannot be read.
    Damaged,
    /// It is gone since it was last looked at.
    Deleted,
}

impl State {
    /// How the state is to be taken.
    pub fn tone(self) -> Tone {
        match self {
            State::Job(JobStatus::Running | JobStatus::Finished) => Tone::Good,
            State::Job(JobStatus::Failed | JobStatus::Failing) => Tone::Bad,
            State::Unreachable | State::Damaged => Tone::Bad,
            State::Job(_) | State::Pending | State::Starting => Tone::Attention,
            State::Stopped | State::Deleted => Tone::Plain,
        }
    }
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            State::Job(status) => status.fmt(f),
            State::Stopped => f.write_str("STOPPED"),
            State::Pending => f.write_str("PENDING"),
            State::Starting => f.write_str("STARTING"),
            State::Unreachable => f.write_str("UNREACHABLE"),
            State::Damaged => f.write_str("DAMAGED"),
            State::Deleted => f.write_str("DELETED"),
        }
    }
}

impl Serialize for State {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What asking Flink about a job came to.
#[derive(Debug)]
pub enum Asked<T> {
    /// There was nobody to ask, because the job is not meant to run.
    No,
    /// An answer.
    Answer(T),
    /// No answer.
    Failed(CallError),
    /// No answer in time.
    Silent,
}

impl<T> Asked<T> {
    /// The answer, if there was one.
    pub fn answer(&self) -> Option<&T> {
        match self {
            Asked::Answer(answer) => Some(answer),
            Asked::No | Asked::Failed(_) | Asked::Silent => None,
        }
    }

    /// The reason why there is no answer, if one was owed.
    pub fn failure(&self) -> Option<String> {
        match self {
            Asked::Answer(_) | Asked::No => None,
            Asked::Silent => Some("Flink did not answer in time".to_owned()),
            Asked::Failed(error) => Some(call_error(error).to_string()),
        }
    }
}

/// The error inside, by reference.
fn call_error(error: &CallError) -> &Error {
    match error {
        CallError::NotDelivered(e)
        | CallError::Ambiguous(e)
        | CallError::NotFound(e)
        | CallError::Failed(e) => e,
    }
}

/// The state that Flink's answer about a job's status means.
pub fn state(run: Run, status: &Asked<JobStatus>) -> State {
    match (run, status) {
        (Run::Stopped, _) | (_, Asked::No) => State::Stopped,
        (Run::Running, Asked::Answer(status)) => State::Job(*status),
        (Run::Running, Asked::Failed(CallError::NotDelivered(_))) => State::Pending,
        (Run::Running, Asked::Failed(CallError::NotFound(_))) => State::Starting,
        (Run::Running, Asked::Failed(_) | Asked::Silent) => State::Unreachable,
    }
}

/// One application.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationView {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// How it is: Flink's word for its job (`RUNNING`, `FINISHED`, `FAILED`, …), or `STOPPED`, `PENDING` (nobody answers yet), `STARTING`
    /// (no job yet), `UNREACHABLE`, `DAMAGED` (its records cannot be read), `DELETED` (with `-w`).
    pub state: State,
    /// The active generation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generation: Option<Generation>,
    /// The Flink version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flink_version: Option<String>,
    /// The image of its pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The job's default parallelism.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parallelism: Option<i32>,
    /// Flink's id of the job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<JobId>,
    /// Where its state is: `CLAIM[/PATH]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage: Option<String>,
    /// The newest completed checkpoint or savepoint that Flink knows of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_checkpoint: Option<CheckpointView>,
    /// The snapshot it was stopped with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped_with: Option<String>,
    /// When it was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// The labels that `-l` selects by: those of its spec, and those that every application has.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Why something above is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// What is shown of a record in one line. Records by the thousand are too large to be kept.
#[derive(Debug, Clone)]
pub struct Brief {
    /// The application.
    pub application: ApplicationName,
    /// Flink's id of the job.
    pub job_id: JobId,
    namespace: String,
    flink_version: FlinkVersion,
    image: String,
    parallelism: i32,
    storage: String,
}

impl From<&Revision> for Brief {
    fn from(revision: &Revision) -> Brief {
        Brief {
            application: revision.application.clone(),
            job_id: revision.job_id,
            namespace: revision.namespace.clone(),
            flink_version: revision.flink_version,
            image: revision.image.clone(),
            parallelism: revision.spec.parallelism(),
            storage: storage(&revision.storage),
        }
    }
}

impl ApplicationView {
    /// An application of which nothing but its name is known.
    pub fn damaged(
        namespace: &str,
        name: &str,
        created: Option<Timestamp>,
        labels: BTreeMap<String, String>,
        why: &Error,
    ) -> Self {
        ApplicationView {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            state: State::Damaged,
            generation: None,
            flink_version: None,
            image: None,
            parallelism: None,
            job_id: None,
            storage: None,
            last_checkpoint: None,
            stopped_with: None,
            created,
            labels,
            message: Some(why.to_string()),
        }
    }

    /// An application as its anchor, its record and Flink describe it.
    pub fn new(
        anchor: &Anchor,
        record: Brief,
        created: Option<Timestamp>,
        status: &Asked<JobStatus>,
        checkpoints: &Asked<Checkpoints>,
    ) -> Self {
        let state = state(anchor.run, status);
        // A JobManager that is still starting is a state, not a failure.
        let starting = matches!(state, State::Pending | State::Starting);
        let failure = || status.failure().or_else(|| checkpoints.failure());
        ApplicationView {
            namespace: record.namespace,
            name: record.application.to_string(),
            state,
            generation: Some(anchor.generation),
            flink_version: Some(record.flink_version.to_string()),
            image: Some(record.image),
            parallelism: Some(record.parallelism),
            job_id: Some(record.job_id),
            storage: Some(record.storage),
            last_checkpoint: checkpoints.answer().and_then(checkpoint::newest),
            stopped_with: anchor.snapshot.as_ref().map(ToString::to_string),
            created,
            labels: BTreeMap::new(),
            message: if starting { None } else { failure() },
        }
    }

    /// With the labels of its anchor.
    #[must_use]
    pub fn labelled(mut self, labels: BTreeMap<String, String>) -> Self {
        self.labels = labels;
        self
    }

    /// Whether somebody who watches wants to hear of `other`. Checkpoints come all the time, and are no news.
    pub fn is_other_than(&self, other: &ApplicationView) -> bool {
        let news =
            |item: &ApplicationView| ApplicationView { last_checkpoint: None, ..item.clone() };
        news(self) != news(other)
    }

    fn row(&self, with_namespace: bool, wide: bool, now: Timestamp) -> Vec<String> {
        fn text(value: Option<&impl ToString>) -> String {
            value.map(ToString::to_string).unwrap_or_default()
        }
        let mut row = Vec::with_capacity(12);
        if with_namespace {
            row.push(self.namespace.clone());
        }
        row.extend([
            self.name.clone(),
            self.state.to_string(),
            text(self.flink_version.as_ref()),
            text(self.parallelism.as_ref()),
            self.last_checkpoint.as_ref().map(|last| last.age(now)).unwrap_or_default(),
            text(self.storage.as_ref()),
            text(self.generation.as_ref()),
            self.created.map(|created| human::age(created, now)).unwrap_or_default(),
        ]);
        if wide {
            let size = self.last_checkpoint.as_ref().map(|last| human::bytes(last.state_bytes));
            row.extend([
                size.unwrap_or_default(),
                text(self.job_id.as_ref()),
                text(self.image.as_ref()),
            ]);
        }
        row
    }
}

/// A claim and the folder in it, or a profile, as `storage list` names them; the URI of a store without a profile.
pub(super) fn storage(storage: &StateStorage) -> String {
    match storage {
        StateStorage::Claim(claim) if claim.path.is_empty() => claim.claim.clone(),
        StateStorage::Claim(claim) => format!("{}/{}", claim.claim, claim.path),
        StateStorage::Remote(remote) => {
            remote.profile.clone().unwrap_or_else(|| remote.store.uri.to_string())
        }
    }
}

/// Applications, as `list` shows them.
#[derive(Debug, Serialize)]
pub struct ApplicationList {
    /// By namespace and name.
    pub items: Vec<ApplicationView>,
    /// Whether the table names namespaces.
    #[serde(skip)]
    pub all_namespaces: bool,
    /// Whether the table shows labels.
    #[serde(skip)]
    pub show_labels: bool,
}

impl View for ApplicationView {
    fn text(&self, wide: bool, now: Timestamp) -> Text {
        let items = vec![self.clone()];
        ApplicationList { items, all_namespaces: false, show_labels: false }.text(wide, now)
    }

    fn names(&self) -> Vec<String> {
        vec![format!("application/{}", self.name)]
    }
}

/// `KEY=VALUE,…`, as kubectl shows labels.
fn labels_text(labels: &BTreeMap<String, String>) -> String {
    labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}

impl View for ApplicationList {
    fn is_table(&self) -> bool {
        true
    }

    fn text(&self, wide: bool, now: Timestamp) -> Text {
        let mut header = Vec::new();
        if self.all_namespaces {
            header.push("NAMESPACE");
        }
        header.extend(["NAME", "STATE", "FLINK", "PARALLELISM", "LAST-CHECKPOINT", "STORAGE"]);
        header.extend(["GENERATION", "AGE"]);
        if wide {
            header.extend(["STATE-SIZE", "JOB-ID", "IMAGE"]);
        }
        if self.show_labels {
            header.push("LABELS");
        }
        let mut table = Table::new(header);
        for item in &self.items {
            let mut row = item.row(self.all_namespaces, wide, now);
            row.extend(self.show_labels.then(|| labels_text(&item.labels)));
            table.row(row);
        }
        if table.is_empty() { Text::new() } else { Text::new().plain(&table.to_lines()) }
    }

    fn names(&self) -> Vec<String> {
        self.items.iter().flat_map(View::names).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;
    use crate::ops::testing;
    use crate::view::checkpoint::tests::recorded;

    fn error() -> Error {
        Error::new(Kind::Unreachable, "connection refused")
    }

    #[test]
    fn the_state_tells_who_did_not_answer() {
        let state = |status| state(Run::Running, &status).to_string();
        assert_eq!(state(Asked::Answer(JobStatus::Restarting)), "RESTARTING");
        assert_eq!(state(Asked::Failed(CallError::NotDelivered(error()))), "PENDING");
        assert_eq!(state(Asked::Failed(CallError::NotFound(error()))), "STARTING");
        assert_eq!(state(Asked::Failed(CallError::Ambiguous(error()))), "UNREACHABLE");
        assert_eq!(state(Asked::Silent), "UNREACHABLE");
        let stopped = super::state(Run::Stopped, &Asked::Answer(JobStatus::Running));
        assert_eq!(stopped, State::Stopped);
    }

    fn list() -> ApplicationList {
        let now_running = ApplicationView::new(
            &Anchor::running(Generation::new(4)),
            (&testing::revision(4)).into(),
            Some(Timestamp::UNIX_EPOCH),
            &Asked::Answer(JobStatus::Running),
            &Asked::Answer(recorded(include_str!("../flink/testdata/042-checkpoints.json"))),
        );
        let silent = ApplicationView {
            name: "payments".to_owned(),
            ..ApplicationView::new(
                &Anchor::running(Generation::FIRST),
                (&testing::revision(1)).into(),
                None,
                &Asked::Silent,
                &Asked::Silent,
            )
        };
        let damaged = ApplicationView::damaged("shop", "rides", None, BTreeMap::new(), &error());
        let items = vec![now_running, silent, damaged];
        ApplicationList { items, all_namespaces: true, show_labels: false }
    }

    #[test]
    fn one_line_an_application_whatever_is_known_of_it() {
        let now = Timestamp::from_millisecond(1_795_329_453_679 + 30_000).expect("in range");
        insta::assert_snapshot!(list().text(false, now).to_plain(), @r"
        NAMESPACE   NAME       STATE         FLINK    PARALLELISM   LAST-CHECKPOINT   STORAGE        GENERATION   AGE
        shop        orders     RUNNING       2.3      1             30s               orders-state   4            56y
        shop        payments   UNREACHABLE   2.3      1             <none>            orders-state   1            <none>
        shop        rides      DAMAGED       <none>   <none>        <none>            <none>         <none>       <none>
        ");
        assert_eq!(list().names()[0], "application/orders");
    }

    #[test]
    fn json_says_why_something_is_missing() -> serde_json::Result<()> {
        let json = serde_json::to_value(list())?;
        assert_eq!(json["items"][0]["lastCheckpoint"]["number"], 4);
        assert_eq!(json["items"][1]["state"], "UNREACHABLE");
        assert_eq!(json["items"][1]["message"], "Flink did not answer in time");
        assert_eq!(json["items"][2]["message"], "connection refused");
        Ok(())
    }
}
