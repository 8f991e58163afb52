//! The SQL for read models, whose shape is only known at run time. Every name in it has passed
//! [`TableSpec::check`], which admits nothing but a-z, 0-9 and _.

use std::fmt::Write;

use annals_core::store::StoreError;
use annals_core::table::{
    ColumnSpec, ColumnType, Comparison, Condition, Direction, IndexSpec, RowQuery, TableSpec, Value,
};

use crate::statements::Schema;
use crate::value::{array_type, column_type};

pub(crate) fn create_table(schema: &Schema, table: &TableSpec) -> String {
    let mut sql = format!("CREATE TABLE IF NOT EXISTS {} (", place(schema, &table.name));
    for column in &table.columns {
        let null = if column.nullable { "" } else { " NOT NULL" };
        // Writing to a String cannot fail.
        let _ = write!(sql, "\"{}\" {}{null}, ", column.name, column_type(column.column_type));
    }
    // Rows change often and in place.
    let _ = write!(sql, "PRIMARY KEY ({})) WITH (fillfactor = 80)", names(table, &table.key));
    sql
}

pub(crate) fn create_index(schema: &Schema, table: &TableSpec, index: &IndexSpec) -> String {
    let unique = if index.unique { "UNIQUE " } else { "" };
    let mut columns: Vec<String> = Vec::new();
    for &place in &index.columns {
        let column = sortable(table, table.columns[place].name);
        columns.push(if is_text(table, place) { beginning(&column) } else { column });
    }
    if index.unique {
        let texts = index.columns.iter().filter(|&&place| is_text(table, place));
        let whole = texts.map(|&place| {
            format!("{}.text_key({})", schema.0, sortable(table, table.columns[place].name))
        });
        columns.extend(whole);
    }
    // As queries sort.
    let columns: Vec<String> =
        columns.iter().map(|column| format!("{column} NULLS FIRST")).collect();
    format!(
        "CREATE {unique}INDEX IF NOT EXISTS \"{}\" ON {} ({})",
        table.index_name(index),
        place(schema, &table.name),
        columns.join(", ")
    )
}

/// How many characters of a text stand in an index: an entry has to fit on a page, a text need not.
/// Queries compare the beginning too, so that they find the index. A unique index tells the texts
/// apart by a hash of the whole.
const INDEXED_CHARACTERS: u32 = 64;

fn beginning(text: &str) -> String {
    format!("left({text}, {INDEXED_CHARACTERS})")
}

fn is_text(table: &TableSpec, place: usize) -> bool {
    matches!(table.columns[place].column_type, ColumnType::Text | ColumnType::Json)
}

/// Whether the beginning of this column stands in an index.
fn is_indexed_text(table: &TableSpec, column: &str) -> bool {
    table.column(column).is_some_and(|place| {
        is_text(table, place) && table.indexes.iter().any(|index| index.columns.contains(&place))
    })
}

pub(crate) fn create_view(schema: &Schema, view: &str, table: &TableSpec) -> String {
    format!(
        "CREATE OR REPLACE VIEW {} AS SELECT {} FROM {}",
        place(schema, view),
        names(table, &all(table)),
        place(schema, &table.name)
    )
}

/// The rows with the keys that are bound as one array a key column.
pub(crate) fn load(schema: &Schema, table: &TableSpec) -> String {
    let columns =
        all(table).into_iter().map(|place| format!("t.\"{}\"", table.columns[place].name));
    let columns: Vec<String> = columns.collect();
    format!(
        "SELECT {} FROM {} t JOIN {}",
        columns.join(", "),
        place(schema, &table.name),
        keys(table)
    )
}

pub(crate) fn delete(schema: &Schema, table: &TableSpec) -> String {
    let keys = keys(table);
    let keys = keys.replacen(" ON ", " WHERE ", 1);
    format!("DELETE FROM {} t USING {keys}", place(schema, &table.name))
}

/// Inserts or replaces rows that are bound as one array a column.
pub(crate) fn upsert(schema: &Schema, table: &TableSpec) -> String {
    write(schema, table, "")
}

/// The same, but a row that is there stays unless its number in a column is smaller.
pub(crate) fn raise(schema: &Schema, table: &TableSpec, place: usize) -> String {
    let column = table.columns[place].name;
    write(schema, table, &format!(" WHERE t.\"{column}\" < excluded.\"{column}\""))
}

fn write(schema: &Schema, table: &TableSpec, only: &str) -> String {
    let values = table.columns.iter().zip(1..).map(|(column, n)| match column.column_type {
        ColumnType::Json => format!("v.c{n}::json"),
        _ => format!("v.c{n}"),
    });
    let values: Vec<String> = values.collect();
    let sets: Vec<String> = all(table)
        .into_iter()
        // A decimal in the key is the same with another scale, and the last one counts.
        .filter(|place| {
            let is_decimal = table.columns[*place].column_type == ColumnType::Decimal;
            is_decimal || !table.key.contains(place)
        })
        .map(|place| {
            let name = table.columns[place].name;
            format!("\"{name}\" = excluded.\"{name}\"")
        })
        .collect();
    let update = if sets.is_empty() {
        "NOTHING".to_owned()
    } else {
        format!("UPDATE SET {}{only}", sets.join(", "))
    };
    format!(
        "INSERT INTO {} AS t ({}) SELECT {} FROM {} ON CONFLICT ({}) DO {update}",
        place(schema, &table.name),
        names(table, &all(table)),
        values.join(", "),
        arrays(table, &all(table), "v"),
        names(table, &table.key)
    )
}

/// The rows of a query, its values to be bound in the order of its conditions. The columns must
/// have been checked to exist.
pub(crate) fn query(schema: &Schema, table: &TableSpec, query: &RowQuery) -> String {
    let mut order: Vec<String> = query
        .order
        .iter()
        .map(|(column, direction)| {
            // Null comes first, as the smallest value.
            let direction = match direction {
                Direction::Ascending => "ASC NULLS FIRST",
                Direction::Descending => "DESC NULLS LAST",
            };
            let whole = sortable(table, column);
            if is_indexed_text(table, column) {
                // The same order, as the index has it.
                format!("{} {direction}, {whole} {direction}", beginning(&whole))
            } else {
                format!("{whole} {direction}")
            }
        })
        .collect();
    order.extend(table.key.iter().map(|&place| sortable(table, table.columns[place].name)));
    format!(
        "SELECT {} FROM {}{} ORDER BY {} LIMIT {} OFFSET {}",
        names(table, &all(table)),
        place(schema, &table.name),
        conditions(table, query),
        order.join(", "),
        query.limit,
        query.offset
    )
}

pub(crate) fn count(schema: &Schema, table: &TableSpec, query: &RowQuery) -> String {
    format!("SELECT count(*) FROM {}{}", place(schema, &table.name), conditions(table, query))
}

/// The conditions whose values are bound; null is written out.
pub(crate) fn bound(query: &RowQuery) -> impl Iterator<Item = &Condition> {
    query.conditions.iter().filter(|condition| condition.value != Value::Null)
}

fn conditions(table: &TableSpec, query: &RowQuery) -> String {
    let mut sql = String::new();
    let mut n = 0;
    for condition in &query.conditions {
        let joint = if sql.is_empty() { " WHERE" } else { " AND" };
        let column = sortable(table, condition.column);
        let test = match (condition.comparison, &condition.value) {
            (Comparison::Equal, Value::Null) => "IS NULL".to_owned(),
            (Comparison::NotEqual, Value::Null) => "IS NOT NULL".to_owned(),
            // Nothing is less or greater than null.
            (_, Value::Null) => "IS NULL AND false".to_owned(),
            (comparison, _) => {
                n += 1;
                let operator = match comparison {
                    Comparison::Equal => "=",
                    Comparison::NotEqual => "IS DISTINCT FROM",
                    Comparison::Less => "<",
                    Comparison::LessOrEqual => "<=",
                    Comparison::Greater => ">",
                    Comparison::GreaterOrEqual => ">=",
                };
                let by_index = match comparison {
                    Comparison::Equal => Some("="),
                    Comparison::NotEqual => None,
                    Comparison::Less | Comparison::LessOrEqual => Some("<="),
                    Comparison::Greater | Comparison::GreaterOrEqual => Some(">="),
                };
                match by_index.filter(|_| is_indexed_text(table, condition.column)) {
                    // What holds for the whole holds for the beginning too.
                    Some(of_beginning) => format!(
                        "{operator} ${n} AND {} {of_beginning} {}",
                        beginning(&column),
                        beginning(&format!("${n}"))
                    ),
                    None => format!("{operator} ${n}"),
                }
            }
        };
        // Writing to a String cannot fail.
        let _ = write!(sql, "{joint} {column} {test}");
    }
    sql
}

/// `unnest(…) AS k (c1, …) ON t."key" = k.c1 AND …`
fn keys(table: &TableSpec) -> String {
    let equals = table
        .key
        .iter()
        .zip(1..)
        .map(|(&place, n)| format!("t.\"{}\" = k.c{n}", table.columns[place].name));
    let equals: Vec<String> = equals.collect();
    format!("{} ON {}", arrays(table, &table.key, "k"), equals.join(" AND "))
}

/// Columns that are bound as arrays, as a table.
fn arrays(table: &TableSpec, places: &[usize], alias: &str) -> String {
    let binds = places.iter().zip(1..).map(|(&place, n)| {
        let item = array_type(table.columns[place].column_type);
        format!("${n}::{}", item.name().trim_start_matches('_')) + "[]"
    });
    let binds: Vec<String> = binds.collect();
    let columns: Vec<String> = (1..=places.len()).map(|n| format!("c{n}")).collect();
    format!("unnest({}) AS {alias} ({})", binds.join(", "), columns.join(", "))
}

fn all(table: &TableSpec) -> Vec<usize> {
    (0..table.columns.len()).collect()
}

fn names(table: &TableSpec, places: &[usize]) -> String {
    let names = places.iter().map(|&place| format!("\"{}\"", table.columns[place].name));
    names.collect::<Vec<_>>().join(", ")
}

fn place(schema: &Schema, name: &str) -> String {
    format!("{}.\"{name}\"", schema.quoted())
}

/// A column as it is to be compared and sorted: JSON has no order of its own.
fn sortable(table: &TableSpec, column: &str) -> String {
    let json = table
        .column(column)
        .is_some_and(|place| table.columns[place].column_type == ColumnType::Json);
    if json { format!("(\"{column}\"::text COLLATE \"C\")") } else { format!("\"{column}\"") }
}

pub(crate) fn drop_view(schema: &Schema, view: &str) -> String {
    format!("DROP VIEW IF EXISTS {}", place(schema, view))
}

/// The name must have been read from the database, or made by [`TableSpec::index_name`].
pub(crate) fn drop_index(schema: &Schema, index: &str) -> String {
    format!("DROP INDEX {}", place(schema, index))
}

/// # Errors
/// [`StoreError::Invalid`] when the name is not plain.
pub(crate) fn drop_table(schema: &Schema, name: &str) -> Result<String, StoreError> {
    let column = ColumnSpec::new("name", ColumnType::Text, false);
    let plain = TableSpec::new(name, vec![column], vec![0], Vec::new());
    plain.check().map_err(|error| StoreError::Invalid { why: error.to_string() })?;
    Ok(format!("DROP TABLE IF EXISTS {}", place(schema, name)))
}
