//! Flink's REST API, reached through the API server.
