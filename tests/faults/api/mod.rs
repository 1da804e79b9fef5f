//! Faults of the API server and of clients, against a real API server without pods; Flink is played where
//! it is needed.

mod answers;
mod ended;
mod interrupted;
mod kill_everywhere;
mod operation;
mod refusals;
mod scene;
mod starting;
mod watches;
