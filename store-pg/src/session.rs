//! One connection, and the one way statements go through it.
//!
//! Directly, statements are prepared once a connection, but for those whose text may be any. Behind a
//! pooler in transaction mode a prepared statement may meet another server connection than the one it
//! was prepared on, so there each goes unnamed, in one round trip.

use deadpool_postgres::StatementCache;
use futures_util::TryStreamExt;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Error, Row, RowStream, Statement};

/// How many statements stay prepared on one connection at the most; each takes some memory there.
const MAX_PREPARED: usize = 128;

/// A parameter with the type it is sent as.
pub(crate) type Bound<'p> = (&'p (dyn ToSql + Sync), Type);

/// A connection in use.
#[derive(Clone, Copy)]
pub(crate) struct Session<'c> {
    pub(crate) client: &'c Client,
    /// `None` where nothing may stay prepared.
    pub(crate) prepared: Option<&'c StatementCache>,
}

impl Session<'_> {
    /// Rows as they arrive.
    pub(crate) async fn stream(
        &self,
        sql: &str,
        parameters: &[Bound<'_>],
    ) -> Result<RowStream, Error> {
        let Some(prepared) = self.prepared else {
            let parameters = parameters.iter().map(|(value, as_type)| (*value, as_type.clone()));
            return self.client.query_typed_raw(sql, parameters).await;
        };
        let types: Vec<Type> = parameters.iter().map(|(_, as_type)| as_type.clone()).collect();
        let values = || parameters.iter().map(|(value, _)| *value);
        self.make_room();
        let statement = prepared.prepare_typed(self.client, sql, &types).await?;
        match self.client.query_raw(&statement, values()).await {
            // A table has changed its shape since, and the plan cannot: "cached plan must not change
            // result type". Inside a transaction this comes too late, and fails.
            Err(error) if error.code() == Some(&SqlState::FEATURE_NOT_SUPPORTED) => {
                prepared.clear();
                match prepared.prepare_typed(self.client, sql, &types).await {
                    Ok(statement) => self.client.query_raw(&statement, values()).await,
                    Err(_) => Err(error),
                }
            }
            rows => rows,
        }
    }

    pub(crate) async fn query(
        &self,
        sql: &str,
        parameters: &[Bound<'_>],
    ) -> Result<Vec<Row>, Error> {
        self.stream(sql, parameters).await?.try_collect().await
    }

    /// The first row, if there is one.
    pub(crate) async fn query_opt(
        &self,
        sql: &str,
        parameters: &[Bound<'_>],
    ) -> Result<Option<Row>, Error> {
        Ok(self.query(sql, parameters).await?.into_iter().next())
    }

    /// Statements in use are kept by their users. The few that come often are soon there again.
    fn make_room(&self) {
        if self.prepared.is_some_and(|prepared| prepared.size() >= MAX_PREPARED) {
            self.forget();
        }
    }

    /// What is prepared so far does not fit any more.
    pub(crate) fn forget(&self) {
        if let Some(prepared) = self.prepared {
            prepared.clear();
        }
    }

    /// Makes a statement ready to be sent.
    pub(crate) async fn ready(&self, text: &str, types: &[Type]) -> Result<Ready, Error> {
        self.make_room();
        Ok(match self.prepared {
            Some(prepared) => {
                Ready::Prepared(prepared.prepare_typed(self.client, text, types).await?)
            }
            None => Ready::Text(text.to_owned(), types.to_vec()),
        })
    }

    /// How many rows a statement changed.
    pub(crate) async fn execute(&self, sql: &str, parameters: &[Bound<'_>]) -> Result<u64, Error> {
        let rows = self.stream(sql, parameters).await?;
        futures_util::pin_mut!(rows);
        while rows.try_next().await?.is_some() {}
        Ok(rows.rows_affected().unwrap_or(0))
    }
}

/// A statement that is sent when the future of its request is first polled, without a look at what
/// is prepared: so one can be sent right behind another, and be executed in that order.
pub(crate) enum Ready {
    Prepared(Statement),
    /// Where nothing may stay prepared.
    Text(String, Vec<Type>),
}

impl Ready {
    /// One value a parameter.
    pub(crate) async fn query(
        &self,
        client: &Client,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Error> {
        let rows = match self {
            Self::Prepared(statement) => {
                client.query_raw(statement, values.iter().copied()).await?
            }
            Self::Text(text, types) => {
                let values = values.iter().copied().zip(types.iter().cloned());
                client.query_typed_raw(text, values).await?
            }
        };
        rows.try_collect().await
    }
}
