//! What the members of the engine's stories run: a projection, a handler and a subscriber, each cut by
//! account.

use std::collections::HashSet;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use annals::prelude::*;
use annals::store::BoxError;
use annals::table::{TableSpec, Value};
use annals::{ConsumeError, EventHandler, HandlerTables, Partitions, Subscriber, async_trait};

use crate::bank::AccountEvent;
use crate::random::Random;

/// What is deposited where something is to happen.
pub const SPECIAL_CENTS: i64 = 13_000_013;

/// What came in on an account.
#[derive(ReadModel, Debug, Clone, PartialEq)]
#[read_model(table = "totals")]
pub struct Total {
    /// The account.
    #[key]
    pub account: u32,
    /// What is on it.
    pub cents: i64,
    /// How many events made it so: an event that is folded twice shows.
    pub events: i64,
}

/// Keeps [`Total`], in a version of the program.
pub struct Totals<const VERSION: u32>;

impl<const V: u32> Projection for Totals<V> {
    type Event = AccountEvent;
    type Row = Total;
    const NAME: &str = "totals";
    const VERSION: u32 = V;
    const PARTITIONS: Partitions = Partitions::ById;

    fn fold(&self, account: &u32, row: &mut Option<Total>, event: &Recorded<AccountEvent>) {
        let total = row.get_or_insert_with(|| Total { account: *account, cents: 0, events: 0 });
        total.events += 1;
        match event.data {
            AccountEvent::Deposited { cents } => total.cents += cents * i64::from(V),
            AccountEvent::Withdrawn { cents } => total.cents -= cents * i64::from(V),
            AccountEvent::Opened { .. } | AccountEvent::Closed => {}
        }
    }
}

/// How often an event was handled.
#[derive(ReadModel, Debug, Clone, PartialEq)]
#[read_model(table = "seen")]
pub struct Seen {
    /// Where it stands in the log.
    #[key]
    pub position: i64,
    /// How often it was counted.
    pub times: i64,
}

/// Calls that fail once: the next one for the same event goes well.
#[derive(Debug, Default)]
pub struct FailOnce {
    /// How many of a hundred.
    percent: u64,
    failed: Mutex<HashSet<u64>>,
}

impl FailOnce {
    /// Some of a hundred events.
    pub fn percent(percent: u64) -> Self {
        Self { percent, failed: Mutex::default() }
    }

    fn fails(&self, position: u64) -> bool {
        let unlucky = Random::new(position).below(100) < self.percent;
        unlucky && self.failed.lock().unwrap_or_else(PoisonError::into_inner).insert(position)
    }
}

/// What a handler does with [`SPECIAL_CENTS`].
#[derive(Debug, Default, Clone, Copy)]
pub enum Special {
    /// Nothing in particular.
    #[default]
    Nothing,
    /// It waits for so long, and others can work meanwhile.
    Waits(Duration),
    /// It blocks its thread for so long.
    Blocks(Duration),
    /// It fails every time.
    Fails,
}

impl Special {
    async fn happens(self, event: &AccountEvent) -> Result<(), &'static str> {
        if *event != (AccountEvent::Deposited { cents: SPECIAL_CENTS }) {
            return Ok(());
        }
        println!("begins");
        match self {
            Self::Nothing => {}
            Self::Waits(time) => tokio::time::sleep(time).await,
            Self::Blocks(time) => std::thread::sleep(time),
            Self::Fails => return Err("it is refused"),
        }
        println!("ends");
        Ok(())
    }
}

/// Counts every event in a row of its own.
#[derive(Debug, Default)]
pub struct Counting {
    /// Which calls fail.
    pub failing: FailOnce,
    /// What it does with a special event.
    pub special: Special,
}

#[async_trait]
impl EventHandler for Counting {
    type Event = AccountEvent;
    const NAME: &'static str = "counting";
    const VERSION: u32 = 1;
    const PARTITIONS: Partitions = Partitions::ById;

    fn tables() -> Vec<TableSpec> {
        vec![Seen::table().clone()]
    }

    async fn handle(
        &self,
        event: &Recorded<AccountEvent>,
        tables: &mut HandlerTables<'_>,
    ) -> Result<(), BoxError> {
        let sql = "INSERT INTO {seen} AS seen (position, times) VALUES ($1, 1)
                   ON CONFLICT (position) DO UPDATE SET times = seen.times + 1";
        let position = event.position.get();
        tables.execute(sql, &[Value::Integer(position.cast_signed())]).await?;
        self.special.happens(&event.data).await?;
        if self.failing.fails(position) {
            return Err("it fails once".into());
        }
        Ok(())
    }
}

/// An effect outside of the store.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Effect {
    /// The account.
    pub account: u64,
    /// Where the event stands in the log.
    pub position: u64,
    /// Its id.
    pub event_id: String,
}

/// Notes every event at the end of a file, outside of the store.
#[derive(Debug)]
pub struct Noting {
    /// The file.
    pub file: PathBuf,
    /// Which calls fail.
    pub failing: FailOnce,
}

impl Noting {
    /// What was noted, in the order in which it happened.
    ///
    /// # Panics
    /// When the file cannot be read or holds something else.
    pub fn read(file: &std::path::Path) -> Vec<Effect> {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let read = |line: &str| {
            let mut words = line.split(' ');
            let mut word = || words.next().expect("three words");
            let (account, position) = (word().parse(), word().parse());
            Effect {
                account: account.expect("an account"),
                position: position.expect("a position"),
                event_id: word().to_owned(),
            }
        };
        text.lines().map(read).collect()
    }

    /// One line, in one write: it is there as a whole or not at all.
    fn note(&self, event: &Recorded<AccountEvent>) -> Result<(), BoxError> {
        let account: u64 = event.aggregate_id()?;
        let line = format!("{account} {} {}\n", event.position, event.id);
        let mut file = File::options().create(true).append(true).open(&self.file)?;
        Ok(file.write_all(line.as_bytes())?)
    }
}

#[async_trait]
impl Subscriber for Noting {
    type Event = AccountEvent;
    const NAME: &'static str = "noting";

    async fn handle(&self, event: &Recorded<AccountEvent>) -> Result<(), ConsumeError> {
        if self.failing.fails(event.position.get()) {
            return Err(ConsumeError::retry("it fails once"));
        }
        self.note(event).map_err(ConsumeError::retry)
    }
}
