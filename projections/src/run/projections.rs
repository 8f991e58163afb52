//! All projections of a process.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use annals_consumers::{Consumer, Engine, EngineOptions, StopSource, SubscriberDefinition};
use annals_core::store::{StoreError, Stores};
use annals_core::{Journal, Position};
use tokio::time::Instant;

use super::definition::{Definition, Mode};
use super::gate::{Gate, Waiting};
use super::plan::RebuildPlan;
use super::rebuild_handle::{RebuildError, RebuildHandle};
use super::shapes::Shapes;
use super::shared::Shared;
use super::status::{RunState, Status};
use crate::error::{ProjectionError, WaitError};
use crate::fold::Projection;
use crate::live::Live;
use crate::orphans::{self, Orphan};
use crate::read_model::{Query, ReadModel};

/// The projections of a process, running. When it is dropped, they stop, and so do rebuilds.
pub struct Projections {
    stores: Stores,
    shapes: Arc<Shapes>,
    stop_within: Duration,
    /// What people call this process.
    label: String,
    by_name: HashMap<Arc<str>, Arc<Shared>>,
    by_table: HashMap<String, Arc<Shared>>,
    stop: StopSource,
    engine: Option<Engine>,
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
        options: EngineOptions,
    ) -> Result<Self, ProjectionError> {
        Self::start_with(journal, definitions, Vec::new(), options).await
    }

    /// The same with subscribers: one engine runs all of them.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn start_with(
        journal: Journal,
        definitions: Vec<Definition>,
        subscribers: Vec<SubscriberDefinition>,
        options: EngineOptions,
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
            label: options.label.clone(),
            by_name: HashMap::new(),
            by_table: HashMap::new(),
            stop: StopSource::default(),
            engine: None,
        };
        let mut all = Vec::new();
        for definition in definitions {
            definition
                .register(&journal)
                .await
                .map_err(|error| ProjectionError::Register(Arc::new(error)))?;
            let stop = projections.stop.listen();
            let shared = Shared::new(definition, projections.stores.clone(), stop);
            projections.add(&shared)?;
            let inline = shared.definition.mode == Mode::Inline;
            match shared.prepare().await {
                Ok(()) => {}
                // It says so in its status, and goes on when it is rolled back.
                Err(
                    error @ (ProjectionError::Superseded { .. }
                    | ProjectionError::RolledBack { .. }),
                ) if !inline => shared.stands_still(&error),
                Err(error) => return Err(error),
            }
            all.push(shared);
        }
        let mut consumers: Vec<Consumer> = all.iter().map(Shared::consumer).collect();
        for subscriber in subscribers {
            let registered = subscriber.register(&journal).await;
            registered.map_err(|error| ProjectionError::Register(Arc::new(error)))?;
            if consumers.iter().any(|other| other.name == subscriber.consumer.name) {
                let why = format!("two consumers are named `{}`", subscriber.consumer.name);
                return Err(StoreError::Invalid { why }.into());
            }
            subscriber.declare(&projections.stores).await?;
            consumers.push(subscriber.consumer);
        }
        if consumers.is_empty() {
            // Nobody has to know of a program that follows nothing.
            return Ok(projections);
        }
        let engine = Engine::start(projections.stores.clone(), consumers, options);
        for shared in &all {
            // Nobody has set it before.
            let _ = shared.waker.set(engine.waker());
        }
        projections.engine = Some(engine);
        for shared in all.iter().filter(|shared| shared.definition.mode == Mode::Inline) {
            shared.start_inline(&journal).await?;
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

    /// A query on a read model.
    pub fn read<M: ReadModel>(&self) -> Query<M> {
        let waiting = self.by_table.get(&M::table().name).map(|shared| self.waiting(shared));
        Query::new(self.stores.work().clone(), Gate { shapes: self.shapes.clone(), waiting })
    }

    fn waiting(&self, shared: &Arc<Shared>) -> Waiting {
        Waiting { shared: shared.clone() }
    }

    /// A projection folded on demand, with nothing stored.
    pub fn live<P: Projection>(&self, projection: P) -> Live<P> {
        Live::new(self.stores.log().clone(), projection)
    }

    /// Rebuilds a projection from history, beside the tables that serve. A rebuild that was
    /// cancelled or crashed goes on where it stood; programs that build the same at once share the work. Awaiting the handle returns
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

    /// Says what a rebuild would do, and does nothing. It reads all of history and folds it into nothing,
    /// with the rows in memory, up to a million of them.
    ///
    /// # Errors
    /// What a rebuild would be refused for; [`RebuildError::Cancelled`] when this process is stopped.
    pub async fn rebuild_dry_run(&self, projection: &str) -> Result<RebuildPlan, RebuildError> {
        match self.by_name.get(projection) {
            Some(shared) => shared.plan_rebuild(&self.stop.listen()).await,
            None => Err(RebuildError::NotProjected { projection: projection.into() }),
        }
    }

    /// Makes the row of one id anew from the events of its streams, in place of what stands there, while
    /// everything else goes on. Whoever has the id's partition does it between two batches, in this process
    /// or another; dropping the future leaves the request.
    ///
    /// # Errors
    /// [`RebuildError::Refused`] unless the projection is [`Partitions::ById`](super::Partitions) and kept
    /// by subscription, and when an event of the id cannot be taken in.
    pub async fn rebuild_key(&self, projection: &str, id: &str) -> Result<(), RebuildError> {
        match self.by_name.get(projection) {
            Some(shared) => shared.rebuild_key(id, &self.label).await,
            None => Err(RebuildError::NotProjected { projection: projection.into() }),
        }
    }

    /// Waits until every projection has taken in everything up to a position.
    ///
    /// # Errors
    /// [`WaitError`] of the first that did not get there in time.
    pub async fn wait_for(&self, position: Position, timeout: Duration) -> Result<(), WaitError> {
        let begun = Instant::now();
        // What comes as messages has positions of its own.
        let of_log = self.by_name.values().filter(|shared| shared.definition.inflow.is_none());
        for shared in of_log {
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
        orphans::drop_orphan(&**self.stores.work(), projection.to_owned()).await
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
    /// writing after [`stop_within`](EngineOptions::stop_within) is broken off, its transaction with
    /// it; the names of those projections are returned.
    pub async fn stop(&self) -> Vec<Arc<str>> {
        let deadline = Instant::now() + self.stop_within;
        let mut unfinished: BTreeSet<Arc<str>> = BTreeSet::new();
        self.stop.stop();
        for (name, shared) in &self.by_name {
            if tokio::time::timeout_at(deadline, shared.rebuild_ended(None)).await.is_err() {
                shared.abort_rebuild();
                unfinished.insert(name.clone());
            }
        }
        if let Some(engine) = &self.engine {
            unfinished.extend(engine.stop().await.into_iter().map(Arc::from));
        }
        for (name, shared) in &self.by_name {
            if !unfinished.contains(name) {
                shared.go_on(RunState::Stopped);
                continue;
            }
            let why = format!("it did not stop within {:?} and was broken off", self.stop_within);
            tracing::warn!(projection = %name, why, "a projection did not stop");
            shared.set_state(RunState::Stopped, Some(why));
        }
        unfinished.into_iter().collect()
    }
}

impl fmt::Debug for Projections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Projections").field("names", &self.by_name.keys()).finish_non_exhaustive()
    }
}
