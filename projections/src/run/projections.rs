//! All projections of a process.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use annals_core::store::{StoreError, Stores};
use annals_core::{Journal, Position};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::definition::{Definition, Mode};
use super::gate::{Gate, Waiting};
use super::options::RunnerOptions;
use super::rebuild_handle::{RebuildError, RebuildHandle};
use super::runner::supervise;
use super::shapes::Shapes;
use super::shared::Shared;
use super::status::{RunState, Status};
use super::stop::StopSource;
use super::tend::tend;
use crate::error::{ProjectionError, WaitError};
use crate::fold::Projection;
use crate::live::Live;
use crate::orphans::{self, Orphan};
use crate::read_model::{Query, ReadModel};

type Runner = (Arc<Shared>, JoinHandle<()>);

/// The projections of a process, running. When it is dropped, they stop, and so do rebuilds.
pub struct Projections {
    stores: Stores,
    shapes: Arc<Shapes>,
    stop_within: Duration,
    by_name: HashMap<Arc<str>, Arc<Shared>>,
    by_table: HashMap<String, Arc<Shared>>,
    stop: StopSource,
    runners: Mutex<Vec<Runner>>,
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
        let stores = journal.stores().clone();
        let inline = definitions.iter().find(|definition| definition.mode == Mode::Inline);
        if let (false, Some(inline)) = (stores.are_together(), inline) {
            return Err(ProjectionError::Apart { projection: inline.name.clone() });
        }
        let mut projections = Self {
            shapes: Arc::new(Shapes::new(stores.work().clone())),
            stores,
            stop_within: options.stop_within,
            by_name: HashMap::new(),
            by_table: HashMap::new(),
            stop: StopSource::new(),
            runners: Mutex::default(),
        };
        for definition in definitions {
            definition
                .register(&journal)
                .await
                .map_err(|error| ProjectionError::Register(Arc::new(error)))?;
            let shared = Shared::new(definition, projections.stores.clone(), options.clone());
            projections.add(&shared)?;
            let stop = projections.stop.listen();
            let runner = match shared.definition.mode {
                Mode::Inline => {
                    shared.start_inline(&journal, &stop).await?;
                    tokio::spawn(tend(shared.clone(), stop))
                }
                Mode::Async => {
                    match shared.set_up().await {
                        // The runner says so in its status, and looks again from time to time.
                        Ok(_) | Err(ProjectionError::Superseded { .. }) => {}
                        Err(error) => return Err(error),
                    }
                    tokio::spawn(supervise(shared.clone(), stop))
                }
            };
            projections.runners().push((shared, runner));
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
        if self.by_name.insert(definition.name.clone(), shared.clone()).is_some() {
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

    fn runners(&self) -> std::sync::MutexGuard<'_, Vec<Runner>> {
        self.runners.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A query on a read model.
    pub fn read<M: ReadModel>(&self) -> Query<M> {
        let waiting = self.by_table.get(&M::table().name).map(|shared| self.waiting(shared));
        Query::new(self.stores.work().clone(), Gate { shapes: self.shapes.clone(), waiting })
    }

    fn waiting(&self, shared: &Arc<Shared>) -> Waiting {
        Waiting { shared: shared.clone(), stop: self.stop.listen() }
    }

    /// A projection folded on demand, with nothing stored.
    pub fn live<P: Projection>(&self, projection: P) -> Live<P> {
        Live::new(self.stores.log().clone(), projection)
    }

    /// Rebuilds a projection from history, beside the tables that serve. A rebuild that was
    /// cancelled or crashed goes on where it stood; when another program builds the same at once, the
    /// two take turns, and either's end is the end of both. Awaiting the handle returns
    /// [`RebuildError::NotProjected`] or [`RebuildError::AlreadyRunning`] if it could not begin, and
    /// [`ProjectionError::Superseded`] when a newer program keeps the read model.
    ///
    /// Must be called within a Tokio runtime.
    pub fn rebuild(&self, projection: &str) -> RebuildHandle {
        let begun = match self.by_name.get(projection) {
            Some(shared) => shared.rebuild(&self.stop.listen()),
            None => Err(RebuildError::NotProjected { projection: projection.into() }),
        };
        begun.unwrap_or_else(|error| RebuildHandle::failed(projection.into(), error))
    }

    /// Waits until every projection has taken in everything up to a position.
    ///
    /// # Errors
    /// [`WaitError`] of the first that did not get there in time.
    pub async fn wait_for(&self, position: Position, timeout: Duration) -> Result<(), WaitError> {
        let begun = Instant::now();
        for shared in self.by_name.values() {
            let left = timeout.saturating_sub(begun.elapsed());
            let reached = self.waiting(shared).until(position, left).await;
            reached.map_err(|error| WaitError { waited: begun.elapsed(), ..error })?;
        }
        Ok(())
    }

    /// The projections that the store knows and this program does not run: those that were taken out
    /// of it, and those of other programs.
    ///
    /// # Errors
    /// [`ProjectionError`] when the store cannot be read.
    pub async fn orphans(&self) -> Result<Vec<Orphan>, ProjectionError> {
        let known = self.by_name.keys().map(|name| &**name).collect();
        orphans::orphans(&**self.stores.work(), &known).await
    }

    /// Drops the tables of a projection that no program runs any more, with all that the store
    /// remembers of it. What is not there is no error. A program that still runs it begins again from
    /// history.
    ///
    /// # Errors
    /// [`ProjectionError::InUse`] when this program runs it, or what the store says.
    pub async fn drop_orphan(&self, projection: &str) -> Result<(), ProjectionError> {
        if let Some((projection, _)) = self.by_name.get_key_value(projection) {
            return Err(ProjectionError::InUse { projection: projection.clone() });
        }
        orphans::drop_orphan(self.stores.work(), projection.to_owned()).await
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
        all.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(all)
    }

    /// Stops all projections after writing what they have folded, and all rebuilds. What is still
    /// writing after [`stop_within`](RunnerOptions::stop_within) is broken off, its transaction with
    /// it; the names of those projections are returned.
    pub async fn stop(&self) -> Vec<Arc<str>> {
        self.stop.stop();
        let deadline = Instant::now() + self.stop_within;
        let mut unfinished = Vec::new();
        let runners: Vec<Runner> = self.runners().drain(..).collect();
        for (shared, mut runner) in runners {
            // An error means that the runtime is going down: a runner catches its panics itself.
            if tokio::time::timeout_at(deadline, &mut runner).await.is_err() {
                runner.abort();
                unfinished.push(shared.definition.name.clone());
            }
        }
        for shared in self.by_name.values() {
            if tokio::time::timeout_at(deadline, shared.rebuild_ended(None)).await.is_err() {
                shared.abort_rebuild();
                unfinished.push(shared.definition.name.clone());
            }
        }
        unfinished.sort_unstable();
        unfinished.dedup();
        for name in &unfinished {
            let shared = &self.by_name[name];
            let why = format!("it did not stop within {:?} and was broken off", self.stop_within);
            tracing::warn!(projection = %name, why, "a projection did not stop");
            shared.set_state(RunState::Stopped, Some(why));
        }
        unfinished
    }
}

impl fmt::Debug for Projections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Projections").field("names", &self.by_name.keys()).finish_non_exhaustive()
    }
}
