//! `list -w`: the table, then a line for every change, as `kubectl get -w` prints them.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use k8s_openapi::api::apps::v1::ControllerRevision;
use k8s_openapi::api::core::v1::Service;
use tokio::time::{MissedTickBehavior, interval};

use super::{ListArgs, anchored, ask_all, explain, pair, record, selectors};
use crate::cluster::Cluster;
use crate::cluster::watch::Watched;
use crate::commands::scope;
use crate::context::Ctx;
use crate::error::Result;
use crate::ui::{Format, OutputArgs};
use crate::view::application::{ApplicationList, ApplicationView, State};

/// How often Flink is asked; what Kubernetes tells comes by itself and is shown with the next look.
const PAUSE: Duration = Duration::from_secs(1);

/// Applications by namespace and name, as they were shown last.
type Shown = BTreeMap<(String, String), ApplicationView>;

/// Watches until the user has seen enough. An expired watch (410) or a lost connection ends nothing: then the
/// lists are read again.
///
/// # Errors
/// When the user may not list or watch.
pub(super) async fn run(ctx: &mut Ctx, cluster: &Cluster, args: &ListArgs) -> Result<()> {
    let (services, records) = selectors(args);
    let everywhere = args.all_namespaces;
    let mut services = Watched::<Service>::everywhere(scope(cluster, everywhere), &services);
    let mut records =
        Watched::<ControllerRevision>::everywhere(scope(cluster, everywhere), &records);
    let mut complete = (false, false);
    let (mut shown, mut told, mut head) = (Shown::new(), HashSet::new(), true);
    let mut suspects = HashSet::new();
    let mut ticks = interval(PAUSE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            changed = services.changed() => { changed?; complete.0 = true; }
            changed = records.changed() => { changed?; complete.1 = true; }
            _ = ticks.tick(), if complete == (true, true) => {
                let applications = services.objects().values().filter_map(anchored);
                let records = records.objects().values().map(record);
                let mut items = ask_all(cluster, pair(applications, records)).await;
                wait_for_records(&mut items, &mut suspects);
                args.sort.sort(&mut items)?;
                explain(&ctx.ui, &items, &mut told);
                let changes = changes(&mut shown, items);
                if !changes.is_empty() {
                    print(ctx, args, &shown, changes, head)?;
                    head = false;
                }
            }
        }
    }
}

/// The two watches are not in step: an application whose record has not come yet is left out for one look.
fn wait_for_records(items: &mut Vec<ApplicationView>, suspects: &mut HashSet<(String, String)>) {
    let damaged = |item: &ApplicationView| item.state == State::Damaged;
    let key = |item: &ApplicationView| (item.namespace.clone(), item.name.clone());
    let now: HashSet<_> = items.iter().filter(|item| damaged(item)).map(key).collect();
    items.retain(|item| !damaged(item) || suspects.contains(&key(item)));
    *suspects = now;
}

/// What is not as it was shown last. What is gone comes last, with that for its state.
fn changes(shown: &mut Shown, items: Vec<ApplicationView>) -> Vec<ApplicationView> {
    let key = |item: &ApplicationView| (item.namespace.clone(), item.name.clone());
    let there: HashSet<_> = items.iter().map(key).collect();
    let gone: Vec<_> = shown.keys().filter(|known| !there.contains(*known)).cloned().collect();
    let mut changes = Vec::new();
    for item in items {
        let before = shown.insert(key(&item), item.clone());
        if before.is_none_or(|before| before.is_other_than(&item)) {
            changes.push(item);
        }
    }
    let gone = gone.iter().filter_map(|key| shown.remove(key));
    changes.extend(gone.map(|item| ApplicationView { state: State::Deleted, ..item }));
    changes
}

fn print(
    ctx: &Ctx,
    args: &ListArgs,
    shown: &Shown,
    changes: Vec<ApplicationView>,
    head: bool,
) -> Result<()> {
    let list = |items| ApplicationList {
        items,
        all_namespaces: args.all_namespaces,
        show_labels: args.show_labels,
    };
    match args.output.format {
        Format::Table | Format::Wide | Format::Columns(_) => {
            // The columns are as wide as all that is there needs, so that they stay where they are.
            let all = changes.iter().chain(shown.values()).cloned().collect();
            let rows = changes.len();
            let output =
                OutputArgs { no_headers: args.output.no_headers || !head, ..args.output.clone() };
            ctx.show_first(&list(all), &output, rows)
        }
        _ => changes.into_iter().enumerate().try_for_each(|(i, change)| {
            if args.output.format == Format::Yaml && (i > 0 || !head) {
                ctx.ui.answer("---")?;
            }
            ctx.show(&change, &args.output)
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, Kind};

    fn item(name: &str, state: State) -> ApplicationView {
        let why = Error::new(Kind::Unreachable, "silent");
        let damaged = ApplicationView::damaged("shop", name, None, BTreeMap::new(), &why);
        ApplicationView { state, ..damaged }
    }

    #[test]
    fn only_what_changed_is_shown_and_an_end_is_one() {
        let mut shown = Shown::new();
        let both = vec![item("a", State::Pending), item("b", State::Pending)];
        assert_eq!(changes(&mut shown, both.clone()).len(), 2);
        assert_eq!(changes(&mut shown, both).len(), 0);
        let now = changes(&mut shown, vec![item("b", State::Starting)]);
        let text: Vec<_> = now.iter().map(|i| format!("{} {}", i.name, i.state)).collect();
        assert_eq!(text, ["b STARTING", "a DELETED"]);
        assert_eq!(changes(&mut shown, vec![item("b", State::Starting)]).len(), 0);
    }
}
