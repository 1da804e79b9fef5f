//! The bans of `deny.toml`, held without cargo-deny.

use super::read;

/// The crate names in `Cargo.lock`.
fn locked() -> Vec<String> {
    let lock = read("Cargo.lock");
    lock.lines()
        .filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"').map(String::from))
        .collect()
}

/// The names of the `deny` list in `deny.toml`.
fn banned() -> Vec<String> {
    let deny = read("deny.toml");
    deny.lines()
        .filter_map(|line| line.trim().strip_prefix("{ name = \"")?.split('"').next())
        .map(String::from)
        .collect()
}

#[test]
fn no_banned_crate_is_locked() {
    let (locked, banned) = (locked(), banned());
    assert!(banned.contains(&"aws-lc-sys".to_owned()), "deny.toml was not understood: {banned:?}");
    assert!(locked.contains(&"kube".to_owned()), "Cargo.lock was not understood");
    let found: Vec<_> = banned.iter().filter(|name| locked.contains(name)).collect();
    assert!(found.is_empty(), "banned crates in Cargo.lock: {found:?} (reasons in deny.toml)");
}

#[test]
fn every_crate_comes_from_the_public_registry() {
    let lock = read("Cargo.lock");
    let strangers: Vec<_> = lock
        .lines()
        .filter(|line| line.starts_with("source = ") && !line.contains("crates.io-index"))
        .collect();
    assert!(strangers.is_empty(), "{strangers:?}");
}

/// Every new crate is read, built and trusted by everyone who installs the plugin.
#[test]
fn the_number_of_crates_stays_small() {
    let count = locked().len();
    assert!(count <= 330, "Cargo.lock holds {count} crates; is the newest one worth it?");
}
