//! Which names complete which argument.

use std::sync::{Arc, Mutex, PoisonError};

use clap::{Arg, Command, ValueHint};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};

/// What the word under the cursor stands for, as far as a cluster, a kubeconfig or a disk knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// A context of the kubeconfig.
    Context,
    /// A cluster of the kubeconfig.
    Cluster,
    /// A user of the kubeconfig.
    User,
    /// A namespace.
    Namespace,
    /// An application of the namespace.
    Application,
    /// A claim that holds state.
    Claim,
    /// A claim that holds state, a storage profile, or a data store.
    Stored,
    /// What can be measured: an application, a profile, a data store, or a claim as `claim:NAME`.
    Measured,
    /// Storage to use, as `--storage` takes it: a profile, a claim that is there, or a new one.
    Storage,
    /// Storage to create: a new claim.
    NewStorage,
    /// A data store.
    DataStore,
    /// A volume snapshot that a claim can be made from.
    VolumeSnapshot,
    /// A VolumeSnapshotClass.
    VolumeSnapshotClass,
    /// A claim that holds state, or an application.
    Volume,
    /// A snapshot of the application on the command line.
    Snapshot,
    /// A file.
    Path,
}

/// Notes what is asked for: the argument under the cursor, and what is typed of it.
pub(super) type Note = Arc<Mutex<Option<(Wanted, String)>>>;

/// The command tree with a completer on every argument whose values have names.
pub(super) fn attach(command: Command, note: &Note) -> Command {
    descend(command, &mut Vec::new(), note)
}

fn descend(command: Command, path: &mut Vec<String>, note: &Note) -> Command {
    let here = path.join(" ");
    let command = command.mut_args(|argument| match wanted(&here, &argument) {
        Some(wanted) => argument.add(completer(wanted, note)),
        None => argument,
    });
    command.mut_subcommands(|below| {
        path.push(below.get_name().to_owned());
        let below = descend(below, path, note);
        path.pop();
        below
    })
}

/// Finds nothing itself: the engine calls it while it walks the command line, and names take a network.
fn completer(wanted: Wanted, note: &Note) -> ArgValueCompleter {
    let note = Arc::clone(note);
    ArgValueCompleter::new(move |typed: &std::ffi::OsStr| {
        let typed = typed.to_string_lossy().into_owned();
        *note.lock().unwrap_or_else(PoisonError::into_inner) = Some((wanted, typed));
        Vec::<CompletionCandidate>::new()
    })
}

/// What an argument of the command `path` (below the root, such as `storage delete`) wants.
fn wanted(path: &str, argument: &Arg) -> Option<Wanted> {
    match (path, argument.get_id().as_str()) {
        (_, "context") => Some(Wanted::Context),
        (_, "cluster") => Some(Wanted::Cluster),
        (_, "user") => Some(Wanted::User),
        (_, "namespace") => Some(Wanted::Namespace),
        (_, "from") => Some(Wanted::Snapshot),
        (_, "jar") => Some(Wanted::Path),
        (_, "data_store") => Some(Wanted::DataStore),
        ("storage create", "storage") => Some(Wanted::NewStorage),
        (_, "storage") | ("storage move", "to") => Some(Wanted::Storage),
        ("storage create", "from_snapshot") => Some(Wanted::VolumeSnapshot),
        ("storage snapshot", "class") => Some(Wanted::VolumeSnapshotClass),
        ("storage snapshot", "name") => Some(Wanted::Volume),
        ("storage create", "name") => None,
        ("storage check", "target") => Some(Wanted::Measured),
        ("storage describe" | "storage delete", "name") => Some(Wanted::Stored),
        ("storage resize", "name") => Some(Wanted::Claim),
        (_, "name") => Some(Wanted::Application),
        _ => (argument.get_value_hint() == ValueHint::AnyPath).then_some(Wanted::Path),
    }
}
