//! All that is known of one application: the model behind `status`.

use jiff::Timestamp;
use serde::Serialize;

use super::application::{ApplicationView, Asked, State};
use kube::ResourceExt;

use super::claim::ClaimView;
use super::event::{self, EventView};
use super::job::{CheckpointsView, JobView};
use super::pod::PodView;
use super::store::StoreView;
use crate::cluster::diagnose::{Diagnosis, Observed, Waiting};
use crate::error::{Error, Kind, Result};
use crate::flink::types::{Checkpoints, Failure, JobDetails, JobStatus};
use crate::model::drift::Change;
use crate::model::revision::Revision;
use crate::model::store::Profile;
use crate::ops::anchor::Anchor;
use crate::ops::drift::Drifted;

/// So many warnings are shown, the newest ones.
const WARNINGS: usize = 5;

/// What was asked, and what came of it.
#[derive(Debug)]
pub struct Findings {
    /// What the application's anchor says.
    pub anchor: Anchor,
    /// The record of the active generation.
    pub revision: Revision,
    /// When the application was created.
    pub created: Option<Timestamp>,
    /// The job's state, as Flink has it this moment.
    pub status: Asked<JobStatus>,
    /// The job's tasks; up to 3 s old.
    pub job: Asked<JobDetails>,
    /// The job's checkpoints; up to 3 s old.
    pub checkpoints: Asked<Checkpoints>,
    /// The job's last failures, newest first.
    pub failures: Asked<Vec<Failure>>,
    /// Pods, claim and events.
    pub observed: Result<Observed>,
    /// How the objects differ from the record.
    pub drift: Result<Vec<Drifted>>,
    /// The storage profile that the record names, as it is now; `None` when it is gone, and where none is named.
    pub profile: Result<Option<Profile>>,
}

/// One application in all detail.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusView {
    /// What `list` tells.
    pub application: ApplicationView,
    /// The jar's file name.
    pub jar: String,
    /// The snapshot the generation was started from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_from: Option<String>,
    /// The job, as Flink sees it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<JobView>,
    /// The job's checkpoints.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoints: Option<CheckpointsView>,
    /// The claim its state is on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage: Option<ClaimView>,
    /// The store its state is on, where that is no claim.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store: Option<StoreView>,
    /// The storage that its state was moved from, which it reads until the next generation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub also_reads: Option<String>,
    /// Its pods, by name.
    pub pods: Vec<PodView>,
    /// What it waits for, while its pods are not ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting_for: Option<String>,
    /// Why pods do not run, most telling first.
    pub problems: Vec<ProblemView>,
    /// Where objects are not what the record of the generation says; `deploy` with the same spec sets them back.
    pub drift: Vec<DriftView>,
    /// Kubernetes' last warnings, oldest first.
    pub warnings: Vec<EventView>,
    /// What could not be learnt.
    pub unavailable: Vec<UnavailableView>,
}

/// A reason why a pod does not run.
#[derive(Debug, Serialize)]
pub struct ProblemView {
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

impl From<&Diagnosis> for ProblemView {
    fn from(diagnosis: &Diagnosis) -> Self {
        ProblemView { message: diagnosis.to_string(), remedy: diagnosis.hint() }
    }
}

/// A difference of an object from what it was made as.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DriftView {
    /// The object, as `kind/name`.
    pub object: String,
    /// `missing`, `changed`, `removed` or `added`.
    pub change: Change,
    /// The field, such as `.spec.replicas`; absent when the whole object is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The field manager who did it, if Kubernetes knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manager: Option<String>,
    /// All of it in words.
    pub message: String,
}

impl From<&Drifted> for DriftView {
    fn from(drifted: &Drifted) -> Self {
        let drift = &drifted.drift;
        let field = drift.field.to_string();
        DriftView {
            object: drifted.object.to_string(),
            change: drift.change,
            field: Some(field).filter(|field| !field.is_empty()),
            manager: drift.manager.as_ref().map(|manager| manager.name.clone()),
            message: drifted.words(),
        }
    }
}

/// A part of the status that could not be learnt.
#[derive(Debug, Serialize)]
pub struct UnavailableView {
    /// `flink` (nothing of what it knows), `job`, `checkpoints`, `failures`, `pods`, `drift` or `profile`.
    pub part: &'static str,
    /// Why.
    pub why: String,
}

impl StatusView {
    /// Puts together what was found.
    pub fn new(findings: &Findings) -> Self {
        let Findings {
            anchor,
            revision,
            created,
            status,
            job,
            checkpoints,
            failures,
            observed,
            drift,
            profile,
        } = findings;
        let seen = observed.as_ref().ok();
        let on_claim = seen.filter(|_| revision.storage.claim().is_some());
        let remote = revision.storage.remote();
        let application =
            ApplicationView::new(anchor, revision.into(), *created, status, checkpoints);
        let started = revision.restored_from.as_ref().map(ToString::to_string);
        StatusView {
            jar: revision.jar.name.clone(),
            started_from: started,
            job: job.answer().map(|job| JobView::new(job, failures.answer())),
            checkpoints: checkpoints.answer().map(CheckpointsView::new),
            storage: on_claim.and_then(|seen| seen.claims.first()).map(ClaimView::from),
            store: remote.map(|remote| StoreView::new(remote, profile.as_ref().ok())),
            also_reads: revision.also_reads.as_ref().map(ToString::to_string),
            pods: seen.map(pods).unwrap_or_default(),
            waiting_for: seen.filter(|_| application.state == State::Pending).and_then(waiting),
            problems: seen.map(|seen| problems(seen, revision)).unwrap_or_default(),
            drift: drift.iter().flatten().map(DriftView::from).collect(),
            warnings: seen.map(|seen| event::newest(&seen.events, WARNINGS)).unwrap_or_default(),
            unavailable: unavailable(findings, application.state),
            application,
        }
    }

    /// Whether this is good news, for the exit code.
    ///
    /// # Errors
    /// [`Kind::Flink`] when the job has failed or its pods cannot run, [`Kind::Unreachable`] when
    /// nobody could say.
    pub fn verdict(&self) -> Result<()> {
        let name = &self.application.name;
        let logs = format!("Read its log with `kubectl flink logs {name}`.");
        let failure = self.job.as_ref().and_then(|job| job.last_failure.as_ref());
        match (self.application.state, self.problems.first()) {
            (State::Job(status @ (JobStatus::Failed | JobStatus::Failing)), _) => {
                let why = failure.map(|failure| format!(": {}", failure.cause)).unwrap_or_default();
                Err(Error::new(Kind::Flink, format!("the job of {name} is {status}{why}"))
                    .hint(logs))
            }
            (State::Pending | State::Starting | State::Unreachable, Some(problem)) => {
                Err(Error::new(Kind::Flink, format!("{name} does not run: {}", problem.message))
                    .hint(&problem.remedy))
            }
            (State::Stopped, Some(problem)) => Err(Error::new(
                Kind::Flink,
                format!("{name} cannot start again: {}", problem.message),
            )
            .hint(&problem.remedy)),
            (State::Unreachable, None) => {
                let why = self.application.message.clone().unwrap_or_default();
                Err(Error::new(
                    Kind::Unreachable,
                    format!("cannot tell how the job of {name} is: {why}"),
                )
                .hint(logs))
            }
            _ => Ok(()),
        }
    }

    /// One line that changes when the application does.
    pub fn summary(&self) -> String {
        let mut line = format!("{} {}", self.application.name, self.application.state);
        if let Some(job) = &self.job {
            line += &format!(", {} of {} tasks running", job.tasks_running, job.tasks);
        }
        if let Some(last) = &self.application.last_checkpoint {
            line += &format!(", {} {}", last.kind, last.number);
        }
        if let Some(waiting) = &self.waiting_for {
            line += &format!(", waiting for {waiting}");
        }
        line
    }
}

fn pods(observed: &Observed) -> Vec<PodView> {
    let mut pods: Vec<_> = observed.pods.iter().map(PodView::from).collect();
    pods.sort_by(|a, b| a.name.cmp(&b.name));
    pods
}

fn waiting(observed: &Observed) -> Option<String> {
    Some(observed.waiting()).filter(|waiting| *waiting != Waiting::Nothing).map(|w| w.to_string())
}

fn problems(observed: &Observed, revision: &Revision) -> Vec<ProblemView> {
    let there = |name: &String| observed.claims.iter().any(|claim| claim.name_any() == *name);
    let gone = revision.claims().into_iter().filter(|name| !there(name)).map(|claim| ProblemView {
        message: format!("persistentvolumeclaim {claim:?} is gone, and the state that was on it"),
        remedy: "Bring the claim back from a backup of the volume, or restore from a snapshot that is elsewhere.".to_owned(),
    });
    gone.chain(observed.diagnoses().iter().map(ProblemView::from)).collect()
}

/// A JobManager that is still starting is a state, not a part that is missing; and when Flink does not
/// even tell the job's state, it need not be said that it tells nothing else.
fn unavailable(findings: &Findings, state: State) -> Vec<UnavailableView> {
    let expected = matches!(state, State::Pending | State::Starting);
    let flink = match findings.status.failure() {
        _ if expected => Vec::new(),
        Some(why) => vec![("flink", Some(why))],
        None => vec![
            ("job", findings.job.failure()),
            ("checkpoints", findings.checkpoints.failure()),
            ("failures", findings.failures.failure()),
        ],
    };
    let pods = findings.observed.as_ref().err().map(ToString::to_string);
    let drift = findings.drift.as_ref().err().map(ToString::to_string);
    let profile = findings.profile.as_ref().err().map(ToString::to_string);
    let all = flink.into_iter().chain([("pods", pods), ("drift", drift), ("profile", profile)]);
    all.filter_map(|(part, why)| Some(UnavailableView { part, why: why? })).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;
    use crate::flink::client::CallError;
    use crate::model::name::Generation;
    use crate::ops::testing;
    use crate::view::checkpoint::tests::recorded;
    use crate::view::pod::tests::pod;

    fn body<T: serde::de::DeserializeOwned>(answer: &str) -> T {
        let recorded: serde_json::Value = serde_json::from_str(answer).expect("JSON");
        serde_json::from_value(recorded["response"]["body"].clone()).expect("the recorded type")
    }

    /// An application whose job runs.
    pub(in crate::view) fn running() -> Findings {
        let claim = json!({
            "metadata": {"name": "orders-state"},
            "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "fast"},
            "status": {"phase": "Bound", "capacity": {"storage": "2Gi"}},
        });
        let pods = vec![pod(&json!({"phase": "Running", "conditions": [
            {"type": "Ready", "status": "True"}, {"type": "PodScheduled", "status": "True"},
        ]}))];
        Findings {
            anchor: Anchor::running(Generation::new(4)),
            revision: testing::revision(4),
            created: Some(Timestamp::from_millisecond(1_795_329_000_000).expect("in range")),
            status: Asked::Answer(JobStatus::Running),
            job: Asked::Answer(body(include_str!("../flink/testdata/040-job.json"))),
            checkpoints: Asked::Answer(recorded(include_str!(
                "../flink/testdata/092-restore-checkpoints.json"
            ))),
            failures: Asked::Answer(Vec::new()),
            observed: Ok(Observed {
                pods,
                claims: vec![serde_json::from_value(claim).expect("a claim")],
                ..Observed::default()
            }),
            drift: Ok(Vec::new()),
            profile: Ok(None),
        }
    }

    fn nobody_listens() -> CallError {
        CallError::NotDelivered(Error::new(Kind::Unreachable, "no endpoints available"))
    }

    /// A JobManager whose image cannot be pulled.
    pub(in crate::view) fn stuck() -> Findings {
        let waiting = json!({"waiting": {"reason": "ImagePullBackOff", "message": "not found"}});
        let status = json!({"phase": "Pending",
            "conditions": [{"type": "PodScheduled", "status": "True"}],
            "containerStatuses": [{"name": "flink-main-container", "image": "flink:nope",
                "imageID": "", "ready": false, "restartCount": 0, "state": waiting}]});
        let claims = running().observed.map(|observed| observed.claims).unwrap_or_default();
        let observed = Observed { pods: vec![pod(&status)], claims, ..Observed::default() };
        Findings {
            status: Asked::Failed(nobody_listens()),
            job: Asked::Failed(nobody_listens()),
            checkpoints: Asked::Failed(nobody_listens()),
            failures: Asked::Failed(nobody_listens()),
            observed: Ok(observed),
            ..running()
        }
    }

    #[test]
    fn good_news_is_no_error() {
        let view = StatusView::new(&running());
        assert!(view.verdict().is_ok());
        assert_eq!(view.summary(), "orders RUNNING, 2 of 2 tasks running, checkpoint 18");
        assert!(view.unavailable.is_empty());
    }

    #[test]
    fn a_failed_job_is_an_error_with_flinks_reason() {
        let failure = Failure {
            timestamp: 1,
            cause: "java.lang.ArithmeticException: / by zero".to_owned(),
            location: None,
        };
        let view = StatusView::new(&Findings {
            status: Asked::Answer(JobStatus::Failed),
            failures: Asked::Answer(vec![failure]),
            ..running()
        });
        let error = view.verdict().expect_err("bad news");
        assert_eq!(error.kind(), Kind::Flink);
        assert_eq!(
            error.to_string(),
            "the job of orders is FAILED: java.lang.ArithmeticException: / by zero"
        );
    }

    #[test]
    fn pods_that_cannot_run_are_an_error_that_names_the_reason() {
        let view = StatusView::new(&stuck());
        let error = view.verdict().expect_err("bad news");
        assert_eq!(error.kind(), Kind::Flink);
        assert!(error.to_string().contains("image flink:nope"), "{error}");
        assert!(view.unavailable.is_empty(), "that nobody listens yet is no news: {view:?}");
    }

    #[test]
    fn a_claim_that_is_gone_is_bad_news_even_for_a_stopped_job() {
        let anchor = Anchor { run: crate::ops::observed::Run::Stopped, ..running().anchor };
        let observed = Ok(Observed::default());
        let view = StatusView::new(&Findings { anchor, observed, status: Asked::No, ..running() });
        let error = view.verdict().expect_err("bad news");
        assert!(error.to_string().contains("\"orders-state\" is gone"), "{error}");
    }

    #[test]
    fn what_could_not_be_learnt_is_listed_and_is_no_success() {
        let refused = || Error::new(Kind::Denied, "pods is forbidden");
        let view = StatusView::new(&Findings {
            status: Asked::Silent,
            job: Asked::Silent,
            observed: Err(refused()),
            ..running()
        });
        let missing: Vec<_> = view.unavailable.iter().map(|missing| missing.part).collect();
        assert_eq!(missing, ["flink", "pods"]);
        assert_eq!(view.verdict().map_err(|e| e.kind()), Err(Kind::Unreachable));
        assert!(view.checkpoints.is_some(), "the rest is shown");
    }
}
