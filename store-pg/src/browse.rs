//! Looking through the store: the list of streams, and an event by its id.

use annals_core::store::{Browse, StoreError, StreamSummary, StreamsQuery};
use annals_core::{EventId, RecordedEvent, StreamId};
use async_trait::async_trait;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use crate::PgStore;
use crate::error::corrupt;
use crate::event_row::{EventReader, get, position, version};
use crate::lent::Lent;
use crate::session::Bound;

#[async_trait]
impl Browse for PgStore {
    async fn streams(&self, query: &StreamsQuery) -> Result<Vec<StreamSummary>, StoreError> {
        if query.limit == 0 {
            return Ok(Vec::new());
        }
        let ((low, high), limit) = (query.bounds(), query.limit as i64);
        let bounds: [Bound<'_>; 3] =
            [(&low, Type::TEXT), (&high, Type::TEXT), (&limit, Type::INT8)];
        let lent = Lent::from(self.connector()).await?;
        let link = lent.link()?;
        let list = async {
            let rows = link.query(&link.sql.list_streams, &bounds).await?;
            rows.iter().map(summary).collect()
        };
        let mut streams: Vec<StreamSummary> = lent.within(list).await?;
        // They come as they were found, which nothing promises of a join; sorted, it costs nothing.
        streams.sort_by(|a, b| a.stream.as_str().cmp(b.stream.as_str()));
        Ok(streams)
    }

    async fn event(&self, id: EventId) -> Result<Option<RecordedEvent>, StoreError> {
        let lent = Lent::from(self.connector()).await?;
        let link = lent.link()?;
        let read = async {
            let found = link.query_opt(&link.sql.read_event, &[(&id.get(), Type::UUID)]).await?;
            found.map(|row| EventReader::default().read(&row)).transpose()
        };
        lent.within(read).await
    }
}

fn summary(row: &Row) -> Result<StreamSummary, StoreError> {
    Ok(StreamSummary {
        stream: StreamId::parse(get::<&str>(row, 0)?).map_err(corrupt)?,
        version: version(row, 1)?,
        position: position(row, 2)?,
        recorded_at: get(row, 3)?,
    })
}
