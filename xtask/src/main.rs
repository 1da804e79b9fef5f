//! Development tasks of kubectl-flink: `cargo xtask --help`.

mod agent;
mod bench;
mod cache;
mod cargo;
mod cluster;
mod demo;
mod dist;
mod flink;
mod flink_home;
mod fuzz;
mod images;
mod java;
mod jobs;
mod maven;
mod mutate;
mod plugin;
mod servers;
mod site;
mod step;
mod test;
mod tools;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Development tasks of kubectl-flink.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

/// One variant a task: its arguments are declared and run in the task's own file.
#[derive(Subcommand)]
enum Task {
    /// Run a real one-node Kubernetes on this machine
    #[command(subcommand)]
    Cluster(cluster::Command),
    /// Make Flink images, distributions and test jobs from package registries
    #[command(subcommand)]
    Flink(flink::Command),
    /// Make the storage agent's jar, which is committed, from its sources
    Agent(agent::AgentArgs),
    /// Deploy, save, delete and restore a real Flink job, from nothing
    Demo(demo::DemoArgs),
    /// Run every test, layer by layer, preparing what is missing
    Test(test::TestArgs),
    /// Print the table of the faults that tests have met
    Faults(test::faults::FaultsArgs),
    /// Break what guarantees stand on, one by one, and want a red test for each
    Mutate(mutate::MutateArgs),
    /// Measure against what users have today
    Bench(bench::BenchArgs),
    /// Run the fuzzers, guided by coverage, for a bounded time
    Fuzz(fuzz::FuzzArgs),
    /// Make the archives, checksums and krew manifest of a release
    Dist(dist::DistArgs),
}

impl Task {
    fn run(self) -> anyhow::Result<()> {
        match self {
            Task::Cluster(command) => command.run(),
            Task::Flink(command) => command.run(),
            Task::Agent(args) => agent::run(&args),
            Task::Demo(args) => demo::run(&args),
            Task::Test(args) => test::run(&args),
            Task::Faults(args) => test::faults::run(&args),
            Task::Mutate(args) => mutate::run(&args),
            Task::Bench(args) => bench::run(&args),
            Task::Fuzz(args) => fuzz::run(&args),
            Task::Dist(args) => dist::run(&args),
        }
    }
}

fn main() -> ExitCode {
    let task = Arguments::parse().task;
    match step::watch_interrupts().and_then(|()| task.run()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            step::say(&format!("error: {error:#}"));
            if step::interrupted() { ExitCode::from(130) } else { ExitCode::FAILURE }
        }
    }
}
