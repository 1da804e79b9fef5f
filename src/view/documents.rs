//! Objects of Kubernetes as an answer: one as it is, several as a `List`, which kubectl and `-f` read.

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::ui::{Text, View};

/// The objects, each with its name as `TYPE/NAME`.
#[derive(Debug)]
pub struct Documents<'a, T>(pub &'a [(String, T)]);

impl<T: Serialize> Serialize for Documents<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct List<'a, T> {
            api_version: &'a str,
            kind: &'a str,
            items: Vec<&'a T>,
        }
        match self.0 {
            [(_, one)] => one.serialize(serializer),
            several => {
                let items = several.iter().map(|(_, object)| object).collect();
                List { api_version: "v1", kind: "List", items }.serialize(serializer)
            }
        }
    }
}

impl<T: Serialize> View for Documents<'_, T> {
    fn text(&self, _wide: bool, _now: Timestamp) -> Text {
        Text::new().plain(&self.names().join("\n"))
    }

    fn names(&self) -> Vec<String> {
        self.0.iter().map(|(name, _)| name.clone()).collect()
    }
}
