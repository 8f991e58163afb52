//! The SQL for read models, whose shape is only known at run time. Every name in it has passed
//! [`TableSpec::check`], which admits nothing but a-z, 0-9 and _.

use std::fmt::Write;

use annals_core::table::{
    ColumnType, Comparison, Direction, IndexSpec, RowQuery, TableSpec, Value,
};

use crate::connection::DECIMAL_COLLATION;

pub(crate) fn create_table(table: &TableSpec) -> String {
    let mut sql = format!("CREATE TABLE IF NOT EXISTS \"{}\" (", table.name);
    for column in &table.columns {
        let null = if column.nullable { "" } else { " NOT NULL" };
        // Writing to a String cannot fail.
        let _ = write!(sql, "\"{}\" {}{null}, ", column.name, declared(column.column_type));
    }
    let _ = write!(sql, "PRIMARY KEY ({})) STRICT, WITHOUT ROWID", names(table, &table.key));
    sql
}

pub(crate) fn create_index(table: &TableSpec, index: &IndexSpec) -> String {
    let unique = if index.unique { "UNIQUE " } else { "" };
    format!(
        "CREATE {unique}INDEX IF NOT EXISTS \"{}\" ON \"{}\" ({})",
        table.index_name(index),
        table.name,
        names(table, &index.columns)
    )
}

pub(crate) fn create_view(view: &str, table: &TableSpec) -> String {
    let all: Vec<usize> = (0..table.columns.len()).collect();
    format!("CREATE VIEW \"{view}\" AS SELECT {} FROM \"{}\"", names(table, &all), table.name)
}

pub(crate) fn load(table: &TableSpec) -> String {
    format!("{} WHERE {}", select(table), key_equals(table))
}

pub(crate) fn delete(table: &TableSpec) -> String {
    format!("DELETE FROM \"{}\" WHERE {}", table.name, key_equals(table))
}

pub(crate) fn upsert(table: &TableSpec) -> String {
    write(table, "")
}

/// The same, but a row that is there stays unless its number in a column is smaller.
pub(crate) fn raise(table: &TableSpec, place: usize) -> String {
    let column = table.columns[place].name;
    write(table, &format!(" WHERE \"{}\".\"{column}\" < excluded.\"{column}\"", table.name))
}

fn write(table: &TableSpec, only: &str) -> String {
    let all: Vec<usize> = (0..table.columns.len()).collect();
    let binds: Vec<String> = all.iter().map(|place| format!("?{}", place + 1)).collect();
    let sets: Vec<String> = all
        .iter()
        // A decimal in the key is the same with another scale, and the last one counts.
        .filter(|&&place| {
            let is_decimal = table.columns[place].column_type == ColumnType::Decimal;
            is_decimal || !table.key.contains(&place)
        })
        .map(|&place| {
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
        "INSERT INTO \"{}\" ({}) VALUES ({}) ON CONFLICT ({}) DO {update}",
        table.name,
        names(table, &all),
        binds.join(", "),
        names(table, &table.key)
    )
}

/// The rows of a query, its values to be bound in the order of its conditions. The columns must
/// have been checked to exist.
pub(crate) fn query(table: &TableSpec, query: &RowQuery) -> String {
    let mut order: Vec<String> = query
        .order
        .iter()
        .map(|(column, direction)| {
            let direction = match direction {
                Direction::Ascending => "ASC",
                Direction::Descending => "DESC",
            };
            format!("\"{column}\" {direction}")
        })
        .collect();
    order.extend(table.key.iter().map(|&place| format!("\"{}\"", table.columns[place].name)));
    format!(
        "{}{} ORDER BY {} LIMIT {} OFFSET {}",
        select(table),
        conditions(query),
        order.join(", "),
        query.limit,
        query.offset
    )
}

pub(crate) fn count(table: &TableSpec, query: &RowQuery) -> String {
    format!("SELECT count(*) FROM \"{}\"{}", table.name, conditions(query))
}

fn conditions(query: &RowQuery) -> String {
    let mut sql = String::new();
    for (condition, n) in query.conditions.iter().zip(1..) {
        let joint = if n == 1 { " WHERE" } else { " AND" };
        let operator = match (condition.comparison, &condition.value) {
            (Comparison::Equal, Value::Null) => "IS",
            (Comparison::Equal, _) => "=",
            (Comparison::NotEqual, _) => "IS NOT",
            (Comparison::Less, _) => "<",
            (Comparison::LessOrEqual, _) => "<=",
            (Comparison::Greater, _) => ">",
            (Comparison::GreaterOrEqual, _) => ">=",
        };
        // Writing to a String cannot fail.
        let _ = write!(sql, "{joint} \"{}\" {operator} ?{n}", condition.column);
    }
    sql
}

fn select(table: &TableSpec) -> String {
    let all: Vec<usize> = (0..table.columns.len()).collect();
    format!("SELECT {} FROM \"{}\"", names(table, &all), table.name)
}

fn key_equals(table: &TableSpec) -> String {
    let keys = table.key.iter().zip(1..);
    let equals = keys.map(|(&place, n)| format!("\"{}\" = ?{n}", table.columns[place].name));
    equals.collect::<Vec<_>>().join(" AND ")
}

fn names(table: &TableSpec, places: &[usize]) -> String {
    let names = places.iter().map(|&place| format!("\"{}\"", table.columns[place].name));
    names.collect::<Vec<_>>().join(", ")
}

/// Decimals are kept as text, and compared, sorted and told apart by their size.
fn declared(column_type: ColumnType) -> String {
    match column_type {
        ColumnType::Integer | ColumnType::Boolean => "INTEGER".to_owned(),
        ColumnType::Float => "REAL".to_owned(),
        ColumnType::Decimal => format!("TEXT COLLATE {DECIMAL_COLLATION}"),
        _ => "TEXT".to_owned(),
    }
}
