//! All projections of a process.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use annals_core::store::StoreError;
use annals_core::{Journal, Position};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::definition::{Definition, Mode};
use super::gate::Gate;
use super::handle::{RebuildError, RebuildHandle};
use super::runner::supervise;
use super::shared::{RunnerOptions, Shared};
use super::status::Status;
use crate::error::{ProjectionError, WaitError};
use crate::form::Projection;
use crate::live::Live;
use crate::read_model::{Query, ReadModel};

/// The projections of a process, running. When it is dropped, they stop.
pub struct Projections {
    journal: Journal,
    by_name: HashMap<&'static str, Arc<Shared>>,
    by_table: HashMap<String, Arc<Shared>>,
    stop: watch::Sender<bool>,
    runners: Mutex<Vec<JoinHandle<()>>>,
}

impl Projections {
    /// Makes the tables of every projection, catches up those that are inline, and starts those
    /// that are not.
    ///
    /// # Errors
    /// [`ProjectionError`] when the events, the names or the tables of one do not fit the store.
    pub async fn start(
        journal: Journal,
        definitions: Vec<Definition>,
        options: RunnerOptions,
    ) -> Result<Self, ProjectionError> {
        let (stop, stopping) = watch::channel(false);
        let mut projections = Self {
            journal: journal.clone(),
            by_name: HashMap::new(),
            by_table: HashMap::new(),
            stop,
            runners: Mutex::default(),
        };
        for definition in definitions {
            definition
                .register(&journal)
                .await
                .map_err(|error| ProjectionError::Register(Arc::new(error)))?;
            let shared = Shared::new(definition, journal.clone(), options.clone());
            projections.add(&shared)?;
            match shared.definition.mode {
                Mode::Inline => shared.start_inline().await?,
                Mode::Async => {
                    match shared.set_up().await {
                        // The runner says so in its status, and looks again from time to time.
                        Ok(_) | Err(ProjectionError::Superseded { .. }) => {}
                        Err(error) => return Err(error),
                    }
                    let runner = tokio::spawn(supervise(shared, stopping.clone()));
                    projections.runners().push(runner);
                }
            }
        }
        Ok(projections)
    }

    fn add(&mut self, shared: &Arc<Shared>) -> Result<(), ProjectionError> {
        let definition = &shared.definition;
        let refuse = |why| Err(ProjectionError::Store(StoreError::Invalid { why }));
        if definition.name.is_empty() || definition.name.len() > 40 {
            return refuse(format!(
                "a projection's name has 1 to 40 characters, `{}` has {}",
                definition.name,
                definition.name.len()
            ));
        }
        if self.by_name.insert(definition.name, shared.clone()).is_some() {
            return refuse(format!("two projections are named `{}`", definition.name));
        }
        for table in &definition.tables {
            if let Some(other) = self.by_table.insert(table.name.clone(), shared.clone()) {
                return refuse(format!(
                    "`{}` and `{}` both keep the table `{}`",
                    other.definition.name, definition.name, table.name
                ));
            }
        }
        Ok(())
    }

    fn runners(&self) -> std::sync::MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.runners.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A query on a read model.
    pub fn read<M: ReadModel>(&self) -> Query<M> {
        let gate = self.by_table.get(&M::table().name).map(|shared| Gate(shared.clone()));
        Query::new(self.journal.store().clone(), gate)
    }

    /// A projection folded on demand, with nothing stored.
    pub fn live<P: Projection>(&self) -> Live<P> {
        Live::new(self.journal.store().clone())
    }

    /// Rebuilds a projection from history, beside the tables that serve. A rebuild that was
    /// cancelled or crashed goes on where it stood. Awaiting the handle returns
    /// [`RebuildError::NotProjected`] or [`RebuildError::AlreadyRunning`] if it could not begin.
    ///
    /// Must be called within a Tokio runtime.
    pub fn rebuild(&self, projection: &'static str) -> RebuildHandle {
        let begun = match self.by_name.get(projection) {
            Some(shared) => shared.rebuild(),
            None => Err(RebuildError::NotProjected { projection }),
        };
        begun.unwrap_or_else(|error| RebuildHandle::failed(projection, error))
    }

    /// Waits until every projection has taken in everything up to a position.
    ///
    /// # Errors
    /// [`WaitError`] of the first that did not get there in time.
    pub async fn wait_for(&self, position: Position, timeout: Duration) -> Result<(), WaitError> {
        let begun = tokio::time::Instant::now();
        for shared in self.by_name.values() {
            let left = timeout.saturating_sub(begun.elapsed());
            Gate(shared.clone()).wait_for(position, left).await?;
        }
        Ok(())
    }

    /// How each projection is doing, by name.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn status(&self) -> Result<Vec<Status>, StoreError> {
        let mut all = Vec::new();
        for shared in self.by_name.values() {
            all.push(shared.status().await?);
        }
        all.sort_by_key(|status| status.name);
        Ok(all)
    }

    /// Stops all projections after writing what they have folded.
    pub async fn stop(&self) {
        self.stop.send_replace(true);
        let runners: Vec<_> = self.runners().drain(..).collect();
        for runner in runners {
            // A runner catches its panics itself; an error means that the runtime is going down.
            let _ = runner.await;
        }
    }
}

impl fmt::Debug for Projections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Projections").field("names", &self.by_name.keys()).finish_non_exhaustive()
    }
}
