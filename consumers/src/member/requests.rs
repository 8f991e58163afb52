//! Carrying out what people want, and answering when it is done.

use std::collections::BTreeSet;
use std::pin::Pin;

use annals_core::store::{StoreError, TransactExt, Transaction};
use annals_core::table::{Comparison, Condition, Direction, RowQuery, Value};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::anew::REBUILD_KEY;
use super::claim::{consumer, evict, lock};
use super::replay::REPLAY;
use super::sweep::Sweeper;
use super::view::View;
use crate::caught::caught;
use crate::records::{Json, ParkedKey, RequestRecord, list, load, of_consumer, put};

/// A request that nobody has taken.
pub(crate) const OPEN: &str = "open";
/// One that a member carries out.
pub(crate) const TAKEN: &str = "taken";
/// One that is carried out.
pub(crate) const ANSWERED: &str = "done";
/// One that is not.
pub(crate) const REFUSED: &str = "refused";

/// The keys that a request is about: those that were shown to whoever asked.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub(crate) struct Keys {
    pub(crate) keys: Vec<String>,
}

/// Something that is done in a transaction.
pub(super) type Working<'t> = Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send + 't>>;

/// What came of a request so far.
pub(super) enum Outcome {
    Done(String),
    Refused(String),
    /// It takes its time: look again in the next round.
    NotYet,
}

impl Sweeper {
    /// The requests that are not over. Read before the view: what one of them has begun is seen there.
    pub(super) async fn open_requests(&self) -> Result<Vec<RequestRecord>, StoreError> {
        let not = |state: &str| Condition {
            column: "state",
            comparison: Comparison::NotEqual,
            value: Value::Text(state.to_owned()),
        };
        let query = RowQuery {
            conditions: vec![not(ANSWERED), not(REFUSED)],
            order: vec![("asked_at", Direction::Ascending)],
            limit: 1_000,
            ..RowQuery::default()
        };
        list(&**self.context.stores.work(), &query).await
    }

    pub(super) async fn requests(
        &mut self,
        open: Vec<RequestRecord>,
        view: &View,
    ) -> Result<(), StoreError> {
        let mut undecided = BTreeSet::new();
        for request in open {
            let handler = self.consumers.get(request.consumer.as_str());
            let handler = handler.map(|consumer| consumer.handler.clone());
            let mine = request.taken_by == Some(self.context.me);
            match handler {
                // What was begun is brought to its end, whatever it has changed.
                Some(handler) if mine || handler.takes(&request.verb).await => {}
                _ => continue,
            }
            if !self.may_take(&request, view) {
                if mine {
                    self.give_back(&request).await?;
                }
                continue;
            }
            // Who is told to rest and to go on does what was said last, whoever carries it out.
            let pauses = ["pause", "resume"].contains(&request.verb.as_str());
            if pauses && undecided.contains(&request.consumer) {
                continue;
            }
            if pauses && request.answer.is_none() {
                undecided.insert(request.consumer.clone());
            }
            let free = request.taken_by.is_none_or(|taken| !view.carries_on(taken));
            let taken = mine || (free && self.take_request(&request).await?);
            if !taken {
                continue;
            }
            let outcome = match self.carry_out(&request, view).await {
                Ok(outcome) => outcome,
                Err(StoreError::Invalid { why }) => Outcome::Refused(why),
                Err(error) => {
                    tracing::warn!(request = %request.id, %error, "a request has to wait");
                    continue;
                }
            };
            match outcome {
                Outcome::Done(answer) => self.answer(request.id, ANSWERED, answer).await?,
                Outcome::Refused(why) => self.answer(request.id, REFUSED, why).await?,
                Outcome::NotYet => {}
            }
        }
        Ok(())
    }

    /// Takes a request, unless something was done about it since it was seen.
    async fn take_request(&self, seen: &RequestRecord) -> Result<bool, StoreError> {
        let (me, seen) = (self.context.me, seen.clone());
        self.change_request(seen.id, move |request| {
            let free = *request == seen;
            if free {
                TAKEN.clone_into(&mut request.state);
                request.taken_by = Some(me);
            }
            free
        })
        .await
    }

    /// Leaves a request that was not begun to others.
    pub(super) async fn release_request(&self, id: Uuid) -> Result<(), StoreError> {
        let me = self.context.me;
        self.change_request(id, move |request| {
            let mine = request.taken_by == Some(me) && request.state == TAKEN;
            if mine {
                OPEN.clone_into(&mut request.state);
                request.taken_by = None;
            }
            mine
        })
        .await
        .map(drop)
    }

    async fn answer(
        &self,
        id: Uuid,
        state: &'static str,
        answer: String,
    ) -> Result<(), StoreError> {
        let me = self.context.me;
        let answer = answer.replace('\0', "\u{fffd}");
        self.change_request(id, move |request| {
            let mine = request.taken_by == Some(me) && request.state == TAKEN;
            if mine {
                state.clone_into(&mut request.state);
                request.answer = Some(answer.clone());
            }
            mine
        })
        .await
        .map(drop)
    }

    async fn change_request(
        &self,
        id: Uuid,
        change: impl Fn(&mut RequestRecord) -> bool + Send + Sync + Clone + 'static,
    ) -> Result<bool, StoreError> {
        self.context
            .stores
            .work()
            .transact_with(move |transaction| {
                let change = change.clone();
                Box::pin(async move {
                    transaction.state(&format!("request/{id}")).await?;
                    let key = vec![Value::Uuid(id)];
                    let Some(mut request) = load::<RequestRecord>(transaction, key).await? else {
                        return Ok(false);
                    };
                    let changed = change(&mut request);
                    if changed {
                        if [ANSWERED, REFUSED].contains(&request.state.as_str()) {
                            request.answered_at = Some(transaction.now().await?);
                        }
                        put(transaction, &request).await?;
                    }
                    Ok(changed)
                })
            })
            .await
    }

    /// Begins to carry a request out, or looks how far it is.
    async fn carry_out(
        &mut self,
        request: &RequestRecord,
        view: &View,
    ) -> Result<Outcome, StoreError> {
        match request.verb.as_str() {
            "pause" => self.pause(request, view).await,
            "resume" => self.begin_request(request, "resumed", set_paused(request, false)).await,
            "retry" => {
                let keys = self.wanted_keys(request).await?;
                let answer = format!("{} keys are tried now", keys.len());
                self.begin_request(request, &answer, move |transaction| {
                    let keys = keys.clone();
                    Box::pin(async move { mark(transaction, keys, None).await })
                })
                .await
            }
            "discard" => self.discard(request).await,
            REPLAY => self.replay(request).await,
            "repartition" => self.repartition(request, view).await,
            REBUILD_KEY => self.rebuild_key(request, view).await,
            _ => self.job(request).await,
        }
    }

    /// Does something once, however often it is asked: in the transaction that writes it down with the
    /// request. Once it is done, so is the request, as far as this goes.
    pub(super) async fn begin_request<F>(
        &self,
        request: &RequestRecord,
        answer: &str,
        work: F,
    ) -> Result<Outcome, StoreError>
    where
        F: for<'t> FnMut(&'t mut dyn Transaction) -> Working<'t> + Clone + Send + 'static,
    {
        if let Some(answer) = &request.answer {
            return Ok(Outcome::Done(answer.clone()));
        }
        let (id, me, answer) = (request.id, self.context.me, answer.to_owned());
        let begun = self.context.stores.work().transact_with(move |transaction| {
            let answer = answer.clone();
            let lock = format!("request/{id}");
            let mut work = work.clone();
            Box::pin(async move {
                transaction.state(&lock).await?;
                let known = load::<RequestRecord>(transaction, vec![Value::Uuid(id)]).await?;
                let mine = |known: &RequestRecord| {
                    known.taken_by == Some(me) && known.state == TAKEN && known.answer.is_none()
                };
                let Some(mut request) = known.filter(mine) else { return Ok(None) };
                work(transaction).await?;
                request.answer = Some(answer.clone());
                put(transaction, &request).await?;
                Ok(Some(answer))
            })
        });
        let begun = begun.await?;
        self.woken.notify_one();
        Ok(begun.map_or(Outcome::NotYet, Outcome::Done))
    }

    async fn pause(&self, request: &RequestRecord, view: &View) -> Result<Outcome, StoreError> {
        if request.answer.is_none() {
            self.begin_request(request, "pausing", set_paused(request, true)).await?;
            return Ok(Outcome::NotYet);
        }
        if view.consumers.get(&request.consumer).is_none_or(|known| !known.paused) {
            return Ok(Outcome::Done("paused, and resumed since".to_owned()));
        }
        let parts = view.partitions.iter().filter(|part| part.consumer == request.consumer);
        let held: Vec<_> = parts.filter(|part| part.owner.is_some()).collect();
        if held.is_empty() {
            return Ok(Outcome::Done("paused".to_owned()));
        }
        // One who counts as dead may be about to come back.
        let dead = held.iter().filter(|part| part.owner.is_some_and(|owner| !view.is_alive(owner)));
        for id in dead.map(|part| part.id()) {
            self.context
                .stores
                .work()
                .transact_with(move |transaction| {
                    let id = id.clone();
                    Box::pin(async move { evict(transaction, &id).await })
                })
                .await?;
        }
        Ok(Outcome::NotYet)
    }

    async fn discard(&self, request: &RequestRecord) -> Result<Outcome, StoreError> {
        let keys = self.wanted_keys(request).await?;
        if request.answer.is_none() {
            let by = by(request);
            self.begin_request(request, "discarding", move |transaction| {
                let (keys, by) = (keys.clone(), by.clone());
                Box::pin(async move { mark(transaction, keys, Some(by)).await })
            })
            .await?;
            return Ok(Outcome::NotYet);
        }
        Ok(match keys.iter().any(|key| key.discarded_by.is_some()) {
            true => Outcome::NotYet,
            false => Outcome::Done("discarded".to_owned()),
        })
    }

    /// The keys that a request is about, as far as they are parked.
    async fn wanted_keys(&self, request: &RequestRecord) -> Result<Vec<ParkedKey>, StoreError> {
        let wanted: Keys = arguments(&request.arguments)?;
        let query =
            RowQuery { conditions: vec![of_consumer(&request.consumer)], ..RowQuery::default() };
        let parked = list::<ParkedKey>(&**self.context.stores.work(), &query).await?;
        Ok(parked.into_iter().filter(|key| wanted.keys.contains(&key.key)).collect())
    }

    /// What the consumer's own handler carries out, on a task of its own.
    async fn job(&mut self, request: &RequestRecord) -> Result<Outcome, StoreError> {
        let Some(job) = self.jobs.get(&request.id) else {
            let Some(consumer) = self.consumers.get(request.consumer.as_str()) else {
                return Ok(Outcome::NotYet);
            };
            let (handler, woken) = (consumer.handler.clone(), self.woken.clone());
            let (verb, arguments) = (request.verb.clone(), request.arguments.0.clone());
            let job = tokio::spawn(async move {
                let panicked = |message| format!("it panicked: {message}");
                let result = caught(handler.request(&verb, &arguments), panicked).await;
                woken.notify_one();
                result
            });
            self.jobs.insert(request.id, job);
            return Ok(Outcome::NotYet);
        };
        if !job.is_finished() {
            return Ok(Outcome::NotYet);
        }
        let Some(job) = self.jobs.remove(&request.id) else { return Ok(Outcome::NotYet) };
        Ok(match job.await {
            Ok(Ok(answer)) => Outcome::Done(answer),
            Ok(Err(why)) => Outcome::Refused(why),
            Err(error) => Outcome::Refused(format!("it broke off: {error}")),
        })
    }
}

/// Who wants it, and why.
fn by(request: &RequestRecord) -> String {
    match request.why.is_empty() {
        true => request.who.clone(),
        false => format!("{}: {}", request.who, request.why),
    }
}

pub(super) fn arguments<T: for<'j> Deserialize<'j>>(arguments: &Json) -> Result<T, StoreError> {
    serde_json::from_str(&arguments.0).map_err(|error| StoreError::Invalid {
        why: format!("the arguments of the request cannot be read: {error}"),
    })
}

/// Lets a consumer rest, or go on.
fn set_paused(
    request: &RequestRecord,
    paused: bool,
) -> impl for<'t> FnMut(&'t mut dyn Transaction) -> Working<'t> + Clone + Send + 'static {
    let (name, who) = (request.consumer.clone(), by(request));
    move |transaction| {
        let (name, who) = (name.clone(), who.clone());
        Box::pin(async move {
            lock(transaction, &name).await?;
            let Some(mut record) = consumer(transaction, &name).await? else {
                return Ok(());
            };
            if record.paused == paused {
                return Ok(());
            }
            record.paused = paused;
            record.paused_by = paused.then_some(who);
            record.changed_at = transaction.now().await?;
            put(transaction, &record).await
        })
    }
}

async fn mark(
    transaction: &mut dyn Transaction,
    keys: Vec<ParkedKey>,
    discarded_by: Option<String>,
) -> Result<(), StoreError> {
    let now = transaction.now().await?;
    for key in keys {
        let row_key = crate::records::Record::key(&key);
        // It may have been healed meanwhile.
        let Some(mut key) = load::<ParkedKey>(transaction, row_key).await? else { continue };
        key.next_attempt = Some(now);
        if discarded_by.is_some() {
            key.discarded_by.clone_from(&discarded_by);
        }
        put(transaction, &key).await?;
    }
    Ok(())
}
