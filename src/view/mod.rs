//! View models: what commands show, made from objects and REST answers by pure functions.
