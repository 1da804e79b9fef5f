//! The state storage of one application, opened when it is first needed and closed at the end.

use std::time::Duration;

use crate::cluster::Cluster;
use crate::deadline::Deadline;
use crate::error::{Error, Kind, Result};
use crate::model::config::FlinkConfig;
use crate::model::ids::{JobId, OperationId};
use crate::model::name::ApplicationName;
use crate::model::revision::Revision;
use crate::model::snapshot::{Snapshot, SnapshotPath};
use crate::model::storage::{MOUNT_PATH, StateLayout, StateStorage};
use crate::ops::event::{Event, Observer};
use crate::ops::observed::Job;
use crate::storage::agent::remedy;
use crate::storage::catalogue::{self, Catalogue};
use crate::storage::helper_pod::HelperSpec;
use crate::storage::jar::LocalJar;
use crate::storage::upload::upload_jar;
use crate::storage::{OpenStore, StateStore, access, snapshots};

/// More than the record of a job's end takes, but for a failure's stack trace, which comes last.
const RESULT_LIMIT: u64 = 64 * 1024;
/// A volume with fewer free bytes is full: a file system keeps some blocks that it counts as free to itself.
const FULL: u64 = 1 << 20;
/// How long the pod that gives access may take to run: an image may have to be pulled for it.
const OPENING: Duration = Duration::from_secs(300);

/// Access to the state of one application.
pub struct State<'a> {
    cluster: &'a Cluster,
    storage: StateStorage,
    helper: HelperSpec,
    layout: StateLayout,
    deadline: Deadline,
    open: Option<OpenStore>,
}

impl<'a> State<'a> {
    /// The state of `application` on `storage`. A helper pod, where one is needed, runs `image`.
    pub fn new(
        cluster: &'a Cluster,
        application: &ApplicationName,
        storage: &StateStorage,
        image: &str,
        operation: &OperationId,
    ) -> Self {
        State {
            cluster,
            layout: storage.layout(cluster.namespace(), application),
            storage: storage.clone(),
            helper: HelperSpec {
                application: application.clone(),
                operation: operation.clone(),
                storage: Some(storage.clone()),
                also: None,
                data_store: None,
                config: FlinkConfig::default(),
                service_account: None,
                image: image.to_owned(),
                like: None,
            },
            deadline: Deadline::NEVER,
            open: None,
        }
    }

    /// Opens it no later than at `deadline`.
    #[must_use]
    pub fn within(mut self, deadline: Deadline) -> Self {
        self.deadline = deadline;
        self
    }

    /// The state of the generation that `revision` records.
    pub fn of(cluster: &'a Cluster, revision: &Revision, operation: &OperationId) -> Self {
        let Revision { application, storage, image, .. } = revision;
        let mut state = State::new(cluster, application, storage, image, operation);
        let spec = &revision.spec.spec;
        state.helper.config.clone_from(&spec.flink_configuration);
        state.helper.also.clone_from(&revision.also_reads);
        // Only a store asks who one is. The application's own account is made together with its first generation.
        if state.helper.needs_agent() {
            state.helper.service_account.clone_from(&spec.service_account);
        }
        state
    }

    /// Moves the deadline.
    pub fn extend(&mut self, deadline: Deadline) {
        self.deadline = deadline;
    }

    fn reaches(&self, uri: &str) -> bool {
        std::iter::once(&self.storage).chain(&self.helper.also).any(|storage| storage.reaches(uri))
    }

    /// Where things are on it.
    pub fn layout(&self) -> &StateLayout {
        &self.layout
    }

    /// Sends the jar, unless it is there.
    ///
    /// # Errors
    /// When the storage cannot be reached or is full.
    pub async fn upload(&mut self, jar: &LocalJar, observer: &mut dyn Observer) -> Result<()> {
        self.store(observer).await?;
        observer.event(Event::Phase(format!("uploading {}", jar.name)));
        let layout = self.layout.clone();
        let store = self.store(observer).await?;
        upload_jar(store, &layout, jar, &mut |progress| {
            observer.event(Event::Bytes { done: progress.sent, total: progress.total });
        })
        .await
        .map(drop)
    }

    /// Copies the job's jar from the one storage to the other, inside the cluster, unless it is there.
    ///
    /// # Errors
    /// [`Kind::NotFound`] when there is none to copy; else as the stores say.
    pub async fn copy_jar(
        &mut self,
        from: &str,
        to: &str,
        observer: &mut dyn Observer,
    ) -> Result<()> {
        let store = self.store(observer).await?;
        observer.event(Event::Phase("copying the jar".to_owned()));
        let (there, copy) = (store.stat(from).await?, store.stat(to).await?);
        let size = there.map(|entry| entry.size).ok_or_else(|| {
            Error::new(Kind::NotFound, format!("the job's jar is gone from {from}"))
                .hint("Deploy it again with --jar first.")
        })?;
        if copy.is_some_and(|copy| copy.size == size) {
            return Ok(());
        }
        let Some(open) = &self.open else { return Ok(()) };
        open.copy(from, to).await?;
        let copied = open.store().stat(to).await?.map(|entry| entry.size);
        if copied == Some(size) {
            return Ok(());
        }
        Err(Error::new(Kind::Other, format!("the copy of the jar in {to} is not whole"))
            .hint("Run the same command again."))
    }

    /// Makes sure that a snapshot is there and complete.
    ///
    /// # Errors
    /// [`Kind::NotFound`] when it is not; [`Kind::Usage`] when it is where the pods cannot read.
    pub async fn verify(
        &mut self,
        snapshot: &SnapshotPath,
        observer: &mut dyn Observer,
    ) -> Result<()> {
        if !self.reaches(snapshot.as_str()) {
            return Err(out_of_reach(snapshot, &self.storage));
        }
        observer.event(Event::Phase(format!("checking {}", snapshot.name())));
        snapshots::verify(self.store(observer).await?, snapshot).await.map(drop)
    }

    /// Makes sure that a store can be used, before anything depends on it; a `dry_run` only looks.
    ///
    /// # Errors
    /// [`Kind::Preflight`] with the store's reason.
    pub async fn check_access(&mut self, dry_run: bool, observer: &mut dyn Observer) -> Result<()> {
        self.store(observer).await?;
        observer.event(Event::Phase("checking the access to the store".to_owned()));
        let (folder, storage) = (self.layout.base().to_owned(), self.storage.to_string());
        let Some(open) = &self.open else { return Ok(()) };
        open.check_access(&folder, dry_run).await.map_err(|error| {
            let mut found = Error::new(Kind::Preflight, format!("{storage} cannot be used"));
            for hint in error.hints() {
                found = found.hint(hint);
            }
            found.caused_by(error)
        })
    }

    /// All snapshots of the application, newest first.
    ///
    /// # Errors
    /// When the storage cannot be read.
    pub async fn snapshots(&mut self, observer: &mut dyn Observer) -> Result<Vec<Snapshot>> {
        let layout = self.layout.clone();
        let store = self.store(observer).await?;
        observer.event(Event::Phase("looking for snapshots".to_owned()));
        snapshots::list(store, &layout).await
    }

    /// The newest snapshot that one job wrote.
    ///
    /// # Errors
    /// When the storage cannot be read.
    pub async fn newest_of(
        &mut self,
        job: JobId,
        observer: &mut dyn Observer,
    ) -> Result<Option<SnapshotPath>> {
        let all = self.snapshots(observer).await?;
        // Flink names savepoints after the first six digits of the job id.
        let prefix = format!("savepoint-{:.6}-", job.to_string());
        let mut own = all
            .into_iter()
            .filter(|found| found.job_id == Some(job) || found.path.name().starts_with(&prefix));
        Ok(own.next().map(|found| found.path))
    }

    /// How the job of a generation ended, by the record that Flink keeps beside its high-availability data
    /// (`job-result-store`) so that a JobManager which starts again does not run it once more. `None` when there is
    /// no such record.
    ///
    /// # Errors
    /// When the storage cannot be read.
    pub async fn result_of(
        &mut self,
        revision: &Revision,
        observer: &mut dyn Observer,
    ) -> Result<Option<Job>> {
        let Revision { application, generation, job_id, .. } = revision;
        let cluster_id = application.cluster_id(*generation);
        let results = format!("{}/job-result-store/{cluster_id}", self.layout.ha());
        let store = self.store(observer).await?;
        // `<job-id>.json`, or `<job-id>_DIRTY.json` as long as Flink cleans up.
        let id = job_id.to_string();
        for entry in store.list(&results, 1, &[]).await? {
            if entry.uri.rsplit('/').next().is_some_and(|name| name.starts_with(&id)) {
                let text = store.read(&entry.uri, RESULT_LIMIT).await?;
                return Ok(ended_as(&String::from_utf8_lossy(&text)));
            }
        }
        Ok(None)
    }

    /// What there is to do after a savepoint to `directory` failed with `why`: about the storage, and about what was
    /// left there, which is nobody's snapshot and still not ours to delete.
    pub async fn after_failure(
        &mut self,
        why: &str,
        directory: &str,
        observer: &mut dyn Observer,
    ) -> Vec<String> {
        let mut said = Vec::from_iter(remedy(why).map(str::to_owned));
        if !self.reaches(directory) {
            return said;
        }
        let Ok(store) = self.store(observer).await else { return said };
        // On a volume without a free block Flink cannot even make the folder, and does not say why.
        if said.is_empty()
            && store.free(directory).await.is_ok_and(|free| free.is_some_and(|free| free < FULL))
        {
            said.extend(remedy("no space left").map(str::to_owned));
        }
        let entries = store.list(directory, 2, &[]).await.unwrap_or_default();
        if !entries.is_empty() {
            let files = entries.iter().filter(|entry| !entry.is_folder).count();
            said.push(format!("What it wrote is left in {directory} (files: {files}): nothing restores from it, and it is yours to delete."));
        }
        said
    }

    /// The complete savepoint in the directory of one operation, if there is one.
    ///
    /// # Errors
    /// When the storage cannot be read.
    pub async fn find_in(
        &mut self,
        directory: &str,
        observer: &mut dyn Observer,
    ) -> Result<Option<SnapshotPath>> {
        if !self.reaches(directory) {
            return Ok(None);
        }
        let entries = self.store(observer).await?.list(directory, 2, &[]).await?;
        let complete = entries.into_iter().filter(|entry| entry.uri.ends_with("/_metadata"));
        let newest = complete.max_by_key(|entry| entry.modified);
        newest.map(|entry| entry.uri.parse()).transpose()
    }

    /// The records beside the state.
    ///
    /// # Errors
    /// When the storage cannot be read.
    pub async fn catalogue(&mut self, observer: &mut dyn Observer) -> Result<Catalogue> {
        let layout = self.layout.clone();
        let store = self.store(observer).await?;
        observer.event(Event::Phase("reading the catalogue".to_owned()));
        catalogue::read(store, &layout).await
    }

    /// Writes the record of a generation beside its state.
    ///
    /// # Errors
    /// When the storage cannot be written.
    pub async fn record(&mut self, revision: &Revision, observer: &mut dyn Observer) -> Result<()> {
        // A pod that was replaced since cannot be asked any more: look for one that lives.
        self.close().await;
        // Not this one's own layout: the way back of a move ends where it began.
        catalogue::write(self.store(observer).await?, &revision.layout(), revision).await
    }

    /// Ends the access. A helper pod that cannot be deleted ends by itself.
    pub async fn close(&mut self) {
        if let Some(open) = self.open.take()
            && let Err(error) = open.close().await
        {
            tracing::warn!(%error, "the storage helper pod was not deleted");
        }
    }

    async fn store(&mut self, observer: &mut dyn Observer) -> Result<&dyn StateStore> {
        if self.open.is_none() {
            observer.event(Event::Phase("opening the state storage".to_owned()));
            let mut waiting = |waiting: &crate::cluster::diagnose::Waiting| {
                observer.event(Event::Phase(format!(
                    "opening the state storage: waiting for {waiting}"
                )));
            };
            let deadline = self.deadline.at_most(OPENING);
            let opened = access::open(self.cluster, &self.helper, deadline, &mut waiting).await?;
            self.open = Some(opened);
        }
        let open = self.open.as_ref().map(OpenStore::store);
        open.ok_or_else(|| Error::new(Kind::Other, "the state storage is not open"))
    }
}

fn out_of_reach(snapshot: &SnapshotPath, storage: &StateStorage) -> Error {
    let error =
        Error::usage(format!("snapshot {snapshot} is not on the application's state storage"));
    match storage {
        StateStorage::Claim(_) => error.hint(format!("The pods see their storage at {MOUNT_PATH}: copy the snapshot there, or give a path below it.")),
        StateStorage::Remote(remote) => error.hint(format!("The pods reach {}: copy the snapshot there, or give a path on it.", remote.store.uri)),
    }
}

/// Flink's word for the end of a job (`ApplicationStatus`) in the record of it.
fn ended_as(result: &str) -> Option<Job> {
    let states = [("SUCCEEDED", "FINISHED"), ("FAILED", "FAILED"), ("CANCELED", "CANCELED")];
    let found = states.into_iter().find(|(status, _)| result.contains(&format!("\"{status}\"")));
    found.map(|(_, state)| Job::Ended(state.to_owned()))
}
