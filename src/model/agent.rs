//! The storage agent: a small Java program over Flink's own file systems, which runs beside the job (sources in `agent/`).

/// Its jar, for Java 11 and later and Flink 1.17 to 2.3. It needs Flink's jars on the class path.
pub const JAR: &[u8] = include_bytes!("../../agent/agent.jar");

/// Its main class. `serve` takes requests on stdin, see [`storage::agent`](crate::storage::agent);
/// `fetch URI FILE…` copies files of a store, or of the web, into an init container's volume: one line on stderr and exit
/// code 1 when it cannot.
pub const MAIN_CLASS: &str = "agent.Agent";
