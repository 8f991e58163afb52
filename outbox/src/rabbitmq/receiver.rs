//! Receives some queues, over one connection at a time.

use std::future::{pending, poll_fn};
use std::sync::Arc;
use std::time::Duration;

use annals_core::Backoff;
use async_trait::async_trait;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::decode::message;
use super::errors::{Failure, explain, word};
use super::lane::Lane;
use super::publisher::PAUSES;
use super::session::{Connecting, Session, Wanted};
use crate::source::{ReceiveError, Received, Receiver};

/// How long nothing comes before it is looked for who else has the queue.
const LOOK_AFTER: Duration = Duration::from_secs(3);

/// How long an acknowledgement may take to leave.
const ACKNOWLEDGE: Duration = Duration::from_secs(5);

pub(super) struct RabbitMqReceiver {
    wanted: Arc<Wanted>,
    session: Option<Session>,
    /// On its way to a session. A call that is dropped leaves it on its way.
    connecting: Option<Connecting>,
    number: u64,
    /// Which lane is asked first.
    turn: usize,
    pauses: Backoff,
    again: Instant,
}

impl RabbitMqReceiver {
    pub(super) fn new(wanted: Wanted) -> Self {
        Self {
            wanted: Arc::new(wanted),
            session: None,
            connecting: None,
            number: 0,
            turn: 0,
            pauses: Backoff::new(PAUSES.0, PAUSES.1),
            again: Instant::now(),
        }
    }

    /// Connects and begins to receive, if it has not.
    pub(super) async fn begin(&mut self) -> Result<(), Failure> {
        if self.wanted.queues.is_empty() {
            return Ok(());
        }
        if self.wanted.claim.is_lost() {
            (self.session, self.connecting) = (None, None);
            sleep_until(self.again).await;
            self.pause_after_this();
            return Err(self.wanted.lost());
        }
        if self.session.is_some() {
            return Ok(());
        }
        if self.connecting.is_none() {
            sleep_until(self.again).await;
            self.pause_after_this();
        }
        let wanted = &self.wanted;
        let connecting = self.connecting.get_or_insert_with(|| Connecting::start(wanted.clone()));
        let connected = connecting.done().await;
        self.connecting = None;
        self.session = Some(connected?);
        Ok(())
    }

    /// What has come, and may be handed out.
    async fn next(&mut self, limit: usize) -> Result<Vec<Received>, Failure> {
        let Some(session) = &mut self.session else { return pending().await };
        let waits = session.lanes.iter().any(Lane::waits);
        let came = poll_fn(|context| session.poll(&mut self.turn, limit, context));
        let came = if waits {
            match timeout_at(Instant::now() + LOOK_AFTER, came).await {
                Ok(came) => came?,
                Err(_) => {
                    session.look_for_others(self.wanted.shared.target.connect_within).await?;
                    return Ok(Vec::new());
                }
            }
        } else {
            came.await?
        };
        self.pauses.reset();
        let mut received = Vec::with_capacity(came.len());
        for (lane, delivery) in came {
            self.number += 1;
            session.lanes[lane].hand_out(self.number, delivery.delivery_tag);
            received.push(Received { number: self.number, message: message(delivery) });
        }
        Ok(received)
    }

    fn pause_after_this(&mut self) {
        self.again = Instant::now() + self.pauses.next_pause();
    }

    /// Ends the connection, unless it is as good as before. Everything that was not acknowledged comes again.
    fn end(&mut self) {
        if let Some(session) = self.session.take_if(|session| !session.only_waits()) {
            drop(session);
            self.pause_after_this();
        }
    }
}

#[async_trait]
impl Receiver for RabbitMqReceiver {
    async fn receive(&mut self, limit: usize) -> Result<Vec<Received>, ReceiveError> {
        loop {
            self.begin().await.map_err(Failure::receiving)?;
            match self.next(limit.max(1)).await {
                Ok(received) if received.is_empty() => {}
                Ok(received) => return Ok(received),
                Err(failure) => {
                    self.end();
                    let lost = self.wanted.claim.is_lost().then(|| self.wanted.lost());
                    return Err(lost.unwrap_or(failure).receiving());
                }
            }
        }
    }

    async fn acknowledge(&mut self, number: u64) -> Result<(), ReceiveError> {
        let broker = &self.wanted.shared.target.broker;
        if self.wanted.claim.is_lost() {
            return Err(self.wanted.lost().receiving());
        }
        // What a connection before this one has handed out comes again, whatever is said about it.
        let Some(session) = &mut self.session else { return Ok(()) };
        let deadline = Instant::now() + ACKNOWLEDGE;
        for lane in &mut session.lanes {
            match timeout_at(deadline, lane.acknowledge(number)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    let why = format!("{broker} has ended the connection: {}", word(&error));
                    return Err(ReceiveError::down(why));
                }
                Err(_) => return Err(explain::silent(broker, "acknowledging").receiving()),
            }
        }
        Ok(())
    }
}
