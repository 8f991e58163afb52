//! Tables without borders: a header, a line, rows.

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};

const STYLE: TableStyle =
    TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// A column's title, and where its cells stand.
#[derive(Clone, Copy)]
pub(crate) enum Column {
    Text(&'static str),
    Number(&'static str),
}

pub(crate) fn table(columns: &[Column], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(STYLE).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(columns.iter().map(|column| match column {
        Column::Text(title) | Column::Number(title) => *title,
    }));
    for row in rows {
        table.add_row(row.iter().map(|cell| plain(cell)));
    }
    for (column, place) in columns.iter().zip(0..) {
        if let (Column::Number(_), Some(column)) = (column, table.column_mut(place)) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt()
}

/// At most 44 characters, none of which moves the cursor: names come from files.
pub(super) fn plain(text: &str) -> String {
    text.trim().chars().filter(|c| !c.is_control()).take(44).collect()
}
