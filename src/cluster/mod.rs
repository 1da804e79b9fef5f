//! Kubernetes: connecting, applying, finding, waiting, executing in pods.
