//! What the store remembers of a projection: which generation of its tables serves, and which is
//! being built.

use annals_consumers::{PartitionId, PartitionRecord, hold, lock, partition, uncut};
use annals_core::Position;
use annals_core::store::Transaction;
use annals_core::table::TableSpec;
use serde::{Deserialize, Serialize};

use crate::error::ProjectionError;
use crate::owner::{self, TableRecord};
use crate::run::{Definition, Mode, Partitions};

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
    /// How the projection may be cut that fills them: by what its events are kept in order, and which rows
    /// an event may touch.
    #[serde(default)]
    pub(crate) partitions: Partitions,
}

/// Kept as JSON under the key `projection/<name>`.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Generations {
    /// Whom readers see.
    pub(crate) active: Option<Generation>,
    /// What a rebuild is filling.
    pub(crate) building: Option<Generation>,
    /// What served before, of another version; kept until told otherwise.
    #[serde(default)]
    pub(crate) previous: Option<Generation>,
    /// The version that was taken back. Programs of it wait until they are told to build again.
    #[serde(default)]
    pub(crate) rolled_back: Option<u32>,
    /// The last number that was given out.
    pub(crate) last: u64,
}

impl Generation {
    /// The checkpoint that appends move which bring their effects along.
    pub(crate) fn inline_checkpoint(&self, projection: &str) -> String {
        let (consumer, generation) = (projection.to_owned(), self.number);
        PartitionId { consumer, generation, epoch: 1, part: 0 }.checkpoint()
    }

    /// Each table as it is called, and as it really is.
    pub(crate) fn real(&self, tables: &[TableSpec]) -> Vec<(TableSpec, TableSpec)> {
        let real = |table: &TableSpec| (table.clone(), table.named(real_name(table, self.number)));
        tables.iter().map(real).collect()
    }

    /// Makes sure that what fills it is what a program of its version declares now.
    pub(crate) fn fits(&self, definition: &Definition) -> Result<(), ProjectionError> {
        let (projection, version) = (definition.name.clone(), self.version);
        if self.shape != shape(&definition.tables) {
            let table = definition.tables.first();
            let table = table.map(|table| table.name.clone()).unwrap_or_default();
            return Err(ProjectionError::ShapeChanged { projection, table, version });
        }
        if self.partitions != definition.partitions {
            let (was, is) = (self.partitions, definition.partitions);
            return Err(ProjectionError::PartitionsChanged { projection, version, was, is });
        }
        Ok(())
    }

    /// Makes sure that appends can move it on, if they are to: they move one checkpoint.
    pub(crate) fn fits_appends(
        &self,
        definition: &Definition,
        parts: &[(PartitionRecord, Option<Position>)],
    ) -> Result<(), ProjectionError> {
        let (projection, version) = (definition.name.clone(), self.version);
        let inline = self.inline_checkpoint(&projection);
        let mut parts = parts.iter();
        match definition.mode {
            Mode::Inline if parts.any(|(part, _)| part.id().checkpoint() != inline) => {
                Err(ProjectionError::CutAnew { projection, version })
            }
            _ => Ok(()),
        }
    }

    /// The names under which its tables are read.
    pub(crate) fn shown_as(&self) -> impl Iterator<Item = &str> {
        let suffix = format!("__{}", self.number);
        self.tables.iter().map(move |real| real.strip_suffix(&suffix).unwrap_or(real))
    }
}

impl Generations {
    pub(crate) fn key(projection: &str) -> String {
        format!("projection/{projection}")
    }

    pub(crate) fn parse(text: Option<&str>, projection: &str) -> Result<Self, ProjectionError> {
        let Some(text) = text else { return Ok(Self::default()) };
        serde_json::from_str(text).map_err(|error| unreadable(projection, &error))
    }

    pub(crate) async fn read(
        transaction: &mut dyn Transaction,
        projection: &str,
    ) -> Result<Self, ProjectionError> {
        let text = transaction.state(&Self::key(projection)).await?;
        Self::parse(text.as_deref(), projection)
    }

    /// Reads them in order to change them: the consumer is locked too, before any of its checkpoints.
    pub(crate) async fn take(
        transaction: &mut dyn Transaction,
        projection: &str,
    ) -> Result<Self, ProjectionError> {
        let generations = Self::read(transaction, projection).await?;
        lock(transaction, projection).await?;
        Ok(generations)
    }

    /// Refuses a program that is older than the one that keeps the read model, or is about to.
    pub(crate) fn may_rebuild(&self, definition: &Definition) -> Result<(), ProjectionError> {
        let (projection, own) = (definition.name.clone(), definition.version);
        let newer = |generation: &Option<Generation>| {
            generation.as_ref().map(|known| known.version).filter(|version| *version > own)
        };
        if let Some(active) = newer(&self.active) {
            return Err(ProjectionError::Superseded { projection, active, own });
        }
        if let Some(building) = newer(&self.building) {
            return Err(ProjectionError::BeingReplaced { projection, building, own });
        }
        Ok(())
    }

    pub(crate) async fn write(
        &self,
        transaction: &mut dyn Transaction,
        projection: &str,
    ) -> Result<(), ProjectionError> {
        let text = serde_json::to_string(self).map_err(|error| unreadable(projection, &error))?;
        Ok(transaction.put_state(&Self::key(projection), &text).await?)
    }

    /// A new generation, with its tables made and its partitions at the start. The tables must
    /// belong to the projection.
    pub(crate) async fn begin(
        &mut self,
        transaction: &mut dyn Transaction,
        definition: &Definition,
    ) -> Result<Generation, ProjectionError> {
        let Definition { name, version, tables, parts, .. } = definition;
        // A number is given out once a table, whoever has kept it before.
        let number = owner::next_number(transaction, tables, self.last).await?;
        self.last = number;
        let generation = Generation {
            number,
            version: *version,
            shape: shape(tables),
            tables: tables.iter().map(|table| real_name(table, number)).collect(),
            partitions: definition.partitions,
        };
        for (_, real) in generation.real(tables) {
            // Left over from a store whose records were removed by hand.
            transaction.drop_table(&real.name).await?;
            transaction.create_table(&real).await?;
        }
        partition(transaction, (name, number, 1), *version, *parts, Position::START).await?;
        Ok(generation)
    }

    /// Makes a generation the one that readers see. The one before it is kept if it is of another
    /// version, and removed otherwise: its views first, because a table that is shown cannot go. Tables
    /// that are no longer kept are given up.
    pub(crate) async fn activate(
        &mut self,
        transaction: &mut dyn Transaction,
        projection: &str,
        generation: Generation,
        tables: &[TableSpec],
    ) -> Result<(), ProjectionError> {
        self.show(transaction, projection, &generation, tables).await?;
        if let Some(old) = self.active.take() {
            if old.version == generation.version {
                old.discard(transaction, projection).await?;
            } else {
                if let Some(oldest) = self.previous.take() {
                    oldest.discard(transaction, projection).await?;
                }
                hold(transaction, (projection, old.number), true).await?;
                self.previous = Some(old);
            }
        }
        self.active = Some(generation);
        Ok(())
    }

    /// Lets readers see a generation in place of the active one.
    pub(crate) async fn show(
        &self,
        transaction: &mut dyn Transaction,
        projection: &str,
        generation: &Generation,
        tables: &[TableSpec],
    ) -> Result<(), ProjectionError> {
        for (table, real) in generation.real(tables) {
            transaction.point_view(&table.name, &real).await?;
            TableRecord::show(transaction, projection, generation, &table).await?;
        }
        let shown = self.active.iter().flat_map(Generation::shown_as);
        for shown in shown.filter(|shown| !tables.iter().any(|table| table.name == *shown)) {
            if TableRecord::give_up(transaction, projection, shown).await? {
                transaction.drop_view(shown).await?;
            }
        }
        Ok(())
    }
}

impl Generation {
    /// Removes its tables, which nobody may see any more, and its partitions.
    pub(crate) async fn discard(
        &self,
        transaction: &mut dyn Transaction,
        projection: &str,
    ) -> Result<(), ProjectionError> {
        // Whoever is writing a batch of it comes first; the next batch finds no checkpoint.
        uncut(transaction, (projection, self.number)).await?;
        for table in &self.tables {
            transaction.drop_table(table).await?;
        }
        Ok(())
    }
}

pub(crate) fn unreadable(projection: &str, error: &serde_json::Error) -> ProjectionError {
    ProjectionError::Record { projection: projection.to_owned(), why: error.to_string() }
}

/// `balances__3`
fn real_name(table: &TableSpec, generation: u64) -> String {
    format!("{}__{generation}", table.name)
}

/// The columns and keys of tables as text; indexes do not count, they are made and removed in place.
pub(crate) fn shape(tables: &[TableSpec]) -> String {
    tables.iter().map(table_shape).collect::<Vec<_>>().join("; ")
}

/// The same of one table.
pub(crate) fn table_shape(table: &TableSpec) -> String {
    let columns = table.columns.iter().enumerate().map(|(place, column)| {
        let key = if table.key.contains(&place) { " key" } else { "" };
        let null = if column.nullable { " null" } else { "" };
        format!("{} {:?}{null}{key}", column.name, column.column_type)
    });
    format!("{} ({})", table.name, columns.collect::<Vec<_>>().join(", "))
}
