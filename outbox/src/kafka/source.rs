//! Receiving.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use rdkafka::consumer::BaseConsumer;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::claim::Claim;
use super::lanes::{Holds, Lane};
use super::options::{KafkaOptions, Settings};
use super::reading::Reading;
use super::session::{Record, Session, Trouble};
use super::{settings, topics};
use crate::InvalidOptions;
use crate::source::{Part, ReceiveError, Received, Receiver, Source};

/// Servers, and a group there.
type Place = (String, String);

/// How many sessions of a group are going: receivers of this program that were dropped, and still commit what
/// they have acknowledged.
static GOING: LazyLock<Mutex<HashMap<Place, watch::Sender<usize>>>> = LazyLock::new(Mutex::default);

/// Topics of Kafka. Their partitions are the lanes; a topic's partition has the same number in each.
pub struct KafkaSource {
    options: Settings,
    place: String,
    origin: String,
    topics: Arc<[String]>,
}

impl KafkaSource {
    /// A source. It connects when it is opened.
    ///
    /// # Errors
    /// [`InvalidOptions`], also when there is no topic, or one that cannot have that name. That nobody
    /// answers is none.
    pub async fn connect<T: Into<String>>(
        options: KafkaOptions,
        topics: impl IntoIterator<Item = T>,
    ) -> Result<Self, InvalidOptions> {
        let options = options.settings()?;
        let topics: Arc<[String]> = topics.into_iter().map(Into::into).collect();
        if topics.is_empty() {
            return Err(InvalidOptions::new("a source receives at least one topic"));
        }
        if let Some(topic) = topics.iter().find(|topic| !topics::is_name(topic)) {
            let why = format!("`{topic}` is no name of a topic of Kafka");
            return Err(InvalidOptions::new(why));
        }
        let consumer = options.consumer("annals")?.create::<BaseConsumer>();
        let consumer = consumer.map_err(settings::not_made)?;
        // Made to see whether it can be.
        std::thread::spawn(move || drop(consumer));
        let (place, origin) = (options.place(), topics.join(", "));
        Ok(Self { options, place, origin, topics })
    }

    /// How many sessions of a group are going.
    fn going(&self, group: &str) -> watch::Sender<usize> {
        let mut going = GOING.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (self.options.url.servers.clone(), group.to_owned());
        going.entry(key).or_insert_with(|| watch::Sender::new(0)).clone()
    }
}

#[async_trait]
impl Source for KafkaSource {
    fn broker(&self) -> &str {
        &self.place
    }

    fn origin(&self) -> &str {
        &self.origin
    }

    async fn open(&self, group: &str, part: Part) -> Result<Box<dyn Receiver>, ReceiveError> {
        let going = self.going(group);
        let mut goes = going.subscribe();
        // Whoever takes longer loses his acknowledgements to the claims that come now.
        let limit = self.options.answer_within;
        let _ = tokio::time::timeout(limit, goes.wait_for(|going| *going == 0)).await;
        let reading = Reading {
            options: self.options.clone(),
            topics: self.topics.clone(),
            group: group.to_owned(),
            part,
            reader: Uuid::now_v7(),
            holds: Holds::default(),
            going,
        };
        let begins = reading.clone();
        let begun = tokio::task::spawn_blocking(move || begins.begin()).await;
        let session = begun.map_err(ReceiveError::down)?.map_err(|trouble| match trouble {
            Trouble::Told(error) => error,
            Trouble::OutOfRange => ReceiveError::down("the broker has lost what it has just shown"),
            Trouble::TakenOver(why) => ReceiveError::down(why),
        })?;
        let state = State::Running(Box::new(session));
        Ok(Box::new(KafkaReceiver {
            reading,
            state,
            handed_out: VecDeque::new(),
            number: 0,
            session: 0,
        }))
    }
}

/// After how long a receiver that was taken over, and is asked all the same, takes the part back: three
/// times as long as a lease usually is.
const TAKE_BACK_AFTER: Duration = Duration::from_secs(30);

struct KafkaReceiver {
    reading: Reading,
    state: State,
    /// By their numbers. Not acknowledged yet.
    handed_out: VecDeque<HandedOut>,
    number: u64,
    /// Counts sessions. What one has handed out comes again by the next.
    session: u64,
}

struct HandedOut {
    number: u64,
    session: u64,
    lane: Lane,
    claim: Claim,
    offset: i64,
}

enum State {
    /// Nothing is there; because messages are gone, or because of what was told already.
    Idle {
        out_of_range: bool,
    },
    Beginning {
        out_of_range: bool,
        task: JoinHandle<Result<Session, Trouble>>,
    },
    Running(Box<Session>),
    /// Somebody else receives.
    Over(Over),
}

/// A part that somebody else has taken over.
struct Over {
    why: String,
    since: Instant,
    /// How often it was to receive all the same.
    asked: u32,
}

impl Over {
    /// Whether it is to receive after all. Whoever has lost the lease stops asking within the lease; whoever
    /// goes on has it, and was taken over by somebody who came late.
    fn is_wrong(&mut self) -> bool {
        self.asked += 1;
        self.asked > 2 && self.since.elapsed() > TAKE_BACK_AFTER
    }
}

impl KafkaReceiver {
    /// Has a session.
    async fn session(&mut self) -> Result<&mut Session, ReceiveError> {
        if let State::Over(over) = &mut self.state {
            if !over.is_wrong() {
                return Err(ReceiveError::down(over.why.clone()));
            }
            self.reading.holds.lock().clear();
            self.end(false);
        }
        if let State::Idle { out_of_range } = self.state {
            let begins = self.reading.clone();
            let task = tokio::task::spawn_blocking(move || begins.begin());
            self.state = State::Beginning { out_of_range, task };
        }
        if let State::Beginning { out_of_range, task } = &mut self.state {
            let out_of_range = *out_of_range;
            // Whoever is dropped here finds it again.
            let begun = task.await;
            self.state = State::Idle { out_of_range: false };
            let begun = begun.map_err(ReceiveError::down)?;
            let session = begun.map_err(|trouble| self.told(trouble))?;
            if out_of_range && session.gap.is_none() {
                let why = "the broker says that messages are gone, and then that they are there";
                return Err(ReceiveError::down(why));
            }
            self.state = State::Running(Box::new(session));
        }
        match &mut self.state {
            State::Running(session) => Ok(session),
            State::Idle { .. } | State::Beginning { .. } | State::Over(_) => {
                Err(ReceiveError::down("there is no connection"))
            }
        }
    }

    /// Ends the session. What was not acknowledged comes again, unless it is acknowledged before.
    fn end(&mut self, out_of_range: bool) {
        self.handed_out.retain(|handed_out| handed_out.session == self.session);
        self.session += 1;
        self.state = State::Idle { out_of_range };
    }

    fn told(&mut self, trouble: Trouble) -> ReceiveError {
        self.end(false);
        match trouble {
            Trouble::Told(error) => error,
            Trouble::OutOfRange => ReceiveError::down("messages are gone"),
            Trouble::TakenOver(why) => {
                tracing::warn!("{why}");
                let over = Over { why: why.clone(), since: Instant::now(), asked: 0 };
                self.state = State::Over(over);
                ReceiveError::down(why)
            }
        }
    }

    fn hand_out(&mut self, records: Vec<Record>) -> Vec<Received> {
        let holds = self.reading.holds.lock();
        let number = |(lane, offset, message)| {
            self.number += 1;
            let claim = holds.get(&lane).expect("a lane is held before it is read").claim;
            let (number, session) = (self.number, self.session);
            self.handed_out.push_back(HandedOut { number, session, lane, claim, offset });
            Received { number, message }
        };
        records.into_iter().map(number).collect()
    }
}

#[async_trait]
impl Receiver for KafkaReceiver {
    async fn receive(&mut self, limit: usize) -> Result<Vec<Received>, ReceiveError> {
        loop {
            let session = self.session().await?;
            if let Some(why) = session.gap.take() {
                tracing::warn!("{why}");
                return Err(ReceiveError::Gap { why });
            }
            match session.next(limit).await {
                Ok(records) => return Ok(self.hand_out(records)),
                Err(Trouble::OutOfRange) => self.end(true),
                Err(trouble) => return Err(self.told(trouble)),
            }
        }
    }

    async fn acknowledge(&mut self, number: u64) -> Result<(), ReceiveError> {
        let done = self.handed_out.partition_point(|handed_out| handed_out.number <= number);
        // What an earlier session has handed out was handed out again: that counts now.
        let session = done.checked_sub(1).map(|last| self.handed_out[last].session);
        {
            let mut holds = self.reading.holds.lock();
            for HandedOut { session: its, lane, claim, offset, .. } in self.handed_out.drain(..done)
            {
                match holds.get_mut(&lane) {
                    Some(hold) if Some(its) == session && hold.claim == claim => {
                        hold.next = hold.next.max(offset + 1);
                    }
                    _ => {}
                }
            }
        }
        match &self.state {
            State::Running(session) if done > 0 => session.commit(),
            State::Over(over) => return Err(ReceiveError::down(over.why.clone())),
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_asked_again_and_again_has_the_lease() {
        let long_ago = Instant::now().checked_sub(TAKE_BACK_AFTER + Duration::from_secs(1));
        let long_ago = long_ago.expect("the machine has run for longer");
        // A process that was frozen asks once before it looks at its lease.
        let mut frozen = Over { why: String::new(), since: long_ago, asked: 0 };
        assert!(!frozen.is_wrong() && !frozen.is_wrong());
        assert!(frozen.is_wrong(), "it goes on asking");
        let mut hasty = Over { why: String::new(), since: Instant::now(), asked: 100 };
        assert!(!hasty.is_wrong());
    }
}
