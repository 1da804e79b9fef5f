//! Pure builders of the Kubernetes objects of one generation.
