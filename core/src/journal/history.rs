//! Reading back in time.

use jiff::Timestamp;

use super::fold::{Folded, LoadError};
use super::{Journal, observe};
use crate::aggregate::{Aggregate, Apply};
use crate::envelope::{Recorded, RecordedEvent};
use crate::event::{Event, UnknownEvents};
use crate::names::{Position, StreamId, StreamVersion};
use crate::store::StreamQuery;

/// An aggregate's state and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded<A> {
    /// The state.
    pub state: A,
    /// The version of the last event folded in; [`StreamVersion::NONE`] when there is none.
    pub version: StreamVersion,
    /// The position of that event.
    pub position: Position,
}

impl<A> From<Folded<A>> for Loaded<A> {
    fn from(folded: Folded<A>) -> Self {
        Self { state: folded.state, version: folded.version, position: folded.position }
    }
}

/// What becomes of an event of the stream.
enum Fold {
    Apply,
    PassOver,
    /// Neither it nor what follows.
    End,
}

/// One event of a history.
#[derive(Debug, Clone, PartialEq)]
pub enum HistoryEvent<E> {
    /// Of a declared type.
    Known(Recorded<E>),
    /// Of a type the aggregate does not declare; only when the reader chose
    /// [`UnknownEvents::Raw`].
    Unknown(RecordedEvent),
}

/// A page of a history.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryPage<E> {
    /// The events, in order. With [`UnknownEvents::Skip`] there may be few of them, or none, though
    /// more follow.
    pub events: Vec<HistoryEvent<E>>,
    /// What to hand in as `after` for the next page; `None` at the end.
    pub next: Option<StreamVersion>,
}

impl Journal {
    /// The aggregate as it is now.
    ///
    /// # Errors
    /// [`LoadError`]
    pub async fn load<A: Apply>(&self, id: &A::Id) -> Result<Loaded<A>, LoadError> {
        let stream = Self::stream_of::<A>(id)?;
        Ok(self.fold(&stream).await?.into())
    }

    /// The aggregate as it was after its event number `version`.
    ///
    /// # Errors
    /// [`LoadError`]
    pub async fn load_at_version<A: Apply>(
        &self,
        id: &A::Id,
        version: StreamVersion,
    ) -> Result<Loaded<A>, LoadError> {
        let stream = Self::stream_of::<A>(id)?;
        let mut folded = Folded::default();
        self.catch_up(&stream, &mut folded, Some(version)).await?;
        Ok(folded.into())
    }

    /// The aggregate as the store knew it at a time: the events recorded up to then. What an import
    /// brought in was recorded at the import: see [`load_at_occurred`](Self::load_at_occurred).
    ///
    /// # Errors
    /// [`LoadError`]
    pub async fn load_at_time<A: Apply>(
        &self,
        id: &A::Id,
        time: Timestamp,
    ) -> Result<Loaded<A>, LoadError> {
        let recorded_later = |event: &RecordedEvent| match event.recorded_at > time {
            true => Fold::End,
            false => Fold::Apply,
        };
        self.load_where(id, recorded_later).await
    }

    /// The aggregate as it really was at a time, as far as is known today: the events that had
    /// occurred by then, in the order of the stream, whenever they were recorded. One that occurred
    /// later is passed over, also where one behind it occurred earlier; the version is that of the
    /// last event folded in.
    ///
    /// # Errors
    /// [`LoadError`]
    pub async fn load_at_occurred<A: Apply>(
        &self,
        id: &A::Id,
        time: Timestamp,
    ) -> Result<Loaded<A>, LoadError> {
        let occurred_later = |event: &RecordedEvent| match event.occurred_at > time {
            true => Fold::PassOver,
            false => Fold::Apply,
        };
        self.load_where(id, occurred_later).await
    }

    async fn load_where<A: Apply>(
        &self,
        id: &A::Id,
        judge: impl Fn(&RecordedEvent) -> Fold,
    ) -> Result<Loaded<A>, LoadError> {
        let stream = Self::stream_of::<A>(id)?;
        let load = self.fold_where(&stream, judge);
        observe::load(&stream, load, |loaded: &Loaded<A>| loaded.version).await
    }

    async fn fold_where<A: Apply>(
        &self,
        stream: &StreamId,
        judge: impl Fn(&RecordedEvent) -> Fold,
    ) -> Result<Loaded<A>, LoadError> {
        let mut folded = Folded::<A>::default();
        let mut looked_at = StreamVersion::NONE;
        loop {
            let query = StreamQuery::all(stream.clone()).after(looked_at);
            let page = self.log().read_stream(&query).await?;
            let end = query.ends_with(&page);
            for event in page {
                match judge(&event) {
                    Fold::End => return Ok(folded.into()),
                    Fold::PassOver => {}
                    Fold::Apply => folded.apply(&event)?,
                }
                looked_at = event.version;
            }
            if end {
                return Ok(folded.into());
            }
        }
    }

    /// A page of the aggregate's events with their envelopes, those after version `after`; at most
    /// [`MAX_PAGE`](crate::store::MAX_PAGE) events and
    /// [`MAX_PAGE_BYTES`](crate::store::MAX_PAGE_BYTES) bytes. Its [`next`](HistoryPage::next) leads on.
    ///
    /// # Errors
    /// [`LoadError`]; for an undeclared type only if `unknown` says so.
    pub async fn history<A: Aggregate>(
        &self,
        id: &A::Id,
        after: StreamVersion,
        unknown: UnknownEvents,
    ) -> Result<HistoryPage<A::Event>, LoadError> {
        let query = StreamQuery::all(Self::stream_of::<A>(id)?).after(after);
        let page = self.log().read_stream(&query).await?;
        let last = page.last().map(|event| event.version);
        let next = last.filter(|_| !query.ends_with(&page));
        let mut events = Vec::with_capacity(page.len());
        for event in page {
            let known = A::Event::knows(event.event_type.as_str());
            match unknown {
                UnknownEvents::Skip if !known => {}
                UnknownEvents::Raw if !known => events.push(HistoryEvent::Unknown(event)),
                _ => {
                    let (stream, version) = (event.stream.clone(), event.version);
                    let event = Recorded::decode(event).map_err(|source| LoadError::Decode {
                        stream,
                        version,
                        source,
                    })?;
                    events.push(HistoryEvent::Known(event));
                }
            }
        }
        Ok(HistoryPage { events, next })
    }
}
