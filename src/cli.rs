//! The command line: kubectl's global flags, the verbs, and one dispatch match.

pub mod help;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::cluster::ConnectOptions;
use crate::commands;
use crate::context::{Ctx, Environment};
use crate::error::Result;
use crate::ui::Color;

/// Run Apache Flink on Kubernetes and keep its state safe
#[derive(Parser)]
#[command(name = "kubectl-flink", subcommand_required = true, arg_required_else_help = true)]
#[command(disable_help_subcommand = true, max_term_width = WIDEST)]
pub struct Cli {
    #[command(flatten)]
    /// Which cluster, as whom.
    pub connect: ConnectArgs,
    #[command(flatten)]
    /// How to talk to the user.
    pub display: DisplayArgs,
    #[command(subcommand)]
    /// The verb.
    pub command: Command,
}

/// kubectl's global flags that choose the cluster, the user and the namespace. No `Debug`: it can hold a token.
#[derive(Clone, Default, Args)]
#[command(next_help_heading = "Global options")]
pub struct ConnectArgs {
    /// Path to the kubeconfig file
    #[arg(long, global = true, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Name of the kubeconfig context
    #[arg(long, global = true, value_name = "NAME")]
    pub context: Option<String>,
    /// Name of the kubeconfig cluster
    #[arg(long, global = true, value_name = "NAME")]
    pub cluster: Option<String>,
    /// Name of the kubeconfig user
    #[arg(long, global = true, value_name = "NAME")]
    pub user: Option<String>,
    /// Namespace of this request
    #[arg(short, long, global = true, value_name = "NAME")]
    pub namespace: Option<String>,
    /// Address and port of the Kubernetes API server
    #[arg(short, long, global = true, value_name = "URL")]
    pub server: Option<String>,
    /// Bearer token for the API server
    #[arg(long, global = true)]
    pub token: Option<String>,
    /// Path to the client certificate
    #[arg(long, global = true, value_name = "FILE")]
    pub client_certificate: Option<PathBuf>,
    /// Path to the key of the client certificate
    #[arg(long, global = true, value_name = "FILE")]
    pub client_key: Option<PathBuf>,
    /// User to impersonate
    #[arg(long = "as", global = true, value_name = "USER")]
    pub impersonate: Option<String>,
    /// Group to impersonate; repeatable
    #[arg(long = "as-group", global = true, value_name = "GROUP")]
    pub impersonate_groups: Vec<String>,
    /// UID to impersonate
    #[arg(long = "as-uid", global = true, value_name = "UID")]
    pub impersonate_uid: Option<String>,
    /// Extra attribute of the impersonated user; repeatable
    #[arg(long = "as-user-extra", global = true, value_name = "KEY=VALUE", value_parser = key_value)]
    pub impersonate_extra: Vec<(String, String)>,
    /// How long a single request may take, such as 30s; 0 means no limit
    #[arg(long, global = true, value_name = "DURATION", value_parser = duration)]
    pub request_timeout: Option<Duration>,
    /// Do not check the API server's certificate (insecure)
    #[arg(long, global = true, value_name = "BOOL")]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub insecure_skip_tls_verify: Option<bool>,
    /// Path to the certificate authority of the API server
    #[arg(long, global = true, value_name = "FILE")]
    pub certificate_authority: Option<PathBuf>,
    /// Name to check the API server's certificate against
    #[arg(long, global = true, value_name = "NAME")]
    pub tls_server_name: Option<String>,
    /// Do not ask the API server to compress its answers
    #[arg(long, global = true)]
    pub disable_compression: bool,
    /// Taken as kubectl takes it, but nothing is ever cached
    #[arg(long, global = true, value_name = "DIR")]
    pub cache_dir: Option<PathBuf>,
}

impl ConnectArgs {
    /// The flags, and what the environment adds to them.
    pub fn into_options(self, environment: &Environment) -> ConnectOptions {
        ConnectOptions {
            kubeconfig: self.kubeconfig,
            kubeconfig_variable: environment.kubeconfig.clone(),
            home: environment.home.clone(),
            context: self.context,
            cluster: self.cluster,
            user: self.user,
            namespace: self.namespace,
            server: self.server,
            token: self.token,
            client_certificate: self.client_certificate,
            client_key: self.client_key,
            impersonate: self.impersonate,
            impersonate_uid: self.impersonate_uid,
            impersonate_groups: self.impersonate_groups,
            impersonate_extra: self.impersonate_extra,
            request_timeout: self.request_timeout,
            insecure_skip_tls_verify: self.insecure_skip_tls_verify.unwrap_or(false),
            certificate_authority: self.certificate_authority,
            tls_server_name: self.tls_server_name,
            disable_compression: self.disable_compression,
            proxies: environment.proxies.clone(),
        }
    }
}

/// Global flags that say how to talk to the user.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub struct DisplayArgs {
    /// When to use colours: auto, always or never
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t)]
    #[arg(hide_possible_values = true)]
    pub color: Color,
    /// Say nothing but the answer, warnings and errors
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Log verbosity, as in kubectl: 4 tells steps, 6 requests, 9 everything
    #[arg(short = 'v', long = "v", global = true, value_name = "LEVEL", default_value_t = 0)]
    pub verbosity: u8,
}

/// Whether and how long to wait; flatten it into the arguments of every command that waits.
#[derive(Debug, Clone, Args)]
pub struct WaitArgs {
    /// Wait until it is done (the default)
    #[arg(long, value_name = "BOOL", overrides_with = "no_wait")]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    wait: Option<bool>,
    /// Return as soon as it has begun
    #[arg(long, overrides_with = "wait")]
    no_wait: bool,
    /// How long to wait, such as 90s or 10m; 0 means for ever
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    timeout: Option<Duration>,
}

impl WaitArgs {
    /// Whether to wait.
    pub fn wait(&self) -> bool {
        self.wait.unwrap_or(!self.no_wait)
    }

    /// How long to wait: `default` unless the user said something else; `None` is for ever.
    pub fn timeout(&self, default: Duration) -> Option<Duration> {
        Some(self.timeout.unwrap_or(default)).filter(|timeout| !timeout.is_zero())
    }
}

/// How long to wait; for verbs whose work is the waiting, so that it cannot be left out.
#[derive(Debug, Clone, Args)]
pub struct WaitTimeout {
    /// How long to wait, such as 90s or 10m; 0 means for ever
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    timeout: Option<Duration>,
}

impl WaitTimeout {
    /// How long to wait: `default` unless the user said something else; `None` is for ever.
    pub fn timeout(&self, default: Duration) -> Option<Duration> {
        Some(self.timeout.unwrap_or(default)).filter(|timeout| !timeout.is_zero())
    }
}

/// The way back; flatten it into the arguments of every command that changes an application.
#[derive(Debug, Clone, Copy, Args)]
pub struct AbortArg {
    /// Give up the application's unfinished operation instead, and bring back what was before
    #[arg(long, conflicts_with = "dry_run")]
    pub abort: bool,
}

/// `--force-conflicts`, for the verbs that apply objects.
#[derive(Debug, Clone, Copy, Args)]
pub struct ConflictArg {
    /// Take over fields that another field manager declares, instead of refusing
    #[arg(long, conflicts_with = "abort")]
    pub force_conflicts: bool,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create an application, or upgrade it without losing its state
    Deploy(Box<commands::deploy::DeployArgs>),
    /// Take a savepoint
    Savepoint(commands::savepoint::SavepointArgs),
    /// Have Flink take a checkpoint now
    Checkpoint(commands::checkpoint::CheckpointArgs),
    /// Go back to a snapshot, or bring back a deleted application
    Restore(commands::restore::RestoreArgs),
    /// Stop an application with a savepoint
    Stop(commands::stop::StopArgs),
    /// Go on with a stopped application
    Start(commands::start::StartArgs),
    /// Delete an application and keep its state
    Delete(commands::delete::DeleteArgs),
    /// List applications
    #[command(visible_alias = "ls")]
    List(commands::list::ListArgs),
    /// Show all that is known of an application
    Status(commands::status::StatusArgs),
    /// Print what the pods of an application log
    Logs(commands::logs::LogsArgs),
    /// Show, resume or abort operations that are not finished
    #[command(visible_alias = "op")]
    Operation(commands::operation::OperationArgs),
    /// Provision, measure and manage the storage that holds state
    Storage(commands::storage::StorageArgs),
    /// Print the least Role that verbs need
    Rbac(commands::rbac::RbacArgs),
    /// Print shell completion, or install it for kubectl
    Completion(commands::completion::CompletionArgs),
    /// Print the options that every command takes
    Options(commands::options::OptionsArgs),
    /// Print the versions of this plugin and of the cluster
    Version(commands::version::VersionArgs),
}

/// Runs the command. The one place where a verb is bound to its function.
pub(crate) async fn dispatch(ctx: &mut Ctx, command: Command) -> Result<()> {
    match command {
        Command::Deploy(args) => commands::deploy::run(ctx, *args).await,
        Command::Savepoint(args) => commands::savepoint::run(ctx, args).await,
        Command::Checkpoint(args) => commands::checkpoint::run(ctx, args).await,
        Command::Restore(args) => commands::restore::run(ctx, args).await,
        Command::Stop(args) => commands::stop::run(ctx, args).await,
        Command::Start(args) => commands::start::run(ctx, args).await,
        Command::Delete(args) => commands::delete::run(ctx, args).await,
        Command::List(args) => commands::list::run(ctx, args).await,
        Command::Status(args) => commands::status::run(ctx, args).await,
        Command::Logs(args) => commands::logs::run(ctx, args).await,
        Command::Operation(args) => commands::operation::run(ctx, args).await,
        Command::Storage(args) => commands::storage::run(ctx, args).await,
        Command::Rbac(args) => commands::rbac::run(ctx, args).await,
        Command::Completion(args) => commands::completion::run(ctx, args).await,
        Command::Options(args) => commands::options::run(ctx, args),
        Command::Version(args) => commands::version::run(ctx, args).await,
    }
}

/// On a terminal of fewer columns, what a flag means stands below it instead of beside it.
const NARROW: u16 = 72;
/// More columns than these nobody likes to read.
const WIDEST: usize = 100;

fn is_narrow(columns: Option<u16>) -> bool {
    columns.is_some_and(|columns| columns < NARROW)
}

/// Parses a command line that starts with the program's name. `columns` is how wide the terminal is.
///
/// # Errors
/// Clap's error, which is also how it hands out the text of `--help`.
pub fn parse(
    args: impl IntoIterator<Item = OsString>,
    columns: Option<u16>,
) -> Result<Cli, clap::Error> {
    let mut args = args.into_iter().collect::<Vec<_>>();
    help::as_flag(&mut args);
    let name = program_name(args.first().map(OsString::as_os_str));
    let tree = help::own_options(tree(name, is_narrow(columns)));
    let matches = tree.try_get_matches_from(args)?;
    Cli::from_arg_matches(&matches)
}

/// The whole command tree, for parsing, help and completion. `name` is how the user calls the program.
pub fn command(name: String) -> clap::Command {
    tree(name, false)
}

fn tree(name: String, narrow: bool) -> clap::Command {
    help::arrange(Cli::command().bin_name(name.clone()).display_name(name), narrow)
}

/// kubectl calls a plugin by its path, `…/kubectl-flink`; the user typed `kubectl flink`.
fn program_name(argv0: Option<&OsStr>) -> String {
    let stem = argv0.and_then(|path| Path::new(path).file_stem()).and_then(OsStr::to_str);
    match stem {
        Some(stem) => match stem.strip_prefix("kubectl-") {
            Some(plugin) => format!("kubectl {plugin}"),
            None => stem.to_owned(),
        },
        None => "kubectl flink".to_owned(),
    }
}

/// A duration as kubectl takes it: `90s`, `1m30s`, `2h`, or a bare number of seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    if let Ok(seconds) = text.parse::<u64>() {
        return Ok(Duration::from_secs(seconds));
    }
    text.parse::<jiff::SignedDuration>()
        .map_err(|_| ())
        .and_then(|duration| duration.try_into().map_err(|_| ()))
        .map_err(|()| "give a duration such as 90s, 1m30s or 2h, or a number of seconds".to_owned())
}

fn key_value(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(key, _)| !key.is_empty());
    let pair = pair.map(|(key, value)| (key.to_owned(), value.to_owned()));
    pair.ok_or_else(|| "write it as KEY=VALUE".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_words(words: &str) -> Result<Cli, clap::Error> {
        parse(words.split_whitespace().map(OsString::from), None)
    }

    #[test]
    fn the_tree_is_sound() {
        command("kubectl flink".to_owned()).debug_assert();
    }

    #[test]
    fn global_flags_stand_anywhere() -> Result<(), clap::Error> {
        for words in [
            "kubectl-flink --context c -n shop version --as ann --as-group g1 --as-group=g2 --as-user-extra=a=b=c --cache-dir x -v6",
            "kubectl-flink version --context=c --namespace=shop --as=ann --as-group g1 --as-group g2 --as-user-extra a=b=c --cache-dir=x --v=6",
        ] {
            let cli = parse_words(words)?;
            assert_eq!(cli.connect.context.as_deref(), Some("c"));
            assert_eq!(cli.connect.namespace.as_deref(), Some("shop"));
            assert_eq!(cli.connect.impersonate.as_deref(), Some("ann"));
            assert_eq!(cli.connect.impersonate_groups, ["g1", "g2"]);
            assert_eq!(cli.connect.impersonate_extra, [("a".to_owned(), "b=c".to_owned())]);
            assert_eq!(cli.display.verbosity, 6);
        }
        Ok(())
    }

    #[test]
    fn help_speaks_of_kubectl() {
        let name = |path: &str| program_name(Some(OsStr::new(path)));
        assert_eq!(name("/usr/local/bin/kubectl-flink"), "kubectl flink");
        assert_eq!(name("kubectl-flink.exe"), "kubectl flink");
        assert_eq!(name("/opt/bin/flinkctl"), "flinkctl");
        let usage =
            parse_words("kubectl-flink version --bad").map(|_| ()).map_err(|e| e.to_string());
        assert!(usage.is_err_and(|text| text.contains("Usage: kubectl flink version")));
    }

    #[test]
    fn durations_are_kubectls() {
        assert_eq!(duration("90"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("0"), Ok(Duration::ZERO));
        for bad in ["", "soon", "-5s", "1x"] {
            assert!(duration(bad).is_err(), "{bad:?}");
        }
    }
}
