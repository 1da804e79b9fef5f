//! Secrets that somebody's profile names: whether they are there, and what they hold. Their values stay where they are.

use k8s_openapi::api::core::v1::Secret;

use crate::cluster::{Cluster, read};
use crate::error::{Error, Kind, Result};
use crate::model::managed_fields;

/// The Secret must be there, and have the keys: only its metadata is read, and who wrote which key is in there. `kind` is
/// what they give access to, and `whose` names the Secret. Whoever may not look finds out from the pods.
///
/// # Errors
/// [`Kind::NotFound`] when it is not there, or has not all of the keys.
pub async fn check(
    cluster: &Cluster,
    name: &str,
    wanted: &[&str],
    kind: &str,
    whose: &str,
) -> Result<()> {
    let api = cluster.api::<Secret>();
    let Some(found) = looked(read::metadata(cluster, &api, name).await)? else { return Ok(()) };
    let literals: Vec<String> = wanted.iter().map(|key| format!("--from-file={key}")).collect();
    let remedy =
        format!("Make it with `kubectl create secret generic {name} {}`.", literals.join(" "));
    let Some(found) = found else {
        return Err(Error::new(
            Kind::NotFound,
            format!("secret {name:?} not found, which {whose} names"),
        )
        .hint(remedy));
    };
    let mut keys = managed_fields::keys_of(&found, "data");
    keys.extend(managed_fields::keys_of(&found, "stringData"));
    let lacking: Vec<&str> =
        wanted.iter().copied().filter(|key| !keys.iter().any(|there| there == key)).collect();
    // Nobody is on record for a Secret that came with a backup of etcd, say.
    if keys.is_empty() || lacking.is_empty() {
        return Ok(());
    }
    Err(Error::new(
        Kind::NotFound,
        format!("secret {name:?} has no {}, which access to {kind} needs", lacking.join(", ")),
    )
    .hint(format!("It has {}.", keys.join(", ")))
    .hint(remedy))
}

/// `None` for whoever may not look.
pub fn looked<T>(found: Result<T>) -> Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == Kind::Denied => Ok(None),
        Err(error) => Err(error),
    }
}
