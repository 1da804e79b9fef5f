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
    runtime.shutdown_background(); // a prompt may still hold a thread that reads standard input
    code
}
