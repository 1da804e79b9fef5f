//! Runs of the plugin that die at a step of their operation, which the record in the cluster tells.

use std::fmt::Debug;
use std::time::Duration;

use k8s_openapi::api::apps::v1::ControllerRevision;
use k8s_openapi::api::core::v1::{ConfigMap, Service};
use serde_json::Value;

use super::{App, Outcome, PATIENCE, Running, eventually};

impl App<'_> {
    /// Starts the plugin with these arguments. Whoever comes after it waits a second, not fifteen, to see
    /// whether it lives.
    pub(crate) fn begin<S: AsRef<str>>(&self, args: &[S]) -> Running {
        let mut command = self.sandbox.command(args);
        command.env("KUBECTL_FLINK_TEST_LEASE", "1");
        Running::start(&mut command)
    }

    /// Runs it to its end.
    pub(crate) fn again<S: AsRef<str>>(&self, args: &[S]) -> Outcome {
        self.sandbox.finish(self.begin(args), PATIENCE)
    }

    /// The step that the operation's record names: `quiesce`, or `back prove` on the way back. `None` when
    /// nothing is unfinished.
    pub(crate) fn step(&self) -> Option<String> {
        let maps = self.sandbox.cluster.api::<ConfigMap>(&self.sandbox.namespace);
        let map = self.sandbox.cluster.get(&maps, &format!("{}-operation", self.name))?;
        let record: Value = serde_json::from_str(&map.data?["operation.json"]).unwrap();
        let (steps, way) = match record["direction"].as_str().unwrap() {
            "forward" => ("steps", ""),
            _ => ("fallback", "back "),
        };
        let step = &record["plan"][steps][usize::try_from(record["step"].as_u64()?).unwrap()];
        let name = step.as_str().or_else(|| step.as_object()?.keys().next().map(String::as_str));
        Some(format!("{way}{}", name?))
    }

    /// Waits until the operation of `run` is at `step`.
    #[track_caller]
    pub(crate) fn reaches(&self, mut run: Running, step: &str) -> Running {
        let mut steps = Vec::new();
        let reached = eventually_soon(&format!("step {step:?}"), || {
            let here = self.step();
            if here.as_deref() == Some(step) {
                return Some(true);
            }
            if here.as_ref() != steps.last() {
                steps.extend(here);
            }
            run.has_ended().then_some(false)
        });
        if !reached {
            let outcome = self.sandbox.finish(run, PATIENCE);
            panic!("it ended without {step:?}, after {steps:?}\n{outcome}");
        }
        run
    }

    /// Runs it until its operation is at `step`, and kills it there.
    #[track_caller]
    pub(crate) fn killed_at<S: AsRef<str> + Debug>(&self, args: &[S], step: &str) {
        self.kill(self.reaches(self.begin(args), step));
    }

    /// Kills it, and makes sure that it had not come to its end.
    #[track_caller]
    pub(crate) fn kill(&self, mut run: Running) {
        run.kill();
        let outcome = self.sandbox.finish(run, Duration::from_secs(10));
        assert_eq!(outcome.code, -1, "it was over before the kill\n{outcome}");
    }

    /// Flink's own answer to a question about this generation; `None` when it gives none.
    pub(crate) fn ask(&self, generation: u64, path: &str) -> Option<Value> {
        let (namespace, name) = (&self.sandbox.namespace, self.name);
        self.sandbox.cluster.raw(&format!(
            "/api/v1/namespaces/{namespace}/services/{name}-g{generation}-jobmanager:rest/proxy{path}"
        ))
    }

    /// The generation that is the active one, by the annotation of the application's service.
    pub(crate) fn generation(&self) -> u64 {
        let services = self.sandbox.cluster.api::<Service>(&self.sandbox.namespace);
        let service = self.sandbox.cluster.get(&services, &format!("{}-rest", self.name)).unwrap();
        let annotations = service.metadata.annotations.unwrap();
        annotations["kubectl-flink.io/active-generation"].parse().unwrap()
    }

    /// The jobs of a generation and their states, by Flink's own word.
    pub(crate) fn jobs(&self, generation: u64) -> Option<Vec<(String, String)>> {
        let jobs = self.ask(generation, "/jobs")?;
        let text = |job: &Value, key: &str| job[key].as_str().unwrap().to_owned();
        let jobs = jobs["jobs"].as_array()?.iter();
        Some(jobs.map(|job| (text(job, "id"), text(job, "status"))).collect())
    }

    /// What is on record about the active generation.
    fn record(&self) -> Value {
        let records = self.sandbox.cluster.api::<ControllerRevision>(&self.sandbox.namespace);
        let name = format!("{}-{}", self.name, self.generation());
        self.sandbox.cluster.get(&records, &name).unwrap().data.unwrap().0
    }

    /// The snapshot that the active generation started from.
    pub(crate) fn restored_from(&self) -> String {
        self.record()["restoredFrom"].as_str().expect("a snapshot").to_owned()
    }

    /// The argument `--rate` of the active generation's job.
    pub(crate) fn rate(&self) -> u64 {
        let record = self.record();
        let args = record["spec"]["spec"]["job"]["args"].as_array().unwrap();
        let at = args.iter().position(|arg| arg == "--rate").expect("a rate");
        args[at + 1].as_str().unwrap().parse().unwrap()
    }

    /// Waits until the active generation's only job is in this state.
    #[track_caller]
    pub(crate) fn wait_for_job(&self, state: &str) {
        let generation = self.generation();
        eventually(&format!("one job, {state}"), PATIENCE, || {
            matches!(&self.jobs(generation)?[..], [(_, is)] if is == state).then_some(())
        });
    }

    /// Waits until a snapshot of this kind (Flink's: `SAVEPOINT`, `SYNC_SAVEPOINT`) is under way.
    #[track_caller]
    pub(crate) fn wait_for_snapshot(&self, kind: &str) {
        eventually_soon(&format!("a {kind} under way"), || self.is_under_way(kind)?.then_some(()));
    }

    /// Waits until so many savepoints are complete, and none is under way by Flink's own word.
    #[track_caller]
    pub(crate) fn wait_for_savepoints(&self, count: usize) {
        eventually(&format!("{count} savepoints"), PATIENCE, || {
            (self.savepoints().len() == count && !self.is_under_way("SAVEPOINT")?).then_some(())
        });
    }

    fn is_under_way(&self, kind: &str) -> Option<bool> {
        let generation = self.generation();
        let (job, _) = self.jobs(generation)?.pop()?;
        let checkpoints = self.ask(generation, &format!("/jobs/{job}/checkpoints"))?;
        let ours = |c: &Value| c["status"] == "IN_PROGRESS" && c["checkpoint_type"] == *kind;
        Some(checkpoints["history"].as_array()?.iter().any(ours))
    }
}

/// Like [`eventually`], without a pause: what is waited for may last milliseconds.
#[track_caller]
fn eventually_soon<T>(what: &str, mut question: impl FnMut() -> Option<T>) -> T {
    let deadline = std::time::Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = question() {
            return answer;
        }
        assert!(std::time::Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
