//! Reading back in time.

use jiff::Timestamp;

use super::Journal;
use super::fold::{Folded, LoadError};
use crate::aggregate::{Aggregate, Apply};
use crate::envelope::{Recorded, RecordedEvent};
use crate::event::{Event, UnknownEvents};
use crate::names::{Position, StreamVersion};
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

/// One event of a history.
#[derive(Debug, Clone, PartialEq)]
pub enum HistoryEvent<E> {
    /// Of a declared type.
    Known(Recorded<E>),
    /// Of a type the aggregate does not declare; only when the reader chose
    /// [`UnknownEvents::Raw`].
    Unknown(RecordedEvent),
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

    /// The aggregate as the store knew it at a time: the events recorded up to then.
    ///
    /// # Errors
    /// [`LoadError`]
    pub async fn load_at_time<A: Apply>(
        &self,
        id: &A::Id,
        time: Timestamp,
    ) -> Result<Loaded<A>, LoadError> {
        let stream = Self::stream_of::<A>(id)?;
        let mut folded = Folded::<A>::default();
        loop {
            let query = StreamQuery::all(stream.clone()).after(folded.version);
            let page = self.store().read_stream(&query).await?;
            let end = query.ends_with(&page);
            for event in page {
                if event.recorded_at > time {
                    return Ok(folded.into());
                }
                folded.apply(&event)?;
            }
            if end {
                return Ok(folded.into());
            }
        }
    }

    /// A page of the aggregate's events with their envelopes, those after version `after`; at most
    /// [`MAX_PAGE`](crate::store::MAX_PAGE) events, fewer only at the end.
    ///
    /// # Errors
    /// [`LoadError`]; for an undeclared type only if `unknown` says so.
    pub async fn history<A: Aggregate>(
        &self,
        id: &A::Id,
        after: StreamVersion,
        unknown: UnknownEvents,
    ) -> Result<Vec<HistoryEvent<A::Event>>, LoadError> {
        let stream = Self::stream_of::<A>(id)?;
        let page = self.store().read_stream(&StreamQuery::all(stream).after(after)).await?;
        let mut history = Vec::with_capacity(page.len());
        for event in page {
            let known = A::Event::knows(event.event_type.as_str());
            match unknown {
                UnknownEvents::Skip if !known => {}
                UnknownEvents::Raw if !known => history.push(HistoryEvent::Unknown(event)),
                _ => {
                    let (stream, version) = (event.stream.clone(), event.version);
                    let event = Recorded::decode(event).map_err(|source| LoadError::Decode {
                        stream,
                        version,
                        source,
                    })?;
                    history.push(HistoryEvent::Known(event));
                }
            }
        }
        Ok(history)
    }
}
