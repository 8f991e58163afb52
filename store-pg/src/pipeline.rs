//! Statements of a transaction that were sent and whose answers nobody has waited for: the server works
//! on one while the next is being made.

use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};

use annals_core::store::StoreError;
use annals_core::table::Value;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};

use crate::link::Link;
use crate::value::Bind;

/// How many statements are under way at the most: beyond it nothing gets faster.
const MOST: usize = 256;

/// How many bytes of values are under way at the most.
const MOST_BYTES: usize = 1 << 20;

type Answer<'t> = BoxFuture<'t, Result<(), StoreError>>;

/// In the order they were sent.
pub(crate) struct Pipeline<'t> {
    under_way: VecDeque<(usize, Answer<'t>)>,
    bytes: usize,
    /// Whether the transaction is known to have begun. Before that, nothing that writes is sent but one step
    /// of a checkpoint with the commit, which is whole by itself.
    begun: bool,
}

impl<'t> Pipeline<'t> {
    /// Begins the transaction: the first read goes out right behind it.
    pub(crate) fn begin(link: Link<'t>, begin: String) -> Self {
        let mut begun = async move { link.run(&begin).await }.boxed();
        let answer = send(&mut begun);
        let begun = answer.map_or(begun, |answer| std::future::ready(answer).boxed());
        Self { under_way: [(0, begun)].into(), bytes: 0, begun: false }
    }

    /// Sends a statement behind those that are under way.
    pub(crate) async fn statement(
        &mut self,
        link: Link<'t>,
        sql: &str,
        values: &[Value],
    ) -> Result<(), StoreError> {
        let bytes = sql.len() + values.iter().map(Value::bytes).sum::<usize>();
        let types: Vec<Type> = values.iter().map(|value| Bind(value).sent_as()).collect();
        self.make_room(bytes).await?;
        let ready = link.session.ready(sql, &types).await.map_err(link.failed());
        let ready = self.reason(ready).await?;
        let values = values.to_vec();
        let answer = async move {
            let binds: Vec<Bind<'_>> = values.iter().map(Bind).collect();
            let binds: Vec<_> = binds.iter().map(|bind| bind as &(dyn ToSql + Sync)).collect();
            let answer = ready.query(link.session.client, &binds).await;
            answer.map(|_| ()).map_err(|error| {
                if error.code() == Some(&SqlState::FEATURE_NOT_SUPPORTED) {
                    // A table has changed its shape since it was prepared: the next try does that anew.
                    link.session.forget();
                }
                link.failed()(error)
            })
        };
        self.push(bytes, answer.boxed())
    }

    /// Waits for the older half when there are many.
    pub(crate) async fn make_room(&mut self, bytes: usize) -> Result<(), StoreError> {
        if !self.begun {
            return self.settle().await;
        }
        if self.under_way.len() >= MOST || self.bytes + bytes > MOST_BYTES {
            self.settle_first(self.under_way.len().div_ceil(2)).await?;
        }
        Ok(())
    }

    /// Sends what there is [room](Self::make_room) for.
    pub(crate) fn push(&mut self, bytes: usize, mut answer: Answer<'t>) -> Result<(), StoreError> {
        if let Some(answer) = send(&mut answer) {
            return answer;
        }
        self.bytes += bytes;
        self.under_way.push_back((bytes, answer));
        Ok(())
    }

    /// What fails behind a statement that has failed says no more than that: the first is the reason.
    pub(crate) async fn reason<T>(
        &mut self,
        outcome: Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if outcome.is_err() {
            self.settle().await?;
        }
        outcome
    }

    /// Waits for all answers.
    pub(crate) async fn settle(&mut self) -> Result<(), StoreError> {
        self.settle_first(self.under_way.len()).await
    }

    /// Waits for so many answers: for the last of them first, because by then the others are there.
    async fn settle_first(&mut self, count: usize) -> Result<(), StoreError> {
        let Some((_, last)) = count.checked_sub(1).and_then(|last| self.under_way.get_mut(last))
        else {
            return Ok(());
        };
        let mut answer = Some(last.await);
        for rest in (0..count).rev() {
            let Some((bytes, sent)) = self.under_way.pop_front() else { break };
            self.bytes -= bytes;
            match answer.take_if(|_| rest == 0) {
                Some(answer) => answer?,
                None => sent.await?,
            }
        }
        self.begun = true;
        Ok(())
    }
}

/// Sends a statement: it is when it is first polled. Nobody is woken for its answer before they wait.
fn send(statement: &mut Answer<'_>) -> Option<Result<(), StoreError>> {
    match statement.poll_unpin(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => Some(answer),
        Poll::Pending => None,
    }
}
