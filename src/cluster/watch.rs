//! Following a set of objects, and waiting for a condition on it.
//!
//! Changes arrive through a watch, so a pod's next phase is seen within milliseconds. kube's watcher
//! lists again after an expired version (410) or a broken connection; a silent stall is noticed
//! because each watch call lasts 30 s at most.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
use kube::runtime::WatchStreamExt;
use kube::runtime::utils::Backoff;
use kube::runtime::watcher::{self, Event};
use kube::{Api, Resource, ResourceExt};
use serde::de::DeserializeOwned;

use super::{failure, read};
use crate::deadline::Deadline;
use crate::error::{Error, Kind, Result};

/// The server ends a watch call after this many seconds, and it counts as dead 5 s later.
const WATCH_SECONDS: u32 = 30;

/// The objects of one kind that a selector matches, kept up to date.
pub struct Watched<K> {
    events: BoxStream<'static, watcher::Result<Event<K>>>,
    objects: BTreeMap<String, K>,
    relisted: BTreeMap<String, K>,
    key: fn(&K) -> String,
}

impl<K> Watched<K>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + 'static,
{
    /// Follows the objects that a label selector matches.
    pub fn selected(api: Api<K>, selector: &str) -> Self {
        Self::start(api, watcher::Config::default().labels(selector))
    }

    /// The same in all namespaces: the objects are by `NAMESPACE/NAME`.
    pub fn everywhere(api: Api<K>, selector: &str) -> Self {
        let key = |object: &K| {
            format!("{}/{}", object.namespace().unwrap_or_default(), object.name_any())
        };
        Watched { key, ..Self::selected(api, selector) }
    }

    /// Follows the one object of this name, which need not exist.
    pub fn named(api: Api<K>, name: &str) -> Self {
        Self::start(api, watcher::Config::default().fields(&format!("metadata.name={name}")))
    }

    fn start(api: Api<K>, config: watcher::Config) -> Self {
        let events =
            watcher::watcher(api, config.timeout(WATCH_SECONDS)).backoff(Pauses::default()).boxed();
        let (objects, relisted) = (BTreeMap::new(), BTreeMap::new());
        Watched { events, objects, relisted, key: ResourceExt::name_any }
    }

    /// The objects by name, as of the last [`Watched::changed`].
    pub fn objects(&self) -> &BTreeMap<String, K> {
        &self.objects
    }

    /// Waits for the next change; the first call returns when the set is known completely. Dropping the
    /// future loses nothing.
    ///
    /// # Errors
    /// Only those that trying again cannot help; others are retried, so put a [`Deadline`] around it.
    pub async fn changed(&mut self) -> Result<()> {
        loop {
            let event = self.events.next().await.ok_or_else(|| {
                Error::new(Kind::Other, format!("the watch of {} ended", K::plural(&())))
            })?;
            match event {
                Ok(Event::Init) => self.relisted.clear(),
                Ok(Event::InitApply(object)) => {
                    self.relisted.insert((self.key)(&object), object);
                }
                Ok(Event::InitDone) => {
                    self.objects = std::mem::take(&mut self.relisted);
                    return Ok(());
                }
                Ok(Event::Apply(object)) => {
                    self.objects.insert((self.key)(&object), object);
                    return Ok(());
                }
                Ok(Event::Delete(object)) => {
                    self.objects.remove(&(self.key)(&object));
                    return Ok(());
                }
                Err(error) => lasting::<K>(error)?,
            }
        }
    }

    /// Waits until `condition` gives an answer about the objects; `None` when the deadline passes first.
    pub async fn wait_for<T>(
        &mut self,
        deadline: Deadline,
        mut condition: impl FnMut(&BTreeMap<String, K>) -> Option<T>,
    ) -> Result<Option<T>> {
        let answer = deadline
            .limit(async {
                loop {
                    self.changed().await?;
                    if let Some(answer) = condition(&self.objects) {
                        return Ok(answer);
                    }
                }
            })
            .await;
        answer.transpose()
    }
}

/// Waits until no object of this name with this UID is left; `false` when the deadline passes first.
pub async fn wait_gone<K>(api: Api<K>, object: &K, deadline: Deadline) -> Result<bool>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let (name, uid) = (object.name_any(), object.uid());
    let mut watched = Watched::named(api, &name);
    let gone = watched
        .wait_for(deadline, |objects| {
            let same = objects.get(&name).is_some_and(|found| found.uid() == uid);
            (!same).then_some(())
        })
        .await?;
    Ok(gone.is_some())
}

/// A refused list or watch lasts; anything else may pass.
fn lasting<K: Resource<DynamicType = ()>>(error: watcher::Error) -> Result<()> {
    let cause = match error {
        watcher::Error::InitialListFailed(e)
        | watcher::Error::WatchStartFailed(e)
        | watcher::Error::WatchFailed(e) => e,
        watcher::Error::WatchError(status) => kube::Error::Api(status),
        watcher::Error::NoResourceVersion => return Ok(()),
    };
    match failure::status_code(&cause) {
        Some(401 | 403 | 404) => {
            Err(failure::from_kube(cause, format!("watch {} objects", read::kind::<K>())))
        }
        _ => Ok(()),
    }
}

/// The pauses after failures: 100 ms doubling to 5 s.
struct Pauses(Duration);

impl Default for Pauses {
    fn default() -> Self {
        Pauses(Duration::from_millis(100))
    }
}

impl Iterator for Pauses {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let pause = self.0;
        self.0 = (pause * 2).min(Duration::from_secs(5));
        Some(pause)
    }
}

impl Backoff for Pauses {
    fn reset(&mut self) {
        *self = Pauses::default();
    }
}

#[cfg(test)]
mod tests;
