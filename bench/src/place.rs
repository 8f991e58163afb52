//! Where one side of a comparison keeps its events, and how that is emptied and removed again.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::Failure;
use crate::schema::Schema;
use crate::store::StoreChoice;
use crate::task::Subject;

/// A place, as a task names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Target {
    Memory,
    Sqlite { directory: PathBuf },
    Postgres { url: String, schema: String },
}

/// A place of this process, which is gone when this is dropped.
pub(crate) enum Place {
    Memory,
    Files(TempDir),
    Schema(Schema),
}

impl Place {
    pub(crate) fn new(
        store: &StoreChoice,
        subject: Subject,
        directory: Option<&Path>,
    ) -> Result<Self, Failure> {
        match store {
            StoreChoice::Memory => Ok(Self::Memory),
            StoreChoice::Sqlite => Ok(Self::Files(new_directory(directory)?)),
            StoreChoice::Postgres(url) => Ok(Self::Schema(Schema::new(url, subject)?)),
        }
    }

    pub(crate) fn target(&self) -> Target {
        match self {
            Self::Memory => Target::Memory,
            Self::Files(directory) => Target::Sqlite { directory: directory.path().to_owned() },
            Self::Schema(schema) => {
                Target::Postgres { url: schema.url.clone(), schema: schema.name.clone() }
            }
        }
    }

    pub(crate) fn empty(&self) -> Result<(), Failure> {
        match self {
            Self::Memory => {}
            Self::Files(directory) => {
                for file in std::fs::read_dir(directory.path())? {
                    std::fs::remove_file(file?.path())?;
                }
            }
            Self::Schema(schema) => schema.empty()?,
        }
        Ok(())
    }

    /// Lets the database know what a history is like that was just made.
    pub(crate) fn settle(&self) -> Result<(), Failure> {
        match self {
            Self::Memory | Self::Files(_) => Ok(()),
            Self::Schema(schema) => schema.settle(),
        }
    }
}

fn new_directory(parent: Option<&Path>) -> Result<TempDir, Failure> {
    let mut builder = tempfile::Builder::new();
    let builder = builder.prefix("annals-bench-");
    match parent {
        None => Ok(builder.tempdir()?),
        Some(parent) => builder.tempdir_in(parent).map_err(|error| {
            format!("no files can be made in {}: {error}", parent.display()).into()
        }),
    }
}
