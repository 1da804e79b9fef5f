//! The `kubectl-flink` executable: TLS provider, runtime, exit code; everything else is the library.

use std::process::ExitCode;

use kubectl_flink::context::Environment;
use kubectl_flink::ui::Streams;

fn main() -> ExitCode {
    // Two rustls providers in one dependency graph panic at the first connection unless one is chosen.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return ExitCode::FAILURE;
    };
    let run =
        kubectl_flink::run(std::env::args_os(), Environment::from_process(), Streams::stdio());
    let code = runtime.block_on(run);
    // A thread may still wait: for standard input, for a credential plugin, for a name that came too late to be
    // completed. It ends with the process; one that finds its runtime shut down panics first, on the user's terminal.
    std::mem::forget(runtime);
    code
}
