//! A step of the saga as it would be written by hand, for both databases: the same texts as those of Annals, made
//! by serde alone.

use std::collections::BTreeMap;
use std::time::Duration;

use annals::{Timestamp, Uuid};
use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::domain::Movement;

/// After how long a confirmation is missed, and the whole instance.
const CONFIRMED: Duration = Duration::from_secs(3_600);
const OVERALL: Duration = Duration::from_secs(30 * 24 * 3_600);

/// How many events a transaction takes in: as many as a saga's.
pub(super) const PAGE: u64 = 500;

pub(super) const STEPPED: &str = "annals.saga.stepped";
pub(super) const SENT: &str = "annals.saga.sent";

/// An event of the log.
pub(super) struct Told {
    pub(super) id: Uuid,
    pub(super) stream: String,
    pub(super) version: u64,
    pub(super) position: u64,
    pub(super) at: Timestamp,
    pub(super) movement: Movement,
}

/// What is known of an instance.
#[derive(Default)]
pub(super) struct Instance {
    pub(super) version: u64,
    sent: u64,
    cents: i64,
    movements: u64,
}

/// What is to be appended: the step, and the command that it sends.
pub(super) struct Written {
    pub(super) stream: String,
    /// Of the first of both.
    pub(super) version: u64,
    pub(super) stepped: String,
    pub(super) sent: String,
}

/// When an instance is woken.
pub(super) struct Timer {
    pub(super) due_at: Timestamp,
    pub(super) body: String,
}

/// By key, so that the last of a page counts.
pub(super) type Timers = BTreeMap<String, Timer>;

#[derive(Serialize)]
struct Stepped<'a> {
    step: Step<'a>,
}

#[derive(Serialize)]
struct Step<'a> {
    version: u32,
    at: Timestamp,
    told_by: Uuid,
    input: Happened<'a>,
    decided: Vec<Decided<'a>>,
}

#[derive(Serialize)]
struct Happened<'a> {
    told: &'a str,
    id: Uuid,
    stream: &'a str,
    version: u64,
    position: u64,
    #[serde(rename = "type")]
    event_type: &'a str,
    schema_version: u32,
    recorded_at: Timestamp,
    occurred_at: Timestamp,
    data: &'a Movement,
}

#[derive(Serialize)]
#[serde(tag = "decided", rename_all = "kebab-case")]
enum Decided<'a> {
    Send { errand: &'a Errand<'a> },
    Wake { deadline: &'a str, at: Timestamp },
}

#[derive(Serialize)]
struct Sent<'a> {
    number: u64,
    errand: &'a Errand<'a>,
}

#[derive(Serialize)]
struct Errand<'a> {
    command: &'a str,
    category: &'a str,
    id: &'a str,
    body: Confirm<'a>,
}

#[derive(Serialize)]
struct Confirm<'a> {
    reference: &'a str,
    cents: i64,
    movements: u64,
}

#[derive(Serialize)]
struct Alarm<'a> {
    instance: &'a str,
    deadline: &'a str,
    at: Timestamp,
}

/// As much of a step as a state is folded from.
#[derive(Deserialize)]
struct Folded {
    step: FoldedStep,
}

#[derive(Deserialize)]
struct FoldedStep {
    input: FoldedInput,
}

#[derive(Deserialize)]
struct FoldedInput {
    data: FoldedData,
}

#[derive(Deserialize)]
struct FoldedData {
    cents: i64,
}

/// The instance that an event concerns.
pub(super) fn instance_of(stream: &str) -> &str {
    stream.strip_prefix("account-").unwrap_or(stream)
}

/// The stream of that instance.
pub(super) fn stream_of(stream: &str) -> String {
    format!("saga.confirmations-{}", instance_of(stream))
}

impl Instance {
    /// Takes in what stands in its stream.
    pub(super) fn fold(&mut self, event_type: &str, payload: &str) -> Result<(), Failure> {
        self.version += 1;
        match event_type {
            SENT => self.sent += 1,
            _ => {
                let folded: Folded = serde_json::from_str(payload)?;
                self.take_in(folded.step.input.data.cents);
            }
        }
        Ok(())
    }

    fn take_in(&mut self, cents: i64) {
        self.cents += cents;
        self.movements += 1;
    }

    /// Decides on an event.
    pub(super) fn take(&mut self, told: &Told, timers: &mut Timers) -> Result<Written, Failure> {
        let begins = self.version == 0;
        self.take_in(told.movement.cents);
        self.sent += 1;
        let Self { cents, movements, .. } = *self;
        let body = Confirm { reference: &told.movement.reference, cents, movements };
        let errand = Errand {
            command: "confirm",
            category: "counterparty",
            id: &told.movement.counterparty,
            body,
        };
        let (overall, confirmed) = (told.at + OVERALL, told.at + CONFIRMED);
        let instance = instance_of(&told.stream);
        let mut decided = Vec::with_capacity(3);
        if begins {
            decided.push(Decided::Wake { deadline: "(overall)", at: overall });
            timers.insert(key(instance, "(overall)"), timer(instance, "(overall)", overall)?);
        }
        decided.push(Decided::Send { errand: &errand });
        decided.push(Decided::Wake { deadline: "confirmed", at: confirmed });
        timers.insert(key(instance, "confirmed"), timer(instance, "confirmed", confirmed)?);
        let input = Happened {
            told: "event",
            id: told.id,
            stream: &told.stream,
            version: told.version,
            position: told.position,
            event_type: "account.moved",
            schema_version: 1,
            recorded_at: told.at,
            occurred_at: told.at,
            data: &told.movement,
        };
        let step = Step { version: 1, at: told.at, told_by: told.id, input, decided };
        let stepped = serde_json::to_string(&Stepped { step })?;
        let sent = serde_json::to_string(&Sent { number: self.sent, errand: &errand })?;
        let version = self.version + 1;
        self.version += 2;
        Ok(Written { stream: stream_of(&told.stream), version, stepped, sent })
    }
}

/// Begins with a slice, so that each worker finds its own.
fn key(instance: &str, deadline: &str) -> String {
    let slice = instance.bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31) + u32::from(byte));
    format!("{:04}/{instance}/{deadline}", slice % 256)
}

fn timer(instance: &str, deadline: &str, at: Timestamp) -> Result<Timer, Failure> {
    let body = serde_json::to_string(&Alarm { instance, deadline, at })?;
    Ok(Timer { due_at: at, body })
}
