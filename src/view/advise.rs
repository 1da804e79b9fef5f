//! Which StorageClasses and storage profiles suit an application's state: the model behind `storage advise`.

use jiff::Timestamp;
use serde::Serialize;

use super::section::{field, heading};
use crate::model::advise::{Advice, Choice, Fit};
use crate::ui::{Text, Tone, View, human};

/// What there is to choose from, the most suitable first.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RankingView {
    /// Bytes of state.
    pub state: u64,
    /// How large a volume should be.
    pub size: String,
    /// Nodes that take pods; absent for whoever may not look.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nodes: Option<usize>,
    /// The storage profiles and StorageClasses.
    pub choices: Vec<Advice>,
}

impl View for RankingView {
    fn text(&self, _wide: bool, _now: Timestamp) -> Text {
        let nodes = self.nodes.map_or_else(|| "not known".to_owned(), |nodes| nodes.to_string());
        let mut text = field("State", &human::bytes(self.state))
            .text(&field("Volume", &format!("{} (three copies, and room)", self.size)))
            .text(&field("Nodes", &nodes));
        for advice in &self.choices {
            let (tone, word) = match advice.fit {
                Fit::Good => (Tone::Good, "good"),
                Fit::Fair => (Tone::Attention, "fair"),
                Fit::Unfit => (Tone::Bad, "cannot work"),
            };
            text = text
                .text(&heading(&format!("{} ({})", advice.name, advice.place)))
                .plain("  ")
                .toned(tone, word)
                .end();
            for reason in &advice.reasons {
                text = text.plain(&format!("  {reason}")).end();
            }
            if let Some(storage) = &advice.storage {
                text = text.toned(Tone::Hint, "  --storage").plain(&format!(" {storage}")).end();
            }
        }
        text
    }

    fn names(&self) -> Vec<String> {
        let kind = |choice| match choice {
            Choice::Class => "storageclass",
            Choice::Profile => "profile",
        };
        let names = self.choices.iter();
        names.map(|advice| format!("{}/{}", kind(advice.kind), advice.name)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::advise::{Class, Wish, rank};
    use crate::model::store::Profile;

    #[test]
    fn every_choice_has_its_reasons_and_what_to_write() {
        let class = Class {
            name: "standard".to_owned(),
            provisioner: "rancher.io/local-path".to_owned(),
            is_default: true,
            waits_for_consumer: true,
            expandable: false,
            deletes_with_claim: true,
        };
        let wish = Wish { state: 2 << 30, nodes: Some(1), ..Wish::default() };
        let profile = Profile::ambient("gs://shop/flink".parse().expect("a URI"));
        let choices = rank(&[class], &[("prod".to_owned(), profile)].into(), &wish);
        let view =
            RankingView { state: wish.state, size: "7Gi".to_owned(), nodes: Some(1), choices };
        assert_eq!(view.names(), ["profile/prod", "storageclass/standard"]);
        let text = view.text(false, Timestamp::UNIX_EPOCH).to_plain();
        for part in [
            "State:             2.00 GiB\n",
            "Volume:            7Gi (three copies, and room)\n",
            "prod (gs://shop/flink)\n  good\n",
            "  --storage prod\n",
            "standard (rancher.io/local-path)\n  good\n",
            "  Its volumes cannot grow.\n",
            "  --storage pvc:7Gi,class=standard\n",
        ] {
            assert!(text.contains(part), "{part:?} is not in\n{text}");
        }
    }
}
