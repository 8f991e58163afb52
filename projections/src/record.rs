//! What the store remembers of a projection: which generation of its tables serves, and which is
//! being built.

use annals_core::store::Transaction;
use annals_core::table::TableSpec;
use serde::{Deserialize, Serialize};

use crate::error::ProjectionError;

/// One generation of a projection's tables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Generation {
    /// 1, 2, 3, …; part of the real names of the tables.
    pub(crate) number: u64,
    /// The projection's version that fills them.
    pub(crate) version: u32,
    /// Their shape, so that a change is noticed.
    pub(crate) shape: String,
    /// Their real names.
    pub(crate) tables: Vec<String>,
}

/// Kept as JSON under the key `projection/<name>`.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// Whom readers see.
    pub(crate) active: Option<Generation>,
    /// What a rebuild is filling.
    pub(crate) building: Option<Generation>,
    /// The last number that was given out.
    pub(crate) last: u64,
}

impl Generation {
    /// The checkpoint's name.
    pub(crate) fn checkpoint(&self, projection: &str) -> String {
        format!("projection/{projection}/{}", self.number)
    }

    /// Each table as it is called, and as it really is.
    pub(crate) fn real(&self, tables: &[TableSpec]) -> Vec<(TableSpec, TableSpec)> {
        let real = |table: &TableSpec| (table.clone(), table.named(real_name(table, self.number)));
        tables.iter().map(real).collect()
    }
}

impl Record {
    pub(crate) fn key(projection: &str) -> String {
        format!("projection/{projection}")
    }

    pub(crate) fn parse(
        text: Option<&str>,
        projection: &'static str,
    ) -> Result<Self, ProjectionError> {
        let Some(text) = text else { return Ok(Self::default()) };
        serde_json::from_str(text)
            .map_err(|error| ProjectionError::Record { projection, why: error.to_string() })
    }

    pub(crate) async fn read(
        transaction: &mut dyn Transaction,
        projection: &'static str,
    ) -> Result<Self, ProjectionError> {
        let text = transaction.state(&Self::key(projection)).await?;
        Self::parse(text.as_deref(), projection)
    }

    pub(crate) async fn write(
        &self,
        transaction: &mut dyn Transaction,
        projection: &'static str,
    ) -> Result<(), ProjectionError> {
        let text = serde_json::to_string(self)
            .map_err(|error| ProjectionError::Record { projection, why: error.to_string() })?;
        Ok(transaction.put_state(&Self::key(projection), &text).await?)
    }

    /// A new generation, with its tables made and its checkpoint at the start.
    pub(crate) async fn begin(
        &mut self,
        transaction: &mut dyn Transaction,
        projection: &'static str,
        version: u32,
        tables: &[TableSpec],
    ) -> Result<Generation, ProjectionError> {
        self.last += 1;
        let number = self.last;
        let generation = Generation {
            number,
            version,
            shape: shape(tables),
            tables: tables.iter().map(|table| real_name(table, number)).collect(),
        };
        for (_, real) in generation.real(tables) {
            // Left over from a program that was told to forget about it.
            transaction.drop_table(&real.name).await?;
            transaction.create_table(&real).await?;
        }
        let checkpoint = generation.checkpoint(projection);
        transaction.set_checkpoint(&checkpoint, annals_core::Position::START).await?;
        Ok(generation)
    }
}

/// `balances__3`
fn real_name(table: &TableSpec, generation: u64) -> String {
    format!("{}__{generation}", table.name)
}

/// The columns and keys of tables as text; indexes do not count, they can be added in place.
pub(crate) fn shape(tables: &[TableSpec]) -> String {
    let columns = |table: &TableSpec| {
        let columns = table.columns.iter().enumerate().map(|(place, column)| {
            let key = if table.key.contains(&place) { " key" } else { "" };
            let null = if column.nullable { " null" } else { "" };
            format!("{} {:?}{null}{key}", column.name, column.column_type)
        });
        format!("{} ({})", table.name, columns.collect::<Vec<_>>().join(", "))
    };
    tables.iter().map(columns).collect::<Vec<_>>().join("; ")
}
