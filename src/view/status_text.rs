//! `status` for people: one section a topic, the telling ones first.

use jiff::Timestamp;

use super::checkpoint::CheckpointView;
use super::job::{CheckpointsView, JobView};
use super::section::{self, field, heading, indented, toned, warnings};
use super::status::StatusView;
use crate::ui::{Table, Text, Tone, View, human};

impl View for StatusView {
    fn text(&self, wide: bool, now: Timestamp) -> Text {
        let mut text = self.application_section(now);
        for problem in &self.problems {
            text = text.end().text(&section::problem(problem));
        }
        if let Some(job) = &self.job {
            text = text.end().text(&job_section(job, wide, now));
        }
        if let Some(checkpoints) = &self.checkpoints {
            text = text.end().text(&checkpoint_section(checkpoints, now));
        }
        text = text.text(&self.storage_section()).text(&self.pod_section(now));
        text = text.text(&self.drift_section());
        text.text(&warnings(&self.warnings, now)).text(&self.unavailable_section())
    }

    fn names(&self) -> Vec<String> {
        vec![format!("application/{}", self.application.name)]
    }
}

impl StatusView {
    fn application_section(&self, now: Timestamp) -> Text {
        let application = &self.application;
        let or_unknown = |value: Option<String>| value.unwrap_or_else(|| "<unknown>".to_owned());
        let mut text = field("Application", &application.name);
        text = text.text(&field("Namespace", &application.namespace));
        text = text.text(&toned("State", application.state.tone(), &application.state.to_string()));
        if let Some(waiting) = &self.waiting_for {
            text = text.text(&field("Waiting for", waiting));
        }
        if let Some(snapshot) = &application.stopped_with {
            text = text.text(&field("Stopped with", snapshot));
        }
        let generation = or_unknown(application.generation.map(|number| number.to_string()));
        text = text.text(&field("Generation", &generation));
        let flink = or_unknown(application.flink_version.clone());
        let image = or_unknown(application.image.clone());
        text = text.text(&field("Flink", &format!("{flink} ({image})")));
        text = text.text(&field("Jar", &self.jar));
        if let Some(from) = &self.started_from {
            text = text.text(&field("Started from", from));
        }
        let age = application.created.map(|created| human::age(created, now));
        text.text(&field("Age", &or_unknown(age)))
    }

    fn storage_section(&self) -> Text {
        let text = match (&self.storage, &self.store) {
            (Some(claim), _) => {
                let class = claim.class.as_deref().unwrap_or("<none>");
                let about = format!("{}, {}, class {class}", claim.size(), claim.short_access());
                heading("Storage")
                    .text(&field("  Claim", &claim.name))
                    .text(&toned("  Status", claim.tone(), &claim.status))
                    .text(&field("  Volume", &about))
            }
            (None, Some(store)) => store.section(),
            (None, None) => return Text::new(),
        };
        match &self.also_reads {
            Some(old) => {
                text.text(&field("  Also reads", &format!("{old}, until the next generation")))
            }
            None => text,
        }
    }

    fn pod_section(&self, now: Timestamp) -> Text {
        if self.pods.is_empty() {
            return Text::new();
        }
        let mut table = Table::new(["NAME", "STATUS", "READY", "RESTARTS", "AGE", "NODE"]);
        for pod in &self.pods {
            table.row([
                pod.name.clone(),
                pod.status.clone(),
                if pod.ready { "yes" } else { "no" }.to_owned(),
                pod.restarts.to_string(),
                pod.created.map(|created| human::age(created, now)).unwrap_or_default(),
                pod.node.clone().unwrap_or_default(),
            ]);
        }
        heading("Pods").text(&indented(&table))
    }

    fn drift_section(&self) -> Text {
        if self.drift.is_empty() {
            return Text::new();
        }
        let heading = heading("Drift (deploy the same spec to set it back)");
        self.drift.iter().fold(heading, |text, drift| {
            text.plain("  ").toned(Tone::Attention, &drift.message).end()
        })
    }

    fn unavailable_section(&self) -> Text {
        if self.unavailable.is_empty() {
            return Text::new();
        }
        let lines = self
            .unavailable
            .iter()
            .map(|missing| field(&format!("  {}", missing.part), &missing.why));
        lines.fold(heading("Not available"), |text, line| text.text(&line))
    }
}

fn job_section(job: &JobView, wide: bool, now: Timestamp) -> Text {
    let all = job.tasks_running == job.tasks && job.tasks > 0;
    let tone = if all { Tone::Good } else { Tone::Attention };
    let tasks = format!("{} of {} running", job.tasks_running, job.tasks);
    let mut text = Text::new().toned(Tone::Heading, "Job").end();
    text = text.text(&field("  Name", &job.name)).text(&toned("  Tasks", tone, &tasks));
    if let Some(started) = job.started {
        text = text.text(&field("  Started", &format!("{} ago", human::age(started, now))));
    }
    if let Some(failure) = &job.last_failure {
        let ago = failure.at.map(|at| format!("{} ago: ", human::age(at, now))).unwrap_or_default();
        let line = format!("{ago}{}", failure.cause);
        text = text.text(&toned("  Last failure", Tone::Attention, &line));
    }
    if wide || !all {
        let mut table = Table::new(["VERTEX", "PARALLELISM", "TASKS"]);
        for vertex in &job.vertices {
            table.row([vertex.name.clone(), vertex.parallelism.to_string(), vertex.tasks.clone()]);
        }
        text = text.text(&indented(&table));
    }
    text
}

fn checkpoint_section(checkpoints: &CheckpointsView, now: Timestamp) -> Text {
    let mut text = Text::new().toned(Tone::Heading, "Checkpoints").end();
    let counts = format!("{} completed, {} failed", checkpoints.completed, checkpoints.failed);
    text = text.text(&field("  Since start", &counts));
    for under_way in &checkpoints.in_progress {
        let line = format!(
            "number {}, {} of {} subtasks, {}",
            under_way.number,
            under_way.acknowledged,
            under_way.subtasks,
            human::bytes(under_way.written_bytes)
        );
        text = text.text(&field("  Under way", &line));
    }
    let last = [
        ("  Last checkpoint", &checkpoints.last_checkpoint),
        ("  Last savepoint", &checkpoints.last_savepoint),
    ];
    for (name, snapshot) in last {
        if let Some(snapshot) = snapshot {
            let path = snapshot.path.as_deref().unwrap_or("<unknown>");
            text = text.text(&field(name, &describe(snapshot, now))).text(&field("    Path", path));
        }
    }
    if let Some(failed) = &checkpoints.last_failed {
        let why = failed.failure.as_deref().unwrap_or("Flink gives no reason");
        let line = format!("number {}, {} ago: {why}", failed.number, failed.age(now));
        text = text.text(&toned("  Last failed", Tone::Attention, &line));
    }
    if let Some(restored) = &checkpoints.restored_from {
        let path = restored.path.as_deref().unwrap_or("<unknown>");
        text = text.text(&field("  Restored from", &format!("{} {path}", restored.kind)));
    }
    text
}

fn describe(snapshot: &CheckpointView, now: Timestamp) -> String {
    format!(
        "number {}, {} ago, {} in {} ms",
        snapshot.number,
        snapshot.age(now),
        human::bytes(snapshot.state_bytes),
        snapshot.duration_millis
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::status::tests::{running, stuck};

    fn text(view: &StatusView) -> String {
        let now = Timestamp::from_millisecond(1_795_329_600_000).expect("in range");
        view.text(false, now).to_plain()
    }

    #[test]
    fn a_running_application() {
        insta::assert_snapshot!(text(&StatusView::new(&running())), @r"
        Application:       orders
        Namespace:         shop
        State:             RUNNING
        Generation:        4
        Flink:             2.3 (flink:2.3.0)
        Jar:               orders.jar
        Age:               10m

        Job
          Name:            count-job
          Tasks:           2 of 2 running
          Started:         3m ago

        Checkpoints
          Since start:     1 completed, 0 failed
          Last checkpoint: number 18, 13s ago, 5.12 MiB in 154 ms
            Path:          file:///flink-sample/state/checkpoints/00000000000000000000000000000abc/chk-18
          Restored from:   savepoint file:///flink-sample/state/savepoints/savepoint-28579a-61ee4d6cbd83

        Storage
          Claim:           orders-state
          Status:          Bound
          Volume:          2Gi, RWO, class fast

        Pods
          NAME                      STATUS    READY   RESTARTS   AGE      NODE
          orders-g1-taskmanager-0   Running   yes     0          <none>   <none>
        ");
    }

    #[test]
    fn an_application_that_cannot_start() {
        insta::assert_snapshot!(text(&StatusView::new(&stuck())), @r"
        Application:       orders
        Namespace:         shop
        State:             PENDING
        Waiting for:       the containers to be created
        Generation:        4
        Flink:             2.3 (flink:2.3.0)
        Jar:               orders.jar
        Age:               10m

        Problem: image flink:nope of pod orders-g1-taskmanager-0 cannot be pulled: not found
        Remedy:  Check --image, and imagePullSecrets in podTemplate for a private registry.

        Storage
          Claim:           orders-state
          Status:          Bound
          Volume:          2Gi, RWO, class fast

        Pods
          NAME                      STATUS             READY   RESTARTS   AGE      NODE
          orders-g1-taskmanager-0   ImagePullBackOff   no      0          <none>   <none>
        ");
    }
}
