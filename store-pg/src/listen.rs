//! Wake-ups between processes. They are hints: losing every one of them costs latency only, because
//! subscriptions poll as well.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use annals_core::Position;
use annals_core::store::{StoreError, WakeupSender};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_postgres::types::Type;

use crate::connection::Connector;
use crate::lent::Lent;
use crate::log::read_head;
use crate::session::Bound;

/// At most one notification in this time: under load many appends share one.
const PACE: Duration = Duration::from_millis(4);

/// How much longer than an append the notifier waits, so that the next append can do it.
const LEEWAY: Duration = Duration::from_millis(2);

/// How long to wait before listening is tried again, at the most.
const MAX_PAUSE: Duration = Duration::from_secs(5);

/// How often the connection that listens is asked whether it is still there: it is the one on which
/// silence says nothing.
const PROBE: Duration = Duration::from_secs(60);

/// How long the notifier waits for growth before it looks again whether the store is still there.
const IDLE: Duration = Duration::from_secs(60);

/// Who is told when the log has grown.
#[derive(Debug, Default, Clone)]
pub(crate) struct Growth {
    /// Everybody in this process.
    pub(crate) here: WakeupSender,
    /// The notifier, of what this process has appended.
    own: WakeupSender,
    told: Arc<Mutex<Told>>,
}

/// What other processes have been told.
#[derive(Debug, Default)]
struct Told {
    head: Position,
    at: Option<Instant>,
}

impl Growth {
    /// This process has made the log grow.
    pub(crate) fn grown(&self, head: Position) {
        if head > Position::START {
            self.here.wake(head);
            self.own.wake(head);
        }
    }

    /// Whether it is time to tell other processes. Whoever asks tells them, if so.
    pub(crate) fn is_time_to_tell(&self) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let is_time = told.at.is_none_or(|at| at.elapsed() >= PACE);
        if is_time {
            told.at = Some(Instant::now());
        }
        is_time
    }

    /// Other processes have been told how far the log reaches.
    pub(crate) fn told(&self, head: Position) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.head = told.head.max(head);
    }

    fn last_told(&self) -> (Position, Option<Instant>) {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        (told.head, told.at)
    }
}

/// The tasks that listen and notify; they end with the store.
pub(crate) struct Live(Vec<JoinHandle<()>>);

impl Live {
    pub(crate) fn start(connector: &Arc<Connector>, growth: &Growth) -> Self {
        let notifier = notify(connector.clone(), growth.clone());
        let mut tasks = vec![tokio::spawn(notifier)];
        if connector.options.listen {
            tasks.push(tokio::spawn(listen(connector.clone(), growth.here.clone())));
        }
        Self(tasks)
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

/// Where the processes of a store tell each other how far the log reaches.
pub(crate) fn channel(connector: &Connector) -> String {
    format!("annals_{}", connector.options.schema.0)
}

/// Tells other processes what no append has told them with its own commit: what came within the pace,
/// or with a transaction of somebody's own.
async fn notify(connector: Arc<Connector>, growth: Growth) {
    let channel = channel(&connector);
    let mut appended = growth.own.subscribe();
    loop {
        let (told, at) = growth.last_told();
        if appended.beyond(told, IDLE).await.is_none() {
            continue;
        }
        if let Some(at) = at {
            tokio::time::sleep_until(at + PACE + LEEWAY).await;
        }
        let (told, _) = growth.last_told();
        let Some(head) = appended.beyond(told, Duration::ZERO).await else { continue };
        if !growth.is_time_to_tell() {
            continue;
        }
        let text = head.to_string();
        let sent = async {
            let lent = Lent::from(&connector).await?;
            let values: [Bound<'_>; 2] = [(&channel, Type::TEXT), (&text, Type::TEXT)];
            let link = lent.link()?;
            lent.within(link.query(&link.sql.notify, &values)).await
        };
        if let Err(error) = sent.await {
            if matches!(error, StoreError::Closed) {
                return;
            }
            tracing::debug!(%error, "other processes were not told; they poll");
        }
        growth.told(head);
    }
}

/// Hears what other processes have appended, and connects again whenever the connection is gone.
async fn listen(connector: Arc<Connector>, wakeups: WakeupSender) {
    let mut pause = Duration::from_millis(50);
    loop {
        match hear(&connector, &wakeups).await {
            // The connection was good until it ended.
            Ok(()) => pause = Duration::from_millis(50),
            Err(error) => {
                tracing::debug!(%error, "nobody listens, subscriptions poll meanwhile");
            }
        }
        wakeups.comes_from_all(false);
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(MAX_PAUSE);
    }
}

/// Listens until the connection ends.
async fn hear(connector: &Connector, wakeups: &WakeupSender) -> Result<(), StoreError> {
    let (alive, mut ended) = oneshot::channel::<()>();
    let woken = wakeups.clone();
    let client = connector
        .own_with(move |payload| {
            // The sender lives as long as this closure, and so as long as the connection.
            let _ = &alive;
            if let Ok(head) = payload.parse() {
                woken.wake(Position::new(head));
            }
        })
        .await?;
    let limit = connector.options.statement_timeout;
    let listening = format!("LISTEN {}", channel(connector));
    let begin = async {
        client.batch_execute(&listening).await.map_err(connector.failed())?;
        // What came before is not told any more.
        read_head(connector.link(&client)).await
    };
    let head = tokio::time::timeout(limit, begin).await;
    wakeups.wake(head.map_err(|_| connector.silent(limit))??);
    wakeups.comes_from_all(true);
    // Nobody sends: an error is the end of the connection.
    while tokio::time::timeout(PROBE, &mut ended).await.is_err() {
        let answer = tokio::time::timeout(limit, client.batch_execute("SELECT"));
        answer.await.map_err(|_| connector.silent(limit))?.map_err(connector.failed())?;
    }
    Ok(())
}
