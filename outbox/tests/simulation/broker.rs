//! A broker in bad weather.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use annals_core::Position;
use annals_outbox::{
    Address, History, HistoryError, HistoryPage, MemoryBroker, MemorySource, Message, Part,
    PublicLog, PublishError, Published, Publisher, ReceiveError, Received, Receiver, Source,
};
use async_trait::async_trait;

use crate::random::Random;

/// What goes wrong, in a thousand.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Weather {
    /// A message is stored, and the answer is lost.
    pub(crate) loses_answers: u64,
    /// A message is stored twice.
    pub(crate) repeats: u64,
    /// No answer comes for a long time, and the message may be stored or not.
    pub(crate) hangs: u64,
    /// A receiver loses its connection: what was not acknowledged comes again.
    pub(crate) cuts: u64,
    /// An acknowledgement is lost.
    pub(crate) forgets: u64,
}

#[derive(Debug)]
pub(crate) struct Sky {
    pub(crate) broker: MemoryBroker,
    random: Mutex<Random>,
    weather: Mutex<Weather>,
    pub(crate) in_doubt: AtomicU64,
    pub(crate) cuts: AtomicU64,
    pub(crate) repeated: AtomicU64,
    pub(crate) told: AtomicU64,
}

impl Sky {
    pub(crate) fn new(seed: u64, weather: Weather) -> Arc<Self> {
        Arc::new(Self {
            broker: MemoryBroker::default(),
            random: Mutex::new(Random::new(seed)),
            weather: Mutex::new(weather),
            in_doubt: AtomicU64::new(0),
            cuts: AtomicU64::new(0),
            repeated: AtomicU64::new(0),
            told: AtomicU64::new(0),
        })
    }

    pub(crate) fn clears_up(&self) {
        *self.weather.lock().unwrap_or_else(PoisonError::into_inner) = Weather::default();
        self.broker.come_up();
    }

    fn strikes(&self, what: impl Fn(&Weather) -> u64) -> bool {
        let odds = what(&self.weather.lock().unwrap_or_else(PoisonError::into_inner));
        self.roll(|random| random.chance(odds))
    }

    fn roll<T>(&self, roll: impl FnOnce(&mut Random) -> T) -> T {
        roll(&mut self.random.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn takes_a_moment(&self) {
        let ms = self.roll(|random| random.below(20));
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
}

/// The broker as a relay meets it.
pub(crate) struct Out(pub(crate) Arc<Sky>);

#[async_trait]
impl Publisher for Out {
    fn broker(&self) -> &str {
        "simulated:"
    }

    async fn prepare(&self, places: &[Address]) -> Result<(), PublishError> {
        self.0.broker.prepare(places).await
    }

    async fn publish(&self, to: &Address, message: &Message) -> Result<Published, PublishError> {
        let sky = &self.0;
        sky.takes_a_moment().await;
        if sky.strikes(|weather| weather.hangs) {
            sky.in_doubt.fetch_add(1, Ordering::Relaxed);
            if sky.roll(|random| random.chance(500)) {
                sky.broker.publish(to, message).await?;
            }
            // Whoever waits gives it up.
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
        let published = sky.broker.publish(to, message).await?;
        if sky.strikes(|weather| weather.repeats) {
            sky.repeated.fetch_add(1, Ordering::Relaxed);
            sky.broker.publish(to, message).await?;
        }
        sky.takes_a_moment().await;
        if sky.strikes(|weather| weather.loses_answers) {
            sky.in_doubt.fetch_add(1, Ordering::Relaxed);
            return Err(PublishError::in_doubt("the answer is lost"));
        }
        Ok(published)
    }
}

/// The broker as a consumer meets it.
pub(crate) struct In(pub(crate) Arc<Sky>, pub(crate) MemorySource);

#[async_trait]
impl Source for In {
    fn broker(&self) -> &str {
        "simulated:"
    }

    fn origin(&self) -> &str {
        self.1.origin()
    }

    async fn open(&self, group: &str, part: Part) -> Result<Box<dyn Receiver>, ReceiveError> {
        let open = (self.1.clone(), group.to_owned(), part);
        let inner = open.0.open(group, part).await?;
        Ok(Box::new(Cut {
            sky: self.0.clone(),
            open,
            inner: Some(inner),
            handed_out: 0,
            before: 0,
        }))
    }
}

/// A receiver whose connection is cut now and then, and who builds it anew.
struct Cut {
    sky: Arc<Sky>,
    open: (MemorySource, String, Part),
    inner: Option<Box<dyn Receiver>>,
    /// How many it has handed out.
    handed_out: u64,
    /// How many of them came over earlier connections.
    before: u64,
}

#[async_trait]
impl Receiver for Cut {
    async fn receive(&mut self, limit: usize) -> Result<Vec<Received>, ReceiveError> {
        if self.sky.strikes(|weather| weather.cuts) {
            self.sky.cuts.fetch_add(1, Ordering::Relaxed);
            (self.inner, self.before) = (None, self.handed_out);
            return Err(ReceiveError::down("the connection is cut"));
        }
        let inner = match &mut self.inner {
            Some(inner) => inner,
            None => self.inner.insert(self.open.0.open(&self.open.1, self.open.2).await?),
        };
        let mut received = inner.receive(limit.min(20)).await?;
        for message in &mut received {
            message.number += self.before;
            self.handed_out = message.number;
        }
        Ok(received)
    }

    async fn acknowledge(&mut self, number: u64) -> Result<(), ReceiveError> {
        self.sky.takes_a_moment().await;
        if self.sky.strikes(|weather| weather.forgets) {
            return Ok(());
        }
        // What came over an earlier connection is that one's.
        match (&mut self.inner, number.checked_sub(self.before)) {
            (Some(inner), Some(number)) => inner.acknowledge(number).await,
            (Some(_), None) => Ok(()),
            (None, _) => Err(ReceiveError::down("there is no connection")),
        }
    }
}

/// What the other service has told, as a consumer meets it.
pub(crate) struct Told(pub(crate) Arc<Sky>, pub(crate) PublicLog);

#[async_trait]
impl History for Told {
    fn origin(&self) -> &str {
        self.1.origin()
    }

    async fn page(&self, after: Position, limit: usize) -> Result<HistoryPage, HistoryError> {
        self.0.takes_a_moment().await;
        if self.0.strikes(|weather| weather.cuts) {
            return Err(HistoryError::down("the connection is cut"));
        }
        let page = self.1.page(after, limit).await;
        self.0.told.fetch_add(1, Ordering::Relaxed);
        self.0.takes_a_moment().await;
        page
    }
}
