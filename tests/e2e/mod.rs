//! Real Flink on a real node. Every namespace enforces PodSecurity `restricted`.

mod lifecycle;
mod main_job;
mod refused;
mod servers;
mod storage_access;
mod upgrade;
