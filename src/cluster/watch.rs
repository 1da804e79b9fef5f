//! Following a set of objects, and waiting for a condition on it.
//!
//! Changes arrive through a watch, so a pod's next phase is seen within milliseconds. No watch is trusted
//! for long: after an expired version (410), in the stream or instead of it, and after a silence that is longer
//! than a watch call may last, the objects are listed again.

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
use tokio::time::{Instant, sleep_until, timeout_at};

use super::{failure, read};
use crate::deadline::Deadline;
use crate::error::{Error, Kind, Result};

/// The server ends a watch call after this many seconds.
const WATCH_SECONDS: u32 = 30;
/// The status of a version that the API server does not remember any more.
const GONE: u16 = 410;
/// The objects are listed again when nothing was heard for so long. kube's watcher has a limit of its own for a
/// stream that falls silent, but none for an API server that never answers the call.
const SILENCE: Duration = Duration::from_secs(WATCH_SECONDS as u64 + 5);

/// The objects of one kind that a selector matches, kept up to date.
pub struct Watched<K> {
    api: Api<K>,
    config: watcher::Config,
    events: BoxStream<'static, watcher::Result<Event<K>>>,
    heard: Instant,
    expired: Pauses,
    wait_until: Instant,
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
        let (objects, relisted, now) = (BTreeMap::new(), BTreeMap::new(), Instant::now());
        Watched {
            events: events(&api, &config),
            api,
            config,
            heard: now,
            expired: Pauses::default(),
            wait_until: now,
            objects,
            relisted,
            key: ResourceExt::name_any,
        }
    }

    /// Begins anew with a list, after a pause.
    fn list_again(&mut self, pause: Duration) {
        self.events = events(&self.api, &self.config);
        self.wait_until = Instant::now() + pause;
        self.heard = self.wait_until;
    }

    /// The next event; `None` when nothing was heard for too long.
    async fn next(&mut self) -> Result<Option<watcher::Result<Event<K>>>> {
        sleep_until(self.wait_until).await;
        let Ok(next) = timeout_at(self.heard + SILENCE, self.events.next()).await else {
            tracing::debug!(kind = %K::kind(&()), "the watch is silent: listing again");
            self.list_again(Duration::ZERO);
            return Ok(None);
        };
        self.heard = Instant::now();
        let ended = || Error::new(Kind::Other, format!("the watch of {} ended", K::plural(&())));
        next.map(Some).ok_or_else(ended)
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
            let Some(event) = self.next().await? else { continue };
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
                    self.expired.reset();
                    self.objects.insert((self.key)(&object), object);
                    return Ok(());
                }
                Ok(Event::Delete(object)) => {
                    self.expired.reset();
                    self.objects.remove(&(self.key)(&object));
                    return Ok(());
                }
                // kube would ask for the same version again, for ever.
                Err(watcher::Error::WatchStartFailed(error))
                    if failure::status_code(&error) == Some(GONE) =>
                {
                    let pause = self.expired.next().unwrap_or_default();
                    self.list_again(pause);
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

fn events<K>(
    api: &Api<K>,
    config: &watcher::Config,
) -> BoxStream<'static, watcher::Result<Event<K>>>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let config = config.clone().timeout(WATCH_SECONDS);
    watcher::watcher(api.clone(), config).backoff(Pauses::default()).boxed()
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
