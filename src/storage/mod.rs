//! State storage: its layout, and access to it through pods that mount it.
