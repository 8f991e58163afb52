//! Committing a batch of appends on connections of one's own, and finding out what became of it when
//! a connection breaks.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use annals_core::cut_time;
use annals_core::store::{Append, Appended, StoreError};
use deadpool_postgres::ClientWrapper;
use tokio::time::Instant;

use crate::batch::{Trouble, Wanted};
use crate::connection::Connector;
use crate::error::Failure;
use crate::event_row::get;
use crate::insert::COPY_EVENTS;
use crate::judge::Ends;
use crate::judged_append::{BEGIN, Judging, append_judged};
use crate::line::{Line, stand_alone};
use crate::link::Link;
use crate::listen::{Growth, channel};
use crate::looks::first_results;
use crate::writer::MAX_BATCH_BYTES;

/// How much longer than the server the client waits, before it takes the connection for dead.
pub(crate) const GRACE: Duration = Duration::from_secs(2);

/// How often a batch is tried again that the server gave up for its own reasons, such as a deadlock.
const MAX_RETRIES: u32 = 3;

/// The pauses between tries whose connection broke grow from this to the other.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LAST_PAUSE: Duration = Duration::from_millis(500);

/// Two connections that append, each made when it is first needed.
///
/// Batches that stand alone are single statements, and share a line: whoever waits for an answer holds
/// nothing, and whoever goes away leaves nothing half done. Transactions have a connection that is
/// taken away for their time, and comes back when the server has said that they are over.
pub(crate) struct Committer {
    connector: Arc<Connector>,
    growth: Growth,
    line: Mutex<Option<Arc<Line>>>,
    desk: Mutex<Option<Desk>>,
    /// Whether everything goes in transactions, and so on one connection.
    imports: bool,
}

/// A connection for transactions, and what is known because it made them.
struct Desk {
    client: ClientWrapper,
    ends: Ends,
}

type Results = Vec<Result<Appended, StoreError>>;

impl Committer {
    pub(crate) fn new(connector: Arc<Connector>, growth: Growth) -> Self {
        let (line, desk) = (Mutex::default(), Mutex::default());
        Self { connector, growth, line, desk, imports: false }
    }

    /// For large parts: there is nothing to gain by a single statement.
    pub(crate) fn of_imports(connector: Arc<Connector>, growth: Growth) -> Self {
        Self { imports: true, ..Self::new(connector, growth) }
    }

    /// Commits one append that stands alone, in one statement, so that nothing is left half done when
    /// the caller goes away. Gives it back with what is known of it if that did not work at once.
    pub(crate) async fn commit_alone(
        &self,
        wanted: Wanted,
    ) -> Result<Result<Appended, StoreError>, Wanted> {
        let mut batch = [wanted];
        let line = held(&self.line).clone().filter(|line| !line.is_closed());
        let tried = match line {
            Some(line) if is_one_statement(&batch) => {
                Some(self.limited(self.in_one_statement(&line, &batch)).await)
            }
            _ => None,
        };
        let trouble = match tried {
            Some(Ok(mut results)) => match results.pop() {
                Some(result) => return Ok(result),
                None => None,
            },
            Some(Err(trouble)) => Some(trouble),
            None => None,
        };
        match trouble {
            Some(Trouble::Unfit(error)) => return Ok(Err(self.connector.failed()(error))),
            Some(Trouble::Refused(failure)) => return Ok(Err(failure.explained(&self.connector))),
            Some(Trouble::Locked) => return Ok(Err(self.locked().await)),
            Some(Trouble::Lost(_)) => {
                self.disconnect();
                batch[0].unknown = true;
            }
            Some(Trouble::Duplicate | Trouble::Again(_)) => batch[0].repeated = true,
            None => {}
        }
        let [wanted] = batch;
        Err(wanted)
    }

    /// Commits a batch, every append judged on its own. Returns one result an append.
    ///
    /// When the connection breaks, the batch is tried again on a new one, closely looked at: what the
    /// first try has written is found by its ids, and if the first try should still be on its way, it
    /// runs into the ids of the second. Data that the server refuses is found by halves.
    pub(crate) async fn commit(&self, batch: &mut [Wanted]) -> Results {
        let mut retries = 0;
        let mut pause = Duration::ZERO;
        let mut give_up: Option<Instant> = None;
        loop {
            let carefully = batch.iter().any(Wanted::needs_care);
            let failure = match self.attempt(batch, carefully).await {
                Ok(results) => return results,
                Err(Trouble::Duplicate) if !carefully => {
                    batch.iter_mut().for_each(|wanted| wanted.repeated = true);
                    continue;
                }
                Err(Trouble::Again(_)) if retries < MAX_RETRIES => {
                    retries += 1;
                    // Looked at closely, it goes in a transaction that says how it is isolated.
                    batch.iter_mut().for_each(|wanted| wanted.repeated = true);
                    continue;
                }
                Err(Trouble::Unfit(_)) if batch.len() > 1 => {
                    let (some, others) = batch.split_at_mut(batch.len() / 2);
                    let mut results = Box::pin(self.commit(some)).await;
                    results.extend(Box::pin(self.commit(others)).await);
                    return results;
                }
                Err(Trouble::Lost(failure)) => {
                    self.disconnect();
                    batch.iter_mut().for_each(|wanted| wanted.unknown = true);
                    let patience = self.connector.options.connect_retry;
                    let end = *give_up.get_or_insert_with(|| Instant::now() + patience);
                    if Instant::now() + pause < end {
                        tokio::time::sleep(pause).await;
                        pause = (pause * 2).clamp(FIRST_PAUSE, LAST_PAUSE);
                        continue;
                    }
                    failure
                }
                Err(Trouble::Duplicate) => Failure::Other(crate::error::corrupt(
                    "an id is stored and cannot be found: is the schema of another version?",
                )),
                Err(Trouble::Locked) => Failure::Other(self.locked().await),
                Err(Trouble::Again(error) | Trouble::Unfit(error)) => Failure::Server(error),
                Err(Trouble::Refused(failure)) => failure,
            };
            let error = failure.explained(&self.connector);
            return batch.iter().map(|wanted| Err(wanted.failed(&error))).collect();
        }
    }

    /// Lets the connections go until they are needed again.
    pub(crate) fn disconnect(&self) {
        held(&self.line).take();
        held(&self.desk).take();
    }

    async fn attempt(&self, batch: &[Wanted], carefully: bool) -> Result<Results, Trouble> {
        if !carefully && !self.imports && is_one_statement(batch) {
            let line = self.line().await.map_err(|error| Trouble::Refused(error.into()))?;
            return self.limited(self.in_one_statement(&line, batch)).await;
        }
        let desk = self.desk().await.map_err(|error| Trouble::Refused(error.into()))?;
        self.limited(self.in_a_transaction(desk, batch, carefully)).await
    }

    /// Waits a little longer than the server does.
    async fn limited(
        &self,
        work: impl Future<Output = Result<Results, Failure>>,
    ) -> Result<Results, Trouble> {
        let options = &self.connector.options;
        let limit = options.statement_timeout + options.lock_timeout + GRACE;
        match tokio::time::timeout(limit, work).await {
            Ok(result) => result.map_err(Trouble::from),
            Err(_) => Err(Trouble::Lost(self.connector.silent(limit).into())),
        }
    }

    async fn line(&self) -> Result<Arc<Line>, StoreError> {
        let open = held(&self.line).clone().filter(|line| !line.is_closed());
        if let Some(line) = open {
            return Ok(line);
        }
        let line = Arc::new(Line::open(&self.connector).await?);
        *held(&self.line) = Some(line.clone());
        Ok(line)
    }

    async fn desk(&self) -> Result<Desk, StoreError> {
        let free = held(&self.desk).take().filter(|desk| !desk.client.is_closed());
        match free {
            Some(desk) => Ok(desk),
            None => {
                let client = self.connector.own_patiently().await?;
                self.connector.plan_by_index(&client).await?;
                // The server may be another one, whose log ends elsewhere.
                Ok(Desk { client, ends: Ends::default() })
            }
        }
    }

    /// Says who keeps the log locked.
    async fn locked(&self) -> StoreError {
        let waited = self.connector.options.lock_timeout;
        let line = held(&self.line).clone();
        let holder = async {
            let lent;
            let link = match &line {
                Some(line) => line.link(&self.connector),
                None => {
                    lent = self.connector.own().await.ok()?;
                    self.connector.link(&lent)
                }
            };
            let row = link.query_opt(&link.sql.log_holder, &[]).await.ok()??;
            let (pid, name) = (get::<i32>(&row, 0).ok()?, get::<String>(&row, 1).ok()?);
            // Hidden from other roles.
            let age = get::<Option<f64>>(&row, 2).ok()?;
            let age = age.map(|age| format!(" for {age:.1} s")).unwrap_or_default();
            Some(format!(
                "the transaction of process {pid} (application `{name}`) has kept the log \
                 locked{age}: commit right after an append"
            ))
        };
        let holder = tokio::time::timeout(GRACE, holder).await.ok().flatten();
        StoreError::Locked {
            place: self.connector.place.to_string(),
            hint: holder.unwrap_or_else(|| {
                format!("somebody kept the log locked for {waited:?} and has let it go: try again")
            }),
        }
    }

    async fn in_one_statement(&self, line: &Line, batch: &[Wanted]) -> Result<Results, Failure> {
        let appends = appends(batch);
        let channel = self.growth.is_time_to_tell().then(|| channel(&self.connector));
        let mut results = line.append(&appends, self.now(), channel.as_deref()).await?;
        if channel.is_some()
            && let Some(head) = results.iter().flatten().map(|done| done.position).max()
        {
            self.growth.told(head);
        }
        let told = tell_repetitions(line.link(&self.connector), &appends, &mut results).await;
        // The batch is committed: an error from here on is none of it.
        told.map_err(|failure| StoreError::OutcomeUnknown {
            source: Arc::new(failure.explained(&self.connector)),
        })?;
        Ok(results)
    }

    async fn in_a_transaction(
        &self,
        mut desk: Desk,
        batch: &[Wanted],
        carefully: bool,
    ) -> Result<Results, Failure> {
        let link = self.connector.link(&desk.client);
        // What is known goes if the transaction does.
        let mut ends = std::mem::take(&mut desk.ends);
        let appends = appends(batch);
        let judging = Judging { now: self.now(), carefully, whole: true };
        let begin = async { Ok(link.session.client.batch_execute(BEGIN).await?) };
        let judged = append_judged(link, &appends, judging, &mut ends, begin).await;
        let outcome = match judged {
            Ok((judged, _)) => {
                desk.ends = ends;
                let results = batch.iter().zip(judged.results);
                Ok(results.map(|(wanted, result)| wanted.settled(result)).collect())
            }
            Err(failure) => {
                if link.run("ROLLBACK").await.is_err() {
                    return Err(failure);
                }
                Err(failure)
            }
        };
        *held(&self.desk) = Some(desk);
        outcome
    }

    fn now(&self) -> Option<jiff::Timestamp> {
        self.connector.options.clock.as_ref().map(|clock| cut_time(clock.now()))
    }
}

/// Finds the appends that met a conflict because they had been made before, all with one look.
async fn tell_repetitions(
    link: Link<'_>,
    appends: &[&Append],
    results: &mut [Result<Appended, StoreError>],
) -> Result<(), Failure> {
    let mut lost: Vec<_> = appends
        .iter()
        .zip(results)
        .filter(|(_, result)| matches!(result, Err(StoreError::Conflict { .. })))
        .collect();
    if lost.is_empty() {
        return Ok(());
    }
    let asked: Vec<&Append> = lost.iter().map(|(append, _)| **append).collect();
    let first = first_results(link, &asked).await?;
    for ((_, result), first) in lost.iter_mut().zip(first) {
        if let Some(first) = first {
            **result = first;
        }
    }
    Ok(())
}

fn held<T>(place: &Mutex<T>) -> MutexGuard<'_, T> {
    place.lock().unwrap_or_else(PoisonError::into_inner)
}

fn appends(batch: &[Wanted]) -> Vec<&Append> {
    batch.iter().map(|wanted| &wanted.append).collect()
}

/// Whether a batch can be judged side by side in one statement of a bearable size.
fn is_one_statement(batch: &[Wanted]) -> bool {
    let events: usize = batch.iter().map(|wanted| wanted.append.event_count()).sum();
    let bytes: usize = batch.iter().map(|wanted| wanted.bytes).sum();
    events < COPY_EVENTS
        && bytes <= 2 * MAX_BATCH_BYTES
        && stand_alone(batch.iter().map(|wanted| &wanted.append))
}
