//! Real Flink on a real node. Every namespace enforces PodSecurity `restricted`.

mod data_stores;
mod lifecycle;
mod main_job;
mod refused;
mod relocate;
mod s3;
mod servers;
mod spec;
mod storage_access;
mod storage_check;
mod stores;
mod upgrade;
mod volumes;
mod volumesnapshots;
