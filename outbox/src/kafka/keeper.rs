//! The thread that keeps a session: commits what was acknowledged, looks for partitions that have come, and
//! whether anybody is still there. librdkafka's calls for these block.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer as _;
use rdkafka::error::KafkaResult;
use tokio::sync::mpsc::UnboundedSender;

use super::claim::Seen;
use super::errors::Unknown;
use super::heard::Heard;
use super::lanes::{Hold, Lane};
use super::reading::Reading;
use super::session::{Consumer, Trouble};
use super::topics;
use crate::source::ReceiveError;

/// For how long acknowledgements wait for others.
const COMMIT_AFTER: Duration = Duration::from_millis(200);

/// How often offsets that do not move are written again. Kafka forgets those that nobody has written for
/// `offsets.retention.minutes`, a week if nobody says otherwise, however quiet the topic was.
const RENEW_EVERY: Duration = Duration::from_secs(600);

/// What a session wants.
pub(super) enum Order {
    /// Something was acknowledged.
    Commit,
    /// Is anybody there?
    Probe,
    /// Commit, and let go.
    End(Arc<Consumer>),
}

/// One session's thread.
pub(super) struct Keeper {
    reading: Reading,
    consumer: Arc<Consumer>,
    heard: Heard,
    troubles: UnboundedSender<Trouble>,
    /// What was written last.
    committed: BTreeMap<Lane, Hold>,
    commit_at: Option<Instant>,
    failing_since: Option<Instant>,
    look_at: Instant,
    renew_at: Instant,
    /// It has said why it does no more.
    is_over: bool,
}

impl Keeper {
    pub(super) fn start(
        reading: Reading,
        (consumer, heard): (Arc<Consumer>, Heard),
        troubles: UnboundedSender<Trouble>,
        orders: Receiver<Order>,
    ) {
        let now = Instant::now();
        let committed = reading.holds.lock().clone();
        let keeper = Self {
            committed,
            look_at: now + reading.options.look_every,
            renew_at: now + RENEW_EVERY,
            reading,
            consumer,
            heard,
            troubles,
            commit_at: None,
            failing_since: None,
            is_over: false,
        };
        std::thread::spawn(move || keeper.run(&orders));
    }

    fn run(mut self, orders: &Receiver<Order>) {
        loop {
            let due = self.commit_at.map_or(self.look_at, |at| at.min(self.look_at));
            let due = due.min(self.renew_at).saturating_duration_since(Instant::now());
            match orders.recv_timeout(due) {
                Ok(Order::Commit) => {
                    self.commit_at.get_or_insert_with(|| Instant::now() + COMMIT_AFTER);
                }
                Ok(Order::Probe) => self.probe(),
                Ok(Order::End(consumer)) => return self.end(consumer),
                Err(RecvTimeoutError::Timeout) => {}
                // The session that would have said so was never made.
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.work(Instant::now());
        }
    }

    fn work(&mut self, now: Instant) {
        if self.commit_at.is_some_and(|at| at <= now) {
            self.commit_at = None;
            self.commit(false);
        }
        if self.look_at <= now {
            self.look();
            self.look_at = Instant::now() + self.reading.options.look_every;
        }
        if self.renew_at <= now {
            self.commit(true);
            self.renew_at = Instant::now() + RENEW_EVERY;
        }
    }

    /// The last commit, tried for as long as any, and then the client goes, which may take it a moment.
    fn end(mut self, consumer: Arc<Consumer>) {
        self.commit(false);
        while self.commit_at.take().is_some() {
            std::thread::sleep(COMMIT_AFTER);
            self.commit(false);
        }
        let going = self.reading.going.clone();
        drop(self);
        // Whoever opens anew needs to wait for the commit alone.
        going.send_modify(|going| *going -= 1);
        drop(consumer);
    }

    fn tell(&mut self, trouble: Trouble) {
        self.is_over = true;
        // Nobody may be there to hear it any more.
        let _ = self.troubles.send(trouble);
    }

    /// Commits what has changed, or everything. What has failed is tried again for as long as an answer may
    /// take.
    fn commit(&mut self, everything: bool) {
        if self.is_over {
            return;
        }
        let mut holds = self.reading.holds.lock().clone();
        if !everything {
            holds.retain(|lane, hold| self.committed.get(lane) != Some(hold));
        }
        if holds.is_empty() {
            return;
        }
        match self.try_commit(&holds) {
            Ok(Ok(())) => {
                self.failing_since = None;
                self.committed.extend(holds);
            }
            Ok(Err(trouble)) => self.tell(trouble),
            Err(error) => {
                let options = &self.reading.options;
                let since = *self.failing_since.get_or_insert_with(Instant::now);
                let told = options.ungrouped(&self.reading.group, &error, &self.heard);
                let may_pass = matches!(told, ReceiveError::Down { .. });
                if may_pass && since.elapsed() < options.answer_within {
                    self.commit_at = Some(Instant::now() + COMMIT_AFTER);
                } else {
                    self.tell(Trouble::Told(told));
                }
            }
        }
    }

    /// Looks whose the lanes are, and writes. Between the two a taker-over may come in: it finds an older
    /// claim in place of its own then, and puts it right.
    fn try_commit(&self, holds: &BTreeMap<Lane, Hold>) -> KafkaResult<Result<(), Trouble>> {
        for (lane, kept) in self.reading.kept(&self.consumer, holds.keys().copied())? {
            // The broker has forgotten it.
            if kept.offset.is_none() {
                continue;
            }
            match holds[&lane].claim.see(&kept.beside) {
                Seen::Mine | Seen::Straggler => {}
                Seen::Successor => return Ok(Err(self.reading.taken_over(lane))),
                Seen::Stranger => return Ok(Err(self.reading.moved(lane))),
            }
        }
        let written = holds.iter().map(|(lane, hold)| (*lane, (hold.next, hold.claim.to_string())));
        self.reading.write(&self.consumer, &written.collect())?;
        Ok(Ok(()))
    }

    /// Whether anybody answers.
    fn probe(&mut self) {
        if self.is_over {
            return;
        }
        if let Err((topic, unknown)) = self.partitions() {
            let told = self.reading.options.unreceived(&topic, unknown);
            self.tell(Trouble::Told(told));
        }
    }

    /// Takes lanes that have come.
    fn look(&mut self) {
        if self.is_over {
            return;
        }
        let all = match self.partitions() {
            Ok(all) => all,
            // Nobody answers just now: whether that stays so is found out by those who need an answer.
            Err((_, Unknown::Down(_))) => return,
            Err((topic, unknown)) => {
                let told = self.reading.options.unreceived(&topic, unknown);
                return self.tell(Trouble::Told(told));
            }
        };
        let held = self.reading.holds.lock().clone();
        let is_new = |lane: Lane| self.reading.is_ours(lane) && !held.contains_key(&lane);
        if !all.iter().any(|lane| is_new(*lane)) {
            return;
        }
        match self.reading.take(&self.consumer, &self.heard, &all, is_new) {
            Ok(_) => {
                self.committed = self.reading.holds.lock().clone();
                tracing::info!(group = self.reading.group, "a topic has more partitions");
            }
            Err(trouble) => self.tell(trouble),
        }
    }

    fn partitions(&self) -> Result<Vec<Lane>, (String, Unknown)> {
        let mut lanes = Vec::new();
        for (topic, name) in self.reading.topics.iter().enumerate() {
            let deadline = Instant::now() + self.reading.options.answer_within;
            // Whoever receives polls the client.
            let found =
                topics::partitions(self.consumer.client(), &self.heard, name, deadline, &|| ());
            let count = found.map_err(|unknown| (name.clone(), unknown))?;
            lanes.extend((0..count).map(|partition| Lane { topic, partition }));
        }
        Ok(lanes)
    }
}
