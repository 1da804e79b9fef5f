//! What a verb did: its answer at the end, for people and for programs.

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::model::name::Generation;
use crate::model::snapshot::SnapshotPath;
use crate::ui::{Text, View};

/// What became of one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OutcomeView {
    /// What was changed, as `kind/name`.
    pub target: String,
    /// Its namespace.
    pub namespace: String,
    /// What became of it: `created`, `upgraded`, `running`, `repaired`, `unchanged`, `started`, `stopped`, `restored`, `moved`, `deleted`,
    /// `aborted`; `resized`, or `resizing` with `--no-wait`; for a volume snapshot `ready`, or `begun` with `--no-wait`; for a savepoint or checkpoint `saved`, or `saving` with `--no-wait`.
    pub outcome: String,
    /// The id of the operation; absent when there was nothing to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// The generation that is active now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generation: Option<Generation>,
    /// The snapshot that the generation was restored from, by Flink's own word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restored_from: Option<String>,
    /// The snapshot that the verb took, or else the newest one that is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<String>,
    /// The same for people: the last line of a verb whose purpose is a snapshot is that snapshot's path.
    #[serde(skip)]
    pub text: String,
}

impl OutcomeView {
    /// With this snapshot, whose path is the last line.
    pub fn ends_with(&mut self, snapshot: Option<&SnapshotPath>) {
        self.snapshot = snapshot.map(ToString::to_string);
        self.text += &snapshot.map(|path| format!("{path}\n")).unwrap_or_default();
    }

    /// What became of `target`, of which no more is known yet.
    pub fn new(target: impl Into<String>, namespace: &str, outcome: &str) -> Self {
        let target = target.into();
        OutcomeView {
            text: format!("{target} {outcome}\n"),
            target,
            namespace: namespace.to_owned(),
            outcome: outcome.to_owned(),
            operation: None,
            generation: None,
            restored_from: None,
            snapshot: None,
        }
    }
}

impl View for OutcomeView {
    fn text(&self, _wide: bool, _now: Timestamp) -> Text {
        Text::new().plain(&self.text)
    }

    fn names(&self) -> Vec<String> {
        vec![self.target.clone()]
    }
}

/// What became of several things: one stands for itself.
#[derive(Debug, Clone, Default)]
pub struct OutcomeList(pub Vec<OutcomeView>);

impl Serialize for OutcomeList {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Items<'a> {
            items: &'a [OutcomeView],
        }
        match &self.0[..] {
            [one] => one.serialize(serializer),
            items => Items { items }.serialize(serializer),
        }
    }
}

impl View for OutcomeList {
    fn text(&self, wide: bool, now: Timestamp) -> Text {
        self.0.iter().fold(Text::new(), |text, one| text.text(&one.text(wide, now)))
    }

    fn names(&self) -> Vec<String> {
        self.0.iter().flat_map(View::names).collect()
    }
}
