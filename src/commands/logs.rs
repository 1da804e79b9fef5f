//! `logs`: what the containers of an application print.

use std::time::Duration;

use clap::{Args, ValueEnum};
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::ResourceExt;

use crate::cluster::logs::{self, LogSelection};
use crate::cluster::{Cluster, condition, read};
use crate::context::Ctx;
use crate::error::{Error, Kind, Result};
use crate::model::labels::{self, Component};
use crate::model::name::ApplicationName;
use crate::ops::anchor;
use crate::ui::Ui;

const EXAMPLES: &str = "\
Examples:
  # The last 100 lines of each pod
  kubectl flink logs orders --tail 100

  # Follow the TaskManagers, also those that come later
  kubectl flink logs orders -f --component taskmanager

  # What a JobManager said before it crashed
  kubectl flink logs orders --component jobmanager --previous";

/// Arguments of `logs`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct LogsArgs {
    /// Name of the application
    name: ApplicationName,
    /// Go on with new lines, restarts and pods, until interrupted
    #[arg(short, long)]
    follow: bool,
    /// How many lines of each container to begin with; -1 means all
    #[arg(long, value_name = "LINES", default_value_t = -1, allow_negative_numbers = true)]
    tail: i64,
    /// Only lines newer than this, such as 10m
    #[arg(long, value_name = "DURATION", value_parser = crate::cli::duration)]
    since: Option<Duration>,
    /// Begin each line with its time
    #[arg(long)]
    timestamps: bool,
    /// Only these pods
    #[arg(long, value_enum)]
    component: Option<PodComponent>,
    /// What the containers said before their last restart
    #[arg(short, long, conflicts_with = "follow")]
    previous: bool,
    /// Begin each line with its pod; the default when there are several
    #[arg(long)]
    prefix: bool,
}

/// The components that have logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PodComponent {
    #[value(name = "jobmanager")]
    JobManager,
    #[value(name = "taskmanager")]
    TaskManager,
}

impl From<PodComponent> for Component {
    fn from(component: PodComponent) -> Self {
        match component {
            PodComponent::JobManager => Component::JobManager,
            PodComponent::TaskManager => Component::TaskManager,
        }
    }
}

/// Prints logs.
///
/// # Errors
/// [`Kind::NotFound`] when there is no such application, or it has no pods.
pub async fn run(ctx: &mut Ctx, args: LogsArgs) -> Result<()> {
    let cluster = ctx.cluster().await?;
    anchor::get(&cluster, &args.name).await?;
    let selector = match args.component {
        Some(component) => labels::selector(&args.name, None, Some(component.into())),
        // The helper pods of a running command log nothing about the job.
        None => format!(
            "{},{} in (jobmanager,taskmanager)",
            labels::selector(&args.name, None, None),
            labels::COMPONENT
        ),
    };
    let selection = LogSelection {
        tail: (args.tail >= 0).then_some(args.tail),
        since: args.since,
        timestamps: args.timestamps,
        previous: args.previous,
    };
    if args.follow {
        follow(&ctx.ui, &cluster, &selector, selection).await
    } else {
        print(&ctx.ui, &cluster, &selector, &selection, &args).await
    }
}

/// Pods come and go while they are followed, so each line says where it is from.
async fn follow(ui: &Ui, cluster: &Cluster, selector: &str, selection: LogSelection) -> Result<()> {
    let mut lines = logs::follow(cluster, selector, selection);
    while let Some(line) = lines.recv().await {
        let line = line?;
        ui.answer_log(&format!("[{}] {}", line.pod, line.text))?;
    }
    Ok(())
}

async fn print(
    ui: &Ui,
    cluster: &Cluster,
    selector: &str,
    selection: &LogSelection,
    args: &LogsArgs,
) -> Result<()> {
    let mut pods = read::list::<Pod>(cluster, &cluster.api(), selector).await?;
    pods.sort_by_key(ResourceExt::name_any);
    let containers: Vec<_> =
        pods.iter().flat_map(|pod| containers(pod, selection.previous)).collect();
    let prefix = args.prefix || containers.len() > 1;
    if containers.is_empty() {
        return Err(nothing_to_read(args, pods.is_empty()));
    }
    for (pod, container) in containers {
        for line in logs::read(cluster, &pod, &container, selection).await? {
            ui.answer_log(&if prefix { format!("[{pod}] {line}") } else { line })?;
        }
    }
    Ok(())
}

/// The containers of a pod that have something to read: those that have started, or that have ended
/// once before.
fn containers(pod: &Pod, previous: bool) -> Vec<(String, String)> {
    let has_log = |status: &&ContainerStatus| {
        let state = status.state.as_ref();
        let started = state.is_some_and(|s| s.running.is_some() || s.terminated.is_some());
        status.restart_count > 0 || (started && !previous)
    };
    let found = condition::container_statuses(pod).filter(has_log);
    found.map(|status| (pod.name_any(), status.name.clone())).collect()
}

fn nothing_to_read(args: &LogsArgs, no_pods: bool) -> Error {
    let name = &args.name;
    let what = match (no_pods, args.previous) {
        (true, _) => "has no pods",
        (false, true) => "has no container that was restarted",
        (false, false) => "has no container that has started",
    };
    Error::new(Kind::NotFound, format!("{name} {what}, so there is no log"))
        .hint(format!("See how it is with `kubectl flink status {name}`."))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pod(state: &Value, restarts: i32) -> Pod {
        serde_json::from_value(json!({
            "metadata": {"name": "orders-g1-jobmanager-a"},
            "status": {"containerStatuses": [{"name": "flink-main-container", "image": "flink",
                "imageID": "", "ready": false, "restartCount": restarts, "state": state}]},
        }))
        .expect("a pod")
    }

    #[test]
    fn only_containers_with_a_log_are_read() {
        let (waiting, running) = (json!({"waiting": {}}), json!({"running": {}}));
        for (state, restarts, now, before) in
            [(&waiting, 0, 0, 0), (&running, 0, 1, 0), (&waiting, 2, 1, 1), (&running, 1, 1, 1)]
        {
            let pod = pod(state, restarts);
            assert_eq!(containers(&pod, false).len(), now, "{state} {restarts}");
            assert_eq!(containers(&pod, true).len(), before, "{state} {restarts}");
        }
    }
}
