//! `-o custom-columns=NAME:.name,STATE:.state`: a table of the user's own making.

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

use super::Table;
use super::jsonpath::Path;
use crate::error::{Error, Result};

/// Columns: a header and a path each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns(Vec<(String, Path)>);

impl Columns {
    /// One row for each of the document's `items`, or one for the document itself.
    pub fn table(&self, document: &Value) -> Table {
        let mut table = Table::new(self.0.iter().map(|(header, _)| header.clone()));
        let items = document.get("items").and_then(Value::as_array);
        for item in items.map_or(std::slice::from_ref(document), Vec::as_slice) {
            // The table shows an empty cell as `<none>`.
            table.row(self.0.iter().map(|(_, path)| path.text(item, ",").unwrap_or_default()));
        }
        table
    }
}

impl fmt::Display for Columns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.0.iter().map(|(header, path)| format!("{header}:{path}"));
        f.write_str(&columns.collect::<Vec<_>>().join(","))
    }
}

impl FromStr for Columns {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let column = |column: &str| {
            let (header, path) = column.split_once(':').filter(|(header, _)| !header.is_empty())?;
            Some(path.parse().map(|path| (header.to_owned(), path)))
        };
        let columns = split(text).into_iter().map(|part| {
            column(part).unwrap_or_else(|| {
                Err(Error::usage(format!("{part:?} is not a column"))
                    .hint("Write HEADER:PATH, such as custom-columns=NAME:.name,STATE:.state."))
            })
        });
        columns.collect::<Result<_>>().map(Columns)
    }
}

/// The parts between commas that stand outside of brackets.
fn split(text: &str) -> Vec<&str> {
    let mut depth = 0;
    text.split(|c| {
        match c {
            '[' => depth += 1,
            ']' => depth -= 1,
            _ => {}
        }
        c == ',' && depth == 0
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_row_for_each_item() -> Result<()> {
        let columns: Columns = "NAME:.name,PORTS:{.ports[0,1]},X:.x".parse()?;
        let document = json!({"items": [{"name": "orders", "ports": [1, 2]}, {"name": "a"}]});
        let lines = columns.table(&document).to_lines();
        assert_eq!(
            lines,
            "NAME     PORTS    X\norders   1,2      <none>\na        <none>   <none>\n"
        );
        assert_eq!(columns.table(&json!({"name": "one"})).to_lines().lines().count(), 2);
        for bad in ["", "NAME", ":.x", "NAME:", "NAME:.name,"] {
            assert!(bad.parse::<Columns>().is_err(), "{bad:?}");
        }
        Ok(())
    }
}
