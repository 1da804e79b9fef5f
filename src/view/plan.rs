//! A plan, and what would become of every object: what `--dry-run` shows.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use similar::TextDiff;

use super::step::{proof, way_back, words};
use crate::error::{Error, Kind, Result};
use crate::model::redact::Redactor;
use crate::ops::dry_run::{By, Change, DryRun};
use crate::ops::plan::Plan;
use crate::ui::{Text, Tone, View};

/// Unchanged lines around a difference.
const CONTEXT: usize = 3;

/// What a verb would do.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanView {
    /// `client` or `server`: who says what the objects would be.
    pub dry_run: &'static str,
    /// What is changed, as `kind/name`.
    pub target: String,
    /// Its namespace.
    pub namespace: String,
    /// What the verb would say at its end: `created`, `upgraded`, `unchanged`, `stopped`, …
    pub outcome: String,
    /// The steps, in order. None: there is nothing to do.
    pub steps: Vec<StepView>,
    /// What brings the old generation back when a step fails after its job was stopped.
    pub fallback: Vec<String>,
    /// The objects that would change.
    pub changes: Vec<ChangeView>,
    /// The plan as the cluster would keep it while it runs, without secrets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<Value>,
}

/// One step.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepView {
    /// What it does.
    pub does: String,
    /// The objects it writes or deletes, as `kind/name`.
    pub writes: Vec<String>,
    /// What must be so before the next step begins.
    pub proves: String,
    /// What `--abort` does while it runs.
    pub undo: String,
}

/// What becomes of one object.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangeView {
    /// `create`, `update`, `replace` or `delete`.
    pub action: &'static str,
    /// The object, as `kind/name`.
    pub object: String,
    /// The object of the old generation whose place it takes, and which it is compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
    /// The difference, in unified format. Secrets are `*** (1)`, `*** (2)`, …: the same number for the same secret.
    pub diff: String,
}

impl PlanView {
    /// A plan that does nothing.
    pub fn unchanged(target: String, namespace: &str, by: By) -> Self {
        PlanView {
            dry_run: name(by),
            target,
            namespace: namespace.to_owned(),
            outcome: "unchanged".to_owned(),
            steps: Vec::new(),
            fallback: Vec::new(),
            changes: Vec::new(),
            plan: None,
        }
    }

    /// What `plan` would do.
    ///
    /// # Errors
    /// None in practice: a plan can always be written as JSON.
    pub fn new(plan: &Plan, found: &DryRun, outcome: &str, by: By) -> Result<Self> {
        let mut secrets = Redactor::default();
        let mut stored = serde_json::to_value(plan)
            .map_err(|e| Error::new(Kind::Other, "cannot write the plan").caused_by(e))?;
        secrets.hide(&mut stored);
        let step = |planned: &crate::ops::dry_run::Planned| StepView {
            does: words(&planned.step),
            writes: planned.writes.iter().map(ToString::to_string).collect(),
            proves: proof(&planned.step).to_owned(),
            undo: way_back(&planned.way_back),
        };
        Ok(PlanView {
            steps: found.steps.iter().map(step).collect(),
            fallback: plan.fallback.iter().map(words).collect(),
            changes: changes(&found.changes, &mut secrets)?,
            plan: Some(stored),
            outcome: outcome.to_owned(),
            ..PlanView::unchanged(format!("application/{}", plan.application), &plan.namespace, by)
        })
    }

    /// What one write to one object of no application would do.
    ///
    /// # Errors
    /// None in practice: an object can always be written as YAML.
    pub fn of_one(
        step: StepView,
        outcome: &str,
        change: &Change,
        namespace: &str,
        by: By,
    ) -> Result<Self> {
        Ok(PlanView {
            steps: vec![step],
            changes: changes(std::slice::from_ref(change), &mut Redactor::default())?,
            outcome: outcome.to_owned(),
            ..PlanView::unchanged(change.object.to_string(), namespace, by)
        })
    }

    fn answer(&self) -> String {
        let suffix = if self.dry_run == "server" { "server dry run" } else { "dry run" };
        format!("{} {} ({suffix})", self.target, self.outcome)
    }
}

fn name(by: By) -> &'static str {
    match by {
        By::Client => "client",
        By::Server => "server",
    }
}

fn changes(changes: &[Change], secrets: &mut Redactor) -> Result<Vec<ChangeView>> {
    changes
        .iter()
        .map(|change| {
            let action = match (&change.before, &change.after) {
                (None, _) => "create",
                (_, None) => "delete",
                _ if change.replaces.is_some() => "replace",
                _ => "update",
            };
            let object = change.object.to_string();
            let replaces = change.replaces.as_ref().map(ToString::to_string);
            let mut side = |document: &Option<Value>, name: &str| -> Result<(String, String)> {
                let Some(mut document) = document.clone() else {
                    return Ok((String::new(), "/dev/null".to_owned()));
                };
                secrets.hide(&mut document);
                Ok((crate::yaml::to_string(&document)?, name.to_owned()))
            };
            let (old, old_name) = side(&change.before, replaces.as_ref().unwrap_or(&object))?;
            let (new, new_name) = side(&change.after, &object)?;
            let diff = TextDiff::from_lines(&old, &new);
            let diff = diff
                .unified_diff()
                .context_radius(CONTEXT)
                .header(&old_name, &new_name)
                .to_string();
            Ok(ChangeView { action, object, replaces, diff })
        })
        .collect()
}

impl View for PlanView {
    fn text(&self, _wide: bool, _now: Timestamp) -> Text {
        let mut text = Text::new();
        if self.steps.is_empty() {
            text = text.plain("nothing to do").end();
        }
        for (number, step) in (1..).zip(&self.steps) {
            text = text.plain(&format!("{number}. {}", step.does)).end();
        }
        if !self.fallback.is_empty() {
            text = text.plain("If the new generation does not come up:").end();
        }
        for step in &self.fallback {
            text = text.plain("   ").plain(step).end();
        }
        for change in &self.changes {
            text = change.diff.lines().fold(text.end(), |text, line| {
                let tone = match line.as_bytes() {
                    [b'-', b'-', b'-', ..] | [b'+', b'+', b'+', ..] => Tone::Heading,
                    [b'+', ..] => Tone::Good,
                    [b'-', ..] => Tone::Bad,
                    [b'@', ..] => Tone::Hint,
                    _ => Tone::Plain,
                };
                text.toned(tone, line).end()
            });
        }
        let text = if self.changes.is_empty() { text } else { text.end() };
        text.plain(&self.answer()).end()
    }

    fn names(&self) -> Vec<String> {
        vec![self.target.clone()]
    }
}

/// The plans of several documents.
#[derive(Debug, Clone)]
pub struct PlanList(pub Vec<PlanView>);

impl Serialize for PlanList {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Items<'a> {
            items: &'a [PlanView],
        }
        match &self.0[..] {
            [one] => one.serialize(serializer),
            items => Items { items }.serialize(serializer),
        }
    }
}

impl View for PlanList {
    fn text(&self, wide: bool, now: Timestamp) -> Text {
        self.0.iter().fold(Text::new(), |text, plan| text.text(&plan.text(wide, now)))
    }

    fn names(&self) -> Vec<String> {
        self.0.iter().flat_map(View::names).collect()
    }
}
