//! `cargo xtask mutate`: each guarantee is seen failing once with its code broken.
//!
//! `tests/mutations.yaml` says which expression is replaced by which, and which test must notice. All mutations are
//! compiled into one program, in a copy of the checkout, each behind a switch; so there is one build, the tests are
//! seen green before, and each mutation costs no more than its test.

mod list;
mod report;
mod tree;
mod trial;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use clap::Args;

use crate::site::Site;
use crate::step::{self, print, say, seconds};
use crate::test::libtest::{self, TestBinary};
use crate::test::{self, Layer};
use crate::{cluster, tools};
use list::Mutation;
use trial::{Trial, Verdict};

/// Arguments of `cargo xtask mutate`.
#[derive(Debug, Args)]
pub(crate) struct MutateArgs {
    /// Only mutations whose name contains one of these
    names: Vec<String>,
    /// Leave the API server running
    #[arg(long)]
    keep: bool,
    /// Name of the local cluster; runs of other names need not wait for each other
    #[arg(long, value_name = "NAME", default_value = "mutate")]
    name: String,
}

/// Breaks what `names` select, one after the other, and wants a red test for each. `UPDATE_DOCS` writes the table.
///
/// # Errors
/// When a test is red without any mutation, and when one stays green with its mutation.
pub(crate) fn run(args: &MutateArgs) -> Result<()> {
    let started = Instant::now();
    let root = tools::repository();
    let all = list::read(&root)?;
    let chosen: Vec<_> = all.iter().filter(|mutation| mutation.is_named(&args.names)).collect();
    ensure!(!chosen.is_empty(), "no mutation has such a name");
    let turn = test::take_turns(&args.name)?;
    let tree = tree::make(&root, &all)?;
    let binaries = libtest::build_apart(&tree.manifest(), &tree.target())?;
    say(&format!("    built after {}", seconds(started.elapsed())));
    let mut trials = Trials { binaries: &binaries, env: Vec::new(), tree: &tree };
    trials.env = environment(args, &chosen, &trials)?;
    let outcome = trials.green(&chosen).and_then(|()| trials.red(&chosen));
    drop(turn);
    if chosen.iter().any(|mutation| mutation.layer != Layer::Unit)
        && !args.keep
        && !step::interrupted()
    {
        cluster::down(&test::control_plane(&args.name), false)?;
    }
    let verdicts = outcome?;
    report::report(&root, &chosen, &verdicts)?;
    say(&format!("    everything took {}", seconds(started.elapsed())));
    let unnoticed = verdicts.iter().filter(|verdict| !verdict.is_red()).count();
    print(&format!("{} of {} mutations were noticed", verdicts.len() - unnoticed, chosen.len()));
    ensure!(!step::interrupted(), "interrupted");
    ensure!(unnoticed == 0, "{unnoticed} mutations were noticed by no test");
    Ok(())
}

/// What the tests need, with an API server if one of them asks it.
fn environment(
    args: &MutateArgs,
    chosen: &[&Mutation],
    trials: &Trials<'_>,
) -> Result<Vec<(String, String)>> {
    let mut env = Vec::new();
    let mut tests = BTreeSet::new();
    for mutation in chosen {
        tests.extend(trials.tests(mutation)?);
    }
    if tests.iter().any(|test| test.contains(test::WITH_FLINK)) {
        let Some(flink) = test::with_flink() else { bail!("there is no Flink to test with") };
        env.extend(flink);
    }
    if chosen.iter().any(|mutation| mutation.layer != Layer::Unit) {
        let site = Site::control_plane(&test::control_plane(&args.name), false)?;
        env.extend(test::on_control_plane(&site)?);
    }
    Ok(env)
}

/// How long the tests of one mutation may take. Those of a layer with an API server wait three minutes for what
/// should end in seconds.
fn limit(layer: Layer) -> Duration {
    match layer {
        Layer::Unit => Duration::from_secs(90),
        _ => Duration::from_secs(240),
    }
}

struct Trials<'a> {
    binaries: &'a [TestBinary],
    env: Vec<(String, String)>,
    tree: &'a tree::Tree,
}

impl Trials<'_> {
    /// The tests hold while nothing is broken.
    fn green(&self, chosen: &[&Mutation]) -> Result<()> {
        say("==> The tests without a mutation");
        self.tree.switch(None)?;
        let began = Instant::now();
        for layer in [Layer::Unit, Layer::Cli, Layer::ApiFaults] {
            let mut wanted = BTreeSet::new();
            for mutation in chosen.iter().filter(|mutation| mutation.layer == layer) {
                wanted.extend(self.tests(mutation)?);
            }
            let trial = Trial { layer, env: &self.env, limit: 5 * limit(layer) };
            let verdict = trial.run(self.binaries, &wanted)?;
            ensure!(!step::interrupted(), "interrupted");
            ensure!(
                !verdict.is_red(),
                "red without a mutation: {verdict}; see {}",
                Trial::log()?.display()
            );
        }
        say(&format!("    green after {}", seconds(began.elapsed())));
        Ok(())
    }

    fn red(&self, chosen: &[&Mutation]) -> Result<Vec<Verdict>> {
        let mut verdicts = Vec::new();
        for mutation in chosen {
            self.tree.switch(Some(&mutation.name))?;
            let layer = mutation.layer;
            let trial = Trial { layer, env: &self.env, limit: limit(layer) };
            let began = Instant::now();
            let verdict = trial.run(self.binaries, &self.tests(mutation)?);
            self.tree.switch(None)?;
            let verdict = verdict?;
            if step::interrupted() {
                break;
            }
            let took = seconds(began.elapsed());
            print(&format!("{:<40} {verdict} ({took})", mutation.name));
            verdicts.push(verdict);
        }
        Ok(verdicts)
    }

    /// The tests that a mutation names.
    fn tests(&self, mutation: &Mutation) -> Result<BTreeSet<String>> {
        let mut found = BTreeSet::new();
        for binary in self.binaries {
            let wanted = |test: &str| {
                mutation.layer.holds(binary, test) && test.contains(mutation.test.as_str())
            };
            found.extend(binary.list(wanted)?);
        }
        ensure!(!found.is_empty(), "{}: there is no test {:?}", mutation.name, mutation.test);
        Ok(found)
    }
}
