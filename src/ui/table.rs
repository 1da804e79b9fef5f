//! Tables as kubectl prints them: no borders, three spaces between columns.

use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table as Layout};

use super::sanitize;

/// Shown for a value that is absent.
pub(super) const NONE: &str = "<none>";

/// Rows under upper-case headers.
#[derive(Debug, Clone, Default)]
pub struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these column headers and no rows.
    pub fn new(header: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let safe = |header: String| sanitize::line(&header).into_owned();
        let header = header.into_iter().map(|header| safe(header.into())).collect();
        Table { header, rows: Vec::new() }
    }

    /// Adds a row: one cell a column. Cells are sanitised; an empty one shows `<none>`.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let cells = cells.into_iter().map(|cell| match sanitize::line(&cell) {
            cell if cell.is_empty() => NONE.to_owned(),
            cell => cell.into_owned(),
        });
        self.rows.push(cells.collect());
    }

    /// Whether the table has no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The lines of the table, each ended, without trailing spaces. Lines are never wrapped: `cut` and
    /// `awk` read them.
    pub fn to_lines(&self) -> String {
        let mut layout = Layout::new();
        layout.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        layout.set_header(&self.header);
        layout.add_rows(&self.rows);
        for column in layout.column_iter_mut() {
            column.set_padding((0, 3));
        }
        layout.lines().fold(String::new(), |lines, line| lines + line.trim_end() + "\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_like_kubectl() {
        let mut table = Table::new(["NAME", "STATE", "AGE"]);
        table.row(["orders".to_owned(), "RUNNING".to_owned(), "5m".to_owned()]);
        table.row(["größe-数".to_owned(), String::new(), "3d4h".to_owned()]);
        assert_eq!(
            table.to_lines(),
            "NAME       STATE     AGE\n\
             orders     RUNNING   5m\n\
             größe-数   <none>    3d4h\n"
        );
    }

    #[test]
    fn a_hostile_cell_stays_in_its_cell() {
        let mut table = Table::new(["NAME"]);
        table.row(["a\x1b[2J\nNAME".to_owned()]);
        assert_eq!(table.to_lines(), "NAME\na^[[2J\\nNAME\n");
    }
}
