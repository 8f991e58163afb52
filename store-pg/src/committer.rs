//! Committing a batch of appends on a connection of one's own, and finding out what became of it when
//! the connection breaks.

use std::sync::Arc;
use std::time::Duration;

use annals_core::cut_time;
use annals_core::store::{Append, Appended, StoreError};
use tokio::time::Instant;
use tokio_postgres::error::SqlState;

use crate::append::{BEGIN, COPY_EVENTS, Failure, append_judged, first_result};
use crate::connection::Connector;
use crate::error::{is_duplicate, is_lost};
use crate::event_row::get;
use crate::judge::Ends;
use crate::line::{Line, stand_alone};
use crate::listen::{Growth, channel};
use crate::statements::Statements;

/// How much longer than the server the client waits, before it takes the connection for dead.
const GRACE: Duration = Duration::from_secs(2);

/// How often a batch is tried again that the server gave up for its own reasons, such as a deadlock.
const MAX_RETRIES: u32 = 3;

/// An append on its way, and whether an earlier try may have written it.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) append: Append,
    pub(crate) unknown: bool,
}

/// A connection that appends.
pub(crate) struct Committer {
    connector: Arc<Connector>,
    sql: Arc<Statements>,
    growth: Growth,
    line: Option<Line>,
    ends: Ends,
}

/// What became of a try.
enum Trouble {
    /// An id or a key is stored already: look closely.
    Duplicate,
    /// Nothing was written, and the same may work now.
    Again(tokio_postgres::Error),
    /// Nobody knows.
    Lost(StoreError),
    /// Nothing was written.
    Refused(StoreError),
}

impl Committer {
    pub(crate) fn new(connector: Arc<Connector>, sql: Arc<Statements>, growth: Growth) -> Self {
        Self { connector, sql, growth, line: None, ends: Ends::default() }
    }

    /// Commits one append that stands alone, in one statement, so that nothing is left half done when
    /// the caller goes away. Gives it back with what is known of it if that did not work at once.
    pub(crate) async fn commit_alone(
        &mut self,
        append: Append,
    ) -> Result<Result<Appended, StoreError>, Wanted> {
        let batch = [Wanted { append, unknown: false }];
        let connected = self.line.as_ref().is_some_and(|line| !line.client.is_closed());
        let tried = match connected && stand_alone([&batch[0].append]) {
            true => Some(self.attempt(&batch, false).await),
            false => None,
        };
        let [wanted] = batch;
        match tried {
            Some(Ok(mut results)) if results.len() == 1 => Ok(results.remove(0)),
            Some(Err(Trouble::Refused(error))) => Ok(Err(error)),
            Some(Err(Trouble::Lost(_))) => {
                self.line = None;
                Err(Wanted { unknown: true, ..wanted })
            }
            _ => Err(wanted),
        }
    }

    /// Commits a batch, every append judged on its own. Returns one result an append.
    ///
    /// When the connection breaks, the batch is tried again on a new one, closely looked at: what the
    /// first try has written is found by its ids, and if the first try should still be on its way, it
    /// runs into the ids of the second.
    pub(crate) async fn commit(
        &mut self,
        batch: &mut [Wanted],
    ) -> Vec<Result<Appended, StoreError>> {
        let mut carefully = batch.iter().any(|wanted| wanted.unknown);
        let mut retries = 0;
        let mut give_up: Option<Instant> = None;
        loop {
            let tried = match self.connect().await {
                Ok(()) => self.attempt(batch, carefully).await,
                Err(error) => return failed(batch, &error),
            };
            let error = match tried {
                Ok(results) => return results,
                Err(Trouble::Duplicate) if !carefully => {
                    carefully = true;
                    continue;
                }
                Err(Trouble::Again(_)) if retries < MAX_RETRIES => {
                    retries += 1;
                    continue;
                }
                Err(Trouble::Lost(error)) => {
                    self.line = None;
                    carefully = true;
                    batch.iter_mut().for_each(|wanted| wanted.unknown = true);
                    let patience = self.connector.options.connect_retry;
                    let end = *give_up.get_or_insert_with(|| Instant::now() + patience);
                    if Instant::now() < end {
                        continue;
                    }
                    error
                }
                Err(Trouble::Again(error)) => self.connector.failed()(error),
                Err(Trouble::Duplicate) => crate::error::corrupt(
                    "an id is stored and cannot be found: is the schema of another version?",
                ),
                Err(Trouble::Refused(error)) => error,
            };
            return failed(batch, &error);
        }
    }

    /// Lets the connection go until it is needed again.
    pub(crate) fn disconnect(&mut self) {
        self.line = None;
    }

    async fn connect(&mut self) -> Result<(), StoreError> {
        if self.line.as_ref().is_none_or(|line| line.client.is_closed()) {
            let line = Line::open(&self.connector, &self.sql);
            self.line = Some(line.await?);
        }
        Ok(())
    }

    async fn attempt(
        &mut self,
        batch: &[Wanted],
        carefully: bool,
    ) -> Result<Vec<Result<Appended, StoreError>>, Trouble> {
        let options = &self.connector.options;
        let limit = options.statement_timeout.max(options.lock_timeout) + GRACE;
        match tokio::time::timeout(limit, self.try_once(batch, carefully)).await {
            Ok(Ok(results)) => Ok(results),
            Ok(Err(Failure::Other(error @ StoreError::OutcomeUnknown { .. }))) => {
                Err(Trouble::Lost(error))
            }
            Ok(Err(Failure::Other(error))) => Err(Trouble::Refused(error)),
            Ok(Err(Failure::Server(error))) => Err(self.classify(error).await),
            Err(_) => Err(Trouble::Lost(self.connector.silent(limit))),
        }
    }

    async fn classify(&mut self, error: tokio_postgres::Error) -> Trouble {
        if is_lost(&error) {
            return Trouble::Lost(self.connector.failed()(error));
        }
        if is_duplicate(&error) {
            return Trouble::Duplicate;
        }
        let again = [SqlState::T_R_DEADLOCK_DETECTED, SqlState::T_R_SERIALIZATION_FAILURE];
        if error.code().is_some_and(|code| again.contains(code)) {
            return Trouble::Again(error);
        }
        if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) {
            return Trouble::Refused(self.locked().await);
        }
        Trouble::Refused(self.connector.failed()(error))
    }

    /// Says who keeps the log locked.
    async fn locked(&self) -> StoreError {
        let waited = self.connector.options.lock_timeout;
        let holder = match &self.line {
            Some(line) => {
                let session = line.session(&self.connector);
                session.query_opt(&self.sql.log_holder, &[]).await.ok().flatten()
            }
            None => None,
        };
        let holder = holder.and_then(|row| {
            let (pid, name) = (get::<i32>(&row, 0).ok()?, get::<String>(&row, 1).ok()?);
            // Hidden from other roles.
            let age = get::<Option<f64>>(&row, 2).ok()?;
            let age = age.map(|age| format!(" for {age:.1} s")).unwrap_or_default();
            Some(format!(
                "the transaction of process {pid} (application `{name}`) has kept the log \
                 locked{age}: commit right after an append"
            ))
        });
        StoreError::Locked {
            place: self.connector.place.to_string(),
            hint: holder.unwrap_or_else(|| {
                format!("somebody kept the log locked for {waited:?} and has let it go: try again")
            }),
        }
    }

    async fn try_once(
        &mut self,
        batch: &[Wanted],
        carefully: bool,
    ) -> Result<Vec<Result<Appended, StoreError>>, Failure> {
        // `connect` has seen to it that there is one.
        let Some(line) = &self.line else { return Err(StoreError::Closed.into()) };
        let session = line.session(&self.connector);
        let now = self.connector.options.clock.as_ref().map(|clock| cut_time(clock.now()));
        let appends: Vec<&Append> = batch.iter().map(|wanted| &wanted.append).collect();
        let events: usize = appends.iter().map(|append| append.event_count()).sum();
        if !carefully && events < COPY_EVENTS && stand_alone(appends.iter().copied()) {
            let channel = self.growth.is_time_to_tell().then(|| channel(&self.connector));
            let mut results = line.append(&appends, now, channel.as_deref()).await?;
            if channel.is_some()
                && let Some(head) = results.iter().flatten().map(|done| done.position).max()
            {
                self.growth.told(head);
            }
            let told = tell_repetitions(line, &self.sql, &self.connector, &appends, &mut results);
            // The batch is committed: an error from here on is none of it.
            told.await.map_err(|failure| StoreError::OutcomeUnknown {
                source: Arc::new(failure.explained(&self.connector)),
            })?;
            return Ok(results);
        }
        session.client.batch_execute(BEGIN).await?;
        // Kept only if the commit succeeds.
        let mut ends = std::mem::take(&mut self.ends);
        let (sql, connector) = (&*self.sql, &*self.connector);
        let judged =
            append_judged(session, sql, connector, &appends, now, carefully, &mut ends).await;
        match judged {
            Ok((judged, _)) => {
                session.client.batch_execute("COMMIT").await?;
                self.ends = ends;
                let mut results = judged.results;
                for (wanted, result) in batch.iter().zip(&mut results) {
                    if let Ok(appended) = result
                        && wanted.unknown
                        && wanted.append.command.is_none()
                    {
                        // The first try was this very append.
                        appended.repeated = false;
                    }
                }
                Ok(results)
            }
            Err(failure) => {
                if !matches!(&failure, Failure::Server(error) if is_lost(error)) {
                    session.client.batch_execute("ROLLBACK").await?;
                }
                Err(failure)
            }
        }
    }
}

/// One error for a whole batch. Of what an earlier try may have written, it says nothing.
fn failed(batch: &[Wanted], error: &StoreError) -> Vec<Result<Appended, StoreError>> {
    let report = |wanted: &Wanted| match wanted.unknown {
        true => Err(StoreError::OutcomeUnknown { source: Arc::new(error.clone()) }),
        false => Err(error.clone()),
    };
    batch.iter().map(report).collect()
}

/// Finds the appends that met a conflict because they had been made before.
async fn tell_repetitions(
    line: &Line,
    sql: &Statements,
    connector: &Connector,
    appends: &[&Append],
    results: &mut [Result<Appended, StoreError>],
) -> Result<(), Failure> {
    for (append, result) in appends.iter().zip(results) {
        if matches!(result, Err(StoreError::Conflict { .. }))
            && let Some(first) =
                first_result(line.session(connector), sql, connector, append).await?
        {
            *result = first;
        }
    }
    Ok(())
}
