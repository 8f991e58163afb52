//! A projection without its types: what the runner needs to know of it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use annals_consumers::{Inflow, KeyBy, OnFailure};
use annals_core::store::LogFilter;
use annals_core::table::TableSpec;
use annals_core::{Event, EventType, Journal, RegisterError, SLICES};
use serde::{Deserialize, Serialize};

use crate::fold::{EventHandler, Fold, Folding, Handling, Projection};
use crate::read_model::ReadModel;

/// When a projection takes events in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// In the append's transaction: every append of this program pays for it, and its rows are
    /// there with the event. What other programs append without the projection is taken in a moment
    /// later; a read that waits for its position sees it.
    Inline,
    /// By subscription, a moment later: appends do not wait for it.
    Async,
}

/// Into how many partitions a projection may be cut, to be worked on by several processes.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Partitions {
    /// One: always right, whatever rows an event touches.
    #[default]
    One,
    /// By the id of the stream: every event touches the row of that id and no other. One that touches
    /// another is an error.
    ById,
}

type RealTables = Vec<(TableSpec, TableSpec)>;
type Registering<'j> = Pin<Box<dyn Future<Output = Result<(), RegisterError>> + Send + 'j>>;

/// One projection to be run.
#[derive(Clone)]
pub struct Definition {
    pub(crate) name: Arc<str>,
    pub(crate) kind: &'static str,
    pub(crate) version: u32,
    pub(crate) mode: Mode,
    pub(crate) partitions: Partitions,
    /// Into how many partitions a new generation is cut.
    pub(crate) parts: u32,
    on_failure: OnFailure,
    /// Where its events come from, when that is not the log.
    pub(crate) inflow: Option<Arc<dyn Inflow>>,
    /// Names it had before.
    pub(crate) formerly: &'static [&'static str],
    pub(crate) event_types: Vec<EventType>,
    pub(crate) tables: Vec<TableSpec>,
    make: Arc<dyn Fn(RealTables) -> Box<dyn Fold> + Send + Sync>,
    register: for<'j> fn(&'j Journal) -> Registering<'j>,
}

impl Definition {
    /// A fold of rows.
    pub fn projection<P: Projection>(projection: P, mode: Mode) -> Self {
        let projection = Arc::new(projection);
        Self {
            name: P::NAME.into(),
            kind: "projection",
            version: P::VERSION,
            mode,
            partitions: P::PARTITIONS,
            parts: parts(P::PARTITIONS, mode),
            on_failure: P::ON_FAILURE,
            inflow: None,
            formerly: P::FORMERLY,
            event_types: event_types::<P::Event>(),
            tables: vec![P::Row::table().clone()],
            make: Arc::new(move |mut tables| {
                // The definition has one table, and so has each of its generations.
                let (_, real) = tables.remove(0);
                Box::new(Folding::new(projection.clone(), real))
            }),
            register: |journal| Box::pin(journal.register::<P::Event>()),
        }
    }

    /// A handler with the transaction.
    pub fn handler<H: EventHandler>(handler: H, mode: Mode) -> Self {
        let handler = Arc::new(handler);
        Self {
            name: H::NAME.into(),
            kind: "handler",
            version: H::VERSION,
            mode,
            partitions: H::PARTITIONS,
            parts: parts(H::PARTITIONS, mode),
            on_failure: H::ON_FAILURE,
            inflow: None,
            formerly: H::FORMERLY,
            event_types: event_types::<H::Event>(),
            tables: H::tables(),
            make: Arc::new(move |tables| Box::new(Handling::new(handler.clone(), tables))),
            register: |journal| Box::pin(journal.register::<H::Event>()),
        }
    }

    /// The types of its events.
    pub fn event_types(&self) -> Vec<EventType> {
        self.event_types.clone()
    }

    /// Takes its events from elsewhere than the log. Cut into so many partitions where it is kept
    /// [`ById`](Partitions::ById), of which each receives a part of the lanes; one otherwise.
    #[must_use]
    pub fn receiving(self, inflow: Arc<dyn Inflow>, partitions: u32) -> Self {
        let parts = match self.partitions {
            Partitions::One => 1,
            Partitions::ById => partitions.clamp(1, u32::from(SLICES)),
        };
        Self { inflow: Some(inflow), parts, ..self }
    }

    /// Why it cannot be made anew from history, if it cannot.
    pub(crate) fn lacks_history(&self) -> Option<String> {
        let origin = self.inflow.as_ref()?.origin();
        Some(format!(
            "its events come from {origin}, and what was received is not kept: raise its `VERSION`, to \
             begin beside it with what is still there"
        ))
    }

    /// Something that fills these tables.
    pub(crate) fn new_fold(&self, tables: RealTables) -> Box<dyn Fold> {
        (self.make)(tables)
    }

    /// What becomes of an event that fails. An append refuses what an inline projection cannot take, so
    /// there is nothing to be parked; what others have appended stands still.
    pub(crate) fn on_failure(&self) -> OnFailure {
        match self.mode {
            Mode::Inline => OnFailure::Stop,
            Mode::Async => self.on_failure,
        }
    }

    /// By what events are kept in order, and parked.
    pub(crate) fn key(&self) -> KeyBy {
        match self.partitions {
            Partitions::One => KeyBy::Stream,
            Partitions::ById => KeyBy::Id,
        }
    }

    /// Into how many partitions it may be cut.
    pub(crate) fn most_partitions(&self) -> u32 {
        if self.inflow.is_some() {
            return self.parts;
        }
        match (self.partitions, self.mode) {
            (Partitions::ById, Mode::Async) => u32::from(SLICES),
            // One may touch every row, and appends move one checkpoint.
            _ => 1,
        }
    }

    /// Whether all events that touch a row are those of one id, in one partition.
    ///
    /// # Errors
    /// Why not, and what can be done instead.
    pub(crate) fn keeps_rows_by_key(&self) -> Result<(), String> {
        let name = &self.name;
        if let Some(why) = self.lacks_history() {
            return Err(why);
        }
        match (self.partitions, self.mode) {
            (Partitions::ById, Mode::Async) => Ok(()),
            (Partitions::One, _) => Err(format!(
                "events of other streams may touch the same row of `{name}`, because its `PARTITIONS` is \
                 `One`: rebuild all of it (`annals consumers rebuild {name}`), or say \
                 `Partitions::ById` with a raised `VERSION` if every row belongs to one id"
            )),
            (Partitions::ById, Mode::Inline) => Err(format!(
                "appends write the rows of `{name}`, and no row can be made anew between them: rebuild \
                 all of it (`annals consumers rebuild {name}`)"
            )),
        }
    }

    pub(crate) fn filter(&self) -> LogFilter {
        LogFilter { event_types: self.event_types.clone(), ..LogFilter::default() }
    }

    /// Makes its event types known to a journal.
    ///
    /// # Errors
    /// [`RegisterError`]: it must not run.
    pub async fn register(&self, journal: &Journal) -> Result<(), RegisterError> {
        (self.register)(journal).await
    }
}

/// How many partitions a projection begins with: enough for a few processes, cheap where there is one.
const PARTS: u32 = 4;

fn parts(partitions: Partitions, mode: Mode) -> u32 {
    match (partitions, mode) {
        (Partitions::ById, Mode::Async) => PARTS,
        _ => 1,
    }
}

pub(crate) fn event_types<E: Event>() -> Vec<EventType> {
    let descriptors = E::descriptors();
    descriptors.iter().map(|event| EventType::from_static(event.event_type)).collect()
}
