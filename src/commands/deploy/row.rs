//! Several documents: some at a time, so that their waiting overlaps.

use std::cell::Cell;
use std::sync::Arc;

use futures::StreamExt;
use futures::stream;

use super::one::{self, Work};
use super::{DeployArgs, Told};
use crate::cluster::Cluster;
use crate::commands::narrate::Narrator;
use crate::context::Ctx;
use crate::error::{Error, Kind, Result};
use crate::ops::halt::Halt;

/// So many applications are deployed at a time.
const AT_A_TIME: usize = 8;

/// Deploys them all, and tells of each in the order in which they were given. After a failure, or Ctrl-C, those that
/// were begun go on to their end, or to the next safe point, and no other begins.
///
/// # Errors
/// The first that failed, with those that were not begun; other failures are told before.
pub(super) async fn deploy(
    ctx: &Ctx,
    cluster: &Cluster,
    args: &DeployArgs,
    works: Vec<Work>,
    told: &mut Told,
) -> Result<()> {
    let names: Vec<String> = works.iter().map(|work| work.document.metadata.name.clone()).collect();
    let (halt, failed) = (Halt::default(), Cell::new(false));
    let shared = (works.len() > 1)
        .then(|| Arc::new(ctx.ui.progress(format!("Deploying {} applications", works.len()))));
    let begin = |work: Work| {
        let name = work.document.metadata.name.clone();
        let (halt, failed, shared) = (&halt, &failed, shared.clone());
        async move {
            if failed.get() || halt.is_requested() {
                return None;
            }
            let narrator = match shared {
                Some(progress) => Narrator::among(&ctx.ui, progress, name),
                None => Narrator::new(&ctx.ui, format!("Deploying {name}")),
            };
            let outcome = one::deploy(ctx, cluster, args, work, narrator, halt).await;
            failed.set(failed.get() || outcome.is_err());
            Some(outcome)
        }
    };
    let mut outcomes = stream::iter(works.into_iter().map(begin)).buffered(AT_A_TIME);
    let mut end = End { first: None, left: Vec::new() };
    for name in &names {
        match outcomes.next().await.flatten() {
            Some(Ok(outcome)) => told.take(ctx, outcome)?,
            Some(Err(error)) => end.failure(ctx, error, name, names.len() > 1),
            None => end.left.push(name.clone()),
        }
    }
    end.result()
}

/// How a row of deployments ended.
struct End {
    first: Option<Error>,
    left: Vec<String>,
}

impl End {
    fn failure(&mut self, ctx: &Ctx, error: Error, name: &str, one_of_many: bool) {
        let error = if one_of_many { error.context(name) } else { error };
        match &self.first {
            None => self.first = Some(error),
            // All stop at the same Ctrl-C, and the way on is the same for all.
            Some(first)
                if first.kind() == Kind::Interrupted && error.kind() == Kind::Interrupted => {}
            Some(_) => ctx.ui.error(&error),
        }
    }

    fn result(self) -> Result<()> {
        match (self.first, self.left.is_empty()) {
            (None, _) => Ok(()),
            (Some(error), true) => Err(error),
            (Some(error), false) => Err(error.hint(format!(
                "Not begun: {}. The same command again goes on.",
                self.left.join(", ")
            ))),
        }
    }
}
