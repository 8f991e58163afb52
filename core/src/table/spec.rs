//! The shape of a table.

use super::names::{is_plain, mistake};
use super::{ColumnType, Value};

/// One column.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ColumnSpec {
    /// The name in the database.
    pub name: &'static str,
    /// The type.
    pub column_type: ColumnType,
    /// Whether it can be null.
    pub nullable: bool,
}

impl ColumnSpec {
    /// A column.
    pub const fn new(name: &'static str, column_type: ColumnType, nullable: bool) -> Self {
        Self { name, column_type, nullable }
    }
}

/// One index, by the places of its columns.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IndexSpec {
    /// Places in [`TableSpec::columns`].
    pub columns: Vec<usize>,
    /// Whether two rows may not share the same values.
    pub unique: bool,
}

impl IndexSpec {
    /// An index.
    pub const fn new(columns: Vec<usize>, unique: bool) -> Self {
        Self { columns, unique }
    }
}

/// The shape of a table: what `#[derive(ReadModel)]` makes of a struct.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TableSpec {
    /// The name in the database.
    pub name: String,
    /// The columns, in order.
    pub columns: Vec<ColumnSpec>,
    /// The places of the key columns.
    pub key: Vec<usize>,
    /// The indexes beside the key's.
    pub indexes: Vec<IndexSpec>,
    /// Whether it is one of the framework's own, which stores make with their schema.
    pub own: bool,
}

/// PostgreSQL cuts longer names off, and two that begin alike would be the same.
const MAX_INDEX_NAME_BYTES: usize = 63;

/// How many columns one index has at the most: so many fit, however long their texts are.
const MAX_INDEX_COLUMNS: usize = 8;

/// A table that no store could make.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the table `{table}` cannot be used: {why}")]
pub struct InvalidTable {
    /// The table.
    pub table: String,
    /// What is wrong.
    pub why: String,
}

impl TableSpec {
    /// A table.
    pub fn new(
        name: impl Into<String>,
        columns: Vec<ColumnSpec>,
        key: Vec<usize>,
        indexes: Vec<IndexSpec>,
    ) -> Self {
        Self { name: name.into(), columns, key, indexes, own: false }
    }

    /// A table that the framework keeps for itself, beside those of read models. Its name begins with
    /// `annals_`, and its columns stand in the stores' migrations.
    pub fn own(name: impl Into<String>, columns: Vec<ColumnSpec>, key: Vec<usize>) -> Self {
        Self { own: true, ..Self::new(name, columns, key, Vec::new()) }
    }

    /// The same shape under another name.
    #[must_use]
    pub fn named(&self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self.clone() }
    }

    /// The place of a column.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// What an index of this table is called: unique ones are told by their name, so that one that
    /// is no longer unique is noticed.
    pub fn index_name(&self, index: &IndexSpec) -> String {
        let unique = if index.unique { "__UNIQUE" } else { "" };
        let named = |columns: Vec<String>, between: &str| {
            format!("{}{}{unique}", self.index_prefix(), columns.join(between))
        };
        let columns = index.columns.iter();
        let columns: Vec<_> = columns.filter_map(|&place| self.columns.get(place)).collect();
        let name = named(columns.iter().map(|column| column.name.to_owned()).collect(), "__");
        if name.len() <= MAX_INDEX_NAME_BYTES {
            return name;
        }
        named(index.columns.iter().map(usize::to_string).collect(), "_")
    }

    /// How the names of this table's indexes begin, and those of no other.
    pub fn index_prefix(&self) -> String {
        format!("{}__", self.name)
    }

    /// The index with this name.
    pub fn index_named(&self, name: &str) -> Option<&IndexSpec> {
        self.indexes.iter().find(|index| self.index_name(index) == name)
    }

    /// The key of a row of this table.
    pub fn key_of(&self, row: &[Value]) -> Vec<Value> {
        self.key.iter().map(|&place| row[place].clone()).collect()
    }

    /// What a store answers when the table is there, but with other columns. For authors of stores.
    pub fn has_other_columns(&self, said: impl std::fmt::Display) -> InvalidTable {
        InvalidTable {
            table: self.name.clone(),
            why: format!(
                "it has other columns than this program reads ({said}): most likely another version \
                 of the program keeps it now"
            ),
        }
    }

    /// The place of an integer column that rows are raised by. For authors of stores.
    ///
    /// # Errors
    /// [`InvalidTable`] when there is no such column, or it is no integer or may be null.
    pub fn raised_column(&self, name: &str) -> Result<usize, InvalidTable> {
        let place = self.column(name).filter(|&place| {
            let column = &self.columns[place];
            column.column_type == ColumnType::Integer && !column.nullable
        });
        place.ok_or_else(|| InvalidTable {
            table: self.name.clone(),
            why: format!("it has no integer column `{name}` that is never null"),
        })
    }

    /// Checks what stores rely on: names that are no SQL and not taken, a key, places that exist.
    ///
    /// # Errors
    /// [`InvalidTable`] with the first thing that is wrong.
    pub fn check(&self) -> Result<(), InvalidTable> {
        let refuse = |why: String| Err(InvalidTable { table: self.name.clone(), why });
        let is_own = self.own && is_plain(&self.name) && self.name.starts_with("annals_");
        if let Some(why) = mistake(&self.name).filter(|_| !is_own) {
            return refuse(why.to_owned());
        }
        if let Some(column) = self.columns.iter().find(|column| !is_plain(column.name)) {
            return refuse(format!("`{}` is no plain column name", column.name));
        }
        if self.key.is_empty() {
            return refuse("it has no key".to_owned());
        }
        if let Some(index) = self.indexes.iter().find(|i| i.columns.len() > MAX_INDEX_COLUMNS) {
            return refuse(format!(
                "an index has at most {MAX_INDEX_COLUMNS} columns, one has {}",
                index.columns.len()
            ));
        }
        let places = self.key.iter().chain(self.indexes.iter().flat_map(|index| &index.columns));
        match places.into_iter().find(|&&place| place >= self.columns.len()) {
            Some(place) => refuse(format!("there is no column number {place}")),
            None => Ok(()),
        }
    }
}
