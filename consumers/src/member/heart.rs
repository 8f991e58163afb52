//! The sign of life of a process: one row, written every third of the lease, on a connection and a timer of
//! its own, by the store's clock.

use std::sync::Arc;
use std::time::Duration;

use annals_core::store::TransactExt;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::context::Context;
use crate::records::{Json, MemberRecord, Record, put, remove};

/// The last sign of life that was written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Beat {
    /// As of when, by this process: before it was sent.
    pub(crate) at: Instant,
    /// As of when, by the store's clock.
    pub(crate) now: Timestamp,
}

impl Beat {
    /// What the store's clock shows now, about.
    pub(crate) fn store_time(&self) -> Timestamp {
        let passed = SignedDuration::try_from(self.at.elapsed()).unwrap_or(SignedDuration::MAX);
        self.now.saturating_add(passed).unwrap_or(Timestamp::MAX)
    }
}

/// What the heart is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Member,
    Stopping,
    Gone,
}

pub(crate) struct Heart {
    wanted: watch::Sender<Wanted>,
    last: watch::Receiver<Option<Beat>>,
    lease: Duration,
    beating: Beating,
}

enum Beating {
    Task(JoinHandle<()>),
    Thread(std::thread::JoinHandle<()>),
    Ended,
}

impl Heart {
    /// Begins to beat.
    pub(crate) fn start(context: Arc<Context>, consumers: String) -> Self {
        let (wanted, wants) = watch::channel(Wanted::Member);
        let (beats, last) = watch::channel(None);
        let (own_thread, lease) = (context.options.own_thread, context.options.lease);
        let beat = beat(context, consumers, wants, beats);
        if !own_thread {
            return Self { wanted, last, lease, beating: Beating::Task(tokio::spawn(beat)) };
        }
        let run = move || match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime.block_on(beat),
            Err(error) => tracing::error!(%error, "signs of life cannot be given"),
        };
        let thread = std::thread::Builder::new().name("annals-heart".to_owned()).spawn(run);
        match thread {
            Ok(thread) => Self { wanted, last, lease, beating: Beating::Thread(thread) },
            Err(error) => {
                // Without it nothing is claimed, and the next sweep says so.
                tracing::error!(%error, "no thread can be started for signs of life");
                Self { wanted, last, lease, beating: Beating::Ended }
            }
        }
    }

    /// The last sign of life that is known to be written.
    pub(crate) fn last(&self) -> Option<Beat> {
        *self.last.borrow()
    }

    /// Waits for the first.
    pub(crate) async fn first(&self) -> Option<Beat> {
        let mut last = self.last.clone();
        // An error means that the heart has ended.
        last.wait_for(Option::is_some).await.ok().and_then(|beat| *beat)
    }

    /// Waits until no sign of life was written for as long as the lease lasts.
    pub(crate) fn out_of_touch(&self) -> impl Future<Output = ()> + use<> {
        let (mut last, lease) = (self.last.clone(), self.lease);
        async move {
            loop {
                let Some(beat) = *last.borrow_and_update() else { return };
                // That the heart has ended is no sign of life.
                match tokio::time::timeout_at(beat.at + lease, last.changed()).await {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) => tokio::time::sleep_until(beat.at + lease).await,
                    Err(_) => return,
                }
            }
        }
    }

    /// Says that nothing new is taken.
    pub(crate) fn stopping(&self) {
        self.wanted.send_replace(Wanted::Stopping);
    }

    /// Takes the row away and ends.
    pub(crate) async fn stop(&mut self) {
        self.wanted.send_replace(Wanted::Gone);
        match std::mem::replace(&mut self.beating, Beating::Ended) {
            // It catches no panic of anybody's: it runs nobody's code.
            Beating::Task(task) => drop(task.await),
            Beating::Thread(thread) => {
                let mut last = self.last.clone();
                // The sender goes with the thread.
                while last.changed().await.is_ok() {}
                drop(thread);
            }
            Beating::Ended => {}
        }
    }
}

async fn beat(
    context: Arc<Context>,
    consumers: String,
    mut wants: watch::Receiver<Wanted>,
    beats: watch::Sender<Option<Beat>>,
) {
    let lease = SignedDuration::try_from(context.options.lease).unwrap_or(SignedDuration::MAX);
    let mut started_at = None;
    loop {
        // The other end is gone when the engine was dropped without a stop.
        let gone = wants.has_changed().is_err();
        let wanted = if gone { Wanted::Gone } else { *wants.borrow_and_update() };
        let member = MemberRecord {
            id: context.me,
            label: context.options.label.clone(),
            consumers: Json(consumers.clone()),
            stopping: wanted != Wanted::Member,
            started_at: started_at.unwrap_or(Timestamp::UNIX_EPOCH),
            seen_at: Timestamp::UNIX_EPOCH,
            expires_at: Timestamp::UNIX_EPOCH,
        };
        let at = Instant::now();
        let known = started_at.is_some();
        let written = context.stores.work().transact_apart_with(move |transaction| {
            let mut member = member.clone();
            Box::pin(async move {
                if wanted == Wanted::Gone {
                    remove::<MemberRecord>(transaction, &[member.key()]).await?;
                    return Ok(Timestamp::UNIX_EPOCH);
                }
                let now = transaction.now().await?;
                member.seen_at = now;
                member.expires_at = now.saturating_add(lease).unwrap_or(Timestamp::MAX);
                if !known {
                    member.started_at = now;
                }
                put(transaction, &member).await?;
                Ok(now)
            })
        });
        let third = context.options.lease / 3;
        let written = tokio::time::timeout(context.options.lease, written).await;
        if wanted == Wanted::Gone {
            return;
        }
        let pause = match written {
            Ok(Ok(now)) => {
                started_at.get_or_insert(now);
                beats.send_replace(Some(Beat { at, now }));
                third.saturating_sub(at.elapsed())
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, "a sign of life could not be written");
                third / 4
            }
            Err(_) => {
                tracing::warn!("a sign of life was not written in time");
                third / 4
            }
        };
        // Whatever is wanted now, or that nobody is there to want anything, is seen above.
        let _ = tokio::time::timeout(pause, wants.changed()).await;
    }
}
