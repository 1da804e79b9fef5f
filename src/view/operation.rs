//! An operation that is not finished: in one line, and in all detail.

use jiff::Timestamp;
use serde::Serialize;

use super::section::{field, heading};
use crate::ops::operation::record::{Direction, Record};
use crate::ops::plan::Step;
use crate::ui::{Table, Text, Tone, View, human};

/// An operation under way, or left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OperationView {
    /// Its namespace.
    pub namespace: String,
    /// The application it changes.
    pub application: String,
    /// Its id; trigger ids and savepoint directories derive from it.
    pub id: String,
    /// The verb that began it.
    pub verb: String,
    /// Who began it, by the API server's word.
    pub user: String,
    /// When it began, by the clock of the machine it began on.
    pub started: Timestamp,
    /// Where it is heading: `forward` or `back`.
    pub direction: Direction,
    /// Why it goes back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// The step under way, counted from 1.
    pub step: usize,
    /// The steps of its direction, in words, in order.
    pub steps: Vec<String>,
    /// The snapshot that its stop left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<String>,
}

impl OperationView {
    /// What `record` says; `words` puts a step into words.
    pub fn new(record: &Record, words: impl Fn(&Step) -> String) -> Self {
        let plan = &record.plan;
        OperationView {
            namespace: plan.namespace.clone(),
            application: plan.application.to_string(),
            id: plan.operation.to_string(),
            verb: plan.verb.to_string(),
            user: record.user.clone(),
            started: record.started,
            direction: record.direction,
            failure: record.failure.clone(),
            step: record.step + 1,
            steps: record.steps().iter().map(words).collect(),
            snapshot: record.stopped_at.as_ref().map(ToString::to_string),
        }
    }

    fn towards(&self) -> &'static str {
        match self.direction {
            Direction::Forward => "forward",
            Direction::Back => "back",
        }
    }

    fn current(&self) -> String {
        let step = self.steps.get(self.step - 1).cloned().unwrap_or_default();
        format!("{}/{} {step}", self.step, self.steps.len())
    }
}

impl View for OperationView {
    fn text(&self, _wide: bool, now: Timestamp) -> Text {
        let mut text = field("Application", &self.application)
            .text(&field("Namespace", &self.namespace))
            .text(&field("Operation", &self.id))
            .text(&field("Verb", &self.verb))
            .text(&field("User", &self.user))
            .text(&field("Going", self.towards()));
        if let Some(failure) = &self.failure {
            text = text.text(&field("Because", failure));
        }
        if let Some(snapshot) = &self.snapshot {
            text = text.text(&field("Snapshot", snapshot));
        }
        text = text.text(&field("Age", &human::age(self.started, now))).text(&heading("Steps"));
        let numbered = self.steps.iter().enumerate().map(|(i, step)| (i + 1, step));
        numbered.fold(text, |text, (i, step)| {
            let (mark, tone) = match i {
                i if i < self.step => ("done", Tone::Good),
                i if i == self.step => ("here", Tone::Attention),
                _ => ("", Tone::Plain),
            };
            text.plain("  ").toned(tone, &format!("{mark:<5}")).plain(&format!("{i}. {step}")).end()
        })
    }

    fn names(&self) -> Vec<String> {
        vec![format!("operation/{}", self.application)]
    }
}

/// All operations of a namespace, or of all.
#[derive(Debug, Serialize)]
pub struct OperationList {
    /// By namespace and application.
    pub items: Vec<OperationView>,
    /// Whether they are those of all namespaces.
    #[serde(skip)]
    pub all_namespaces: bool,
}

impl View for OperationList {
    fn is_table(&self) -> bool {
        true
    }

    fn text(&self, wide: bool, now: Timestamp) -> Text {
        let mut header = vec!["APPLICATION", "VERB", "USER", "GOING", "STEP", "AGE"];
        if self.all_namespaces {
            header.insert(0, "NAMESPACE");
        }
        if wide {
            header.push("OPERATION");
        }
        let mut table = Table::new(header);
        for item in &self.items {
            let mut row = vec![
                item.application.clone(),
                item.verb.clone(),
                item.user.clone(),
                item.towards().to_owned(),
                item.current(),
                human::age(item.started, now),
            ];
            if self.all_namespaces {
                row.insert(0, item.namespace.clone());
            }
            if wide {
                row.push(item.id.clone());
            }
            table.row(row);
        }
        match table.is_empty() {
            true => Text::new(),
            false => Text::new().plain(&table.to_lines()),
        }
    }

    fn names(&self) -> Vec<String> {
        self.items.iter().flat_map(View::names).collect()
    }
}
