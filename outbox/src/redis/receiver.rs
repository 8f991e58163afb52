//! Receives some lanes for a group.

use std::collections::BTreeMap;
use std::sync::Arc;

use ::redis::{Cmd, Value};
use async_trait::async_trait;
use tokio::time::Instant;

use super::entry;
use super::errors::{is_gone, receiving, strange};
use super::failure::Failure;
use super::lane::{BEGINNING, Lane};
use super::link::Link;
use super::news::News;
use super::options::RedisStart;
use super::scripts::Script;
use super::settings::Settings;
use crate::source::{ReceiveError, Received, Receiver};

/// How many streams are looked at in one script: the server does nothing else meanwhile.
const LANES_AT_ONCE: usize = 32;

/// How many messages one script reads at the most.
const MESSAGES_AT_ONCE: usize = 1000;

/// After how many bytes a script stops to read: with the message that reaches them.
const BYTES_AT_ONCE: usize = 8 * 1024 * 1024;

/// Receives some lanes for a group, as long as nobody else does.
pub(super) struct RedisReceiver {
    settings: Arc<Settings>,
    group: String,
    lanes: Vec<Lane>,
    /// The name under which the group knows this receiver.
    me: String,
    link: Link,
    news: News,
    /// By its number, the lane and the entry of a message that was handed out.
    handed_out: BTreeMap<u64, (usize, String)>,
    number: u64,
    /// Which lane is looked at first.
    first: usize,
    /// How many lanes had nothing, one after the other.
    silent: usize,
    /// The server was not there, and everything is asked for again.
    begins_again: bool,
    /// Everything was asked for again, and has not come yet.
    comes_again: bool,
}

impl RedisReceiver {
    pub(super) fn new(settings: Arc<Settings>, group: &str, lanes: Vec<Lane>) -> Self {
        const SCRIPTS: &[Script] = &[Script::TakeOver, Script::Read, Script::Acknowledge];
        Self {
            link: Link::new(settings.clone(), SCRIPTS),
            news: News::new(settings.clone()),
            settings,
            group: group.to_owned(),
            lanes,
            me: String::new(),
            handed_out: BTreeMap::new(),
            number: 0,
            first: 0,
            silent: 0,
            begins_again: false,
            comes_again: false,
        }
    }

    /// Becomes the one receiver of its lanes.
    pub(super) async fn take_over(&mut self) -> Result<(), ReceiveError> {
        if self.lanes.is_empty() {
            return Ok(());
        }
        let options = &self.settings.options;
        let start = match options.start {
            RedisStart::Oldest => "0",
            RedisStart::Newest => "$",
        };
        let fill = |command: &mut Cmd| {
            for lane in &self.lanes {
                command.arg(&lane.stream);
            }
            command.arg(&self.group).arg(u8::from(options.declare));
            for lane in &self.lanes {
                command.arg(lane.done.as_deref().unwrap_or(start));
            }
        };
        let keys = self.lanes.len();
        let answer = run(&self.settings, &self.link, Script::TakeOver, keys, fill).await;
        let answer = answer.map_err(|failure| self.judge(failure))?;
        let (word, parts) = self.split(answer)?;
        let mut parts = parts.into_iter();
        let subject = parts.next().map(|name| entry::text(entry::bytes(name))).unwrap_or_default();
        match (&*word, parts.next()) {
            ("yours", Some(Value::Array(lanes))) => {
                self.me = subject;
                for (lane, state) in self.lanes.iter_mut().zip(lanes) {
                    lane.begin(state);
                }
                Ok(())
            }
            ("no stream" | "no group", _) => Err(self.missing(&word, &subject)),
            _ => Err(self.judge(Failure::Lost(format!("the server answers `{word}`")))),
        }
    }

    /// Reads once: from some lanes, whatever they have.
    async fn read(&mut self, limit: usize) -> Result<Vec<Received>, ReceiveError> {
        let count = self.lanes.len().min(LANES_AT_ONCE);
        let places: Vec<usize> =
            (self.first..self.first + count).map(|place| place % self.lanes.len()).collect();
        let asked: Vec<String> = places.iter().flat_map(|place| self.lanes[*place].ask()).collect();
        let fill = |command: &mut Cmd| {
            for place in &places {
                command.arg(&self.lanes[*place].stream);
            }
            command.arg(&self.group).arg(&self.me);
            command.arg(limit.clamp(1, MESSAGES_AT_ONCE)).arg(BYTES_AT_ONCE).arg(&asked);
        };
        let answer = run(&self.settings, &self.link, Script::Read, count, fill).await;
        let answer = match answer {
            Err(failure) if is_gone(&failure) => return Err(self.group_is_gone().await),
            answer => answer.map_err(|failure| self.judge(failure))?,
        };
        let (word, mut parts) = self.split(answer)?;
        if word != "read" {
            return Err(self.taken_over(parts));
        }
        let Some(Value::Array(lanes)) = parts.pop() else {
            return Err(self.judge(Failure::Lost("the server answers nothing".to_owned())));
        };
        if std::mem::take(&mut self.comes_again) {
            // What was handed out before gets new numbers, or is acknowledged.
            self.handed_out.clear();
        }
        self.first = (self.first + count) % self.lanes.len();
        let mut received = Vec::new();
        for (place, answer) in places.into_iter().zip(lanes) {
            let read = self.lanes[place].take(answer);
            for read in read.map_err(|failure| self.judge(failure))? {
                self.number += 1;
                self.handed_out.insert(self.number, (place, read.entry));
                received.push(Received { number: self.number, message: read.message });
            }
        }
        self.silent = if received.is_empty() { self.silent + count } else { 0 };
        Ok(received)
    }

    /// Says what is done, as far as it was not said.
    async fn say_done(&mut self) -> Result<(), ReceiveError> {
        let unsaid = |lane: &&mut Lane| lane.done.is_some() && lane.done != lane.said;
        let mut lanes: Vec<&mut Lane> = self.lanes.iter_mut().filter(unsaid).collect();
        if lanes.is_empty() {
            return Ok(());
        }
        let fill = |command: &mut Cmd| {
            for lane in &lanes {
                command.arg(&lane.stream);
            }
            command.arg(&self.group).arg(&self.me);
            for lane in &lanes {
                command.arg(lane.done.as_deref().unwrap_or(BEGINNING));
            }
        };
        let answer = run(&self.settings, &self.link, Script::Acknowledge, lanes.len(), fill).await;
        match answer {
            Ok(answer) => {
                let is_done = matches!(&answer, Value::Array(parts) if parts.len() == 1);
                if is_done {
                    for lane in &mut lanes {
                        lane.said.clone_from(&lane.done);
                    }
                    return Ok(());
                }
                let (_, parts) = self.split(answer)?;
                Err(self.taken_over(parts))
            }
            Err(failure) if is_gone(&failure) => Err(self.group_is_gone().await),
            Err(failure) => Err(self.judge(failure)),
        }
    }

    /// The first word of an answer, and the rest.
    fn split(&mut self, answer: Value) -> Result<(String, Vec<Value>), ReceiveError> {
        match answer {
            Value::Array(mut parts) if !parts.is_empty() => {
                let word = entry::text(entry::bytes(parts.remove(0)));
                Ok((word, parts))
            }
            other => Err(self.judge(strange(&other))),
        }
    }

    /// Begins again after what went wrong.
    fn judge(&mut self, failure: Failure) -> ReceiveError {
        self.begins_again = true;
        let names: Vec<&str> = self.lanes.iter().map(|lane| &*lane.stream).collect();
        receiving(failure, &names.join(", "))
    }

    fn taken_over(&mut self, parts: Vec<Value>) -> ReceiveError {
        self.begins_again = true;
        let mut parts = parts.into_iter().map(|part| entry::text(entry::bytes(part)));
        let stream = parts.next().unwrap_or_default();
        ReceiveError::down(format!(
            "another process receives `{stream}` for the group `{}` now ({}): what this one has not \
             acknowledged went there",
            self.group,
            parts.next().unwrap_or_default(),
        ))
    }

    /// The group or its stream was there and is not any more: somebody has deleted it, or the server has lost
    /// what it had.
    async fn group_is_gone(&mut self) -> ReceiveError {
        if let Err(error) = self.take_over().await {
            return error;
        }
        self.begins_again = true;
        let names: Vec<&str> = self.lanes.iter().map(|lane| &*lane.stream).collect();
        ReceiveError::Gap {
            why: format!(
                "the group `{}` was deleted, with its stream or alone, or the server has lost what it had: \
                 what is gone is not known. It was made anew; receiving goes on in {} behind what was \
                 acknowledged, or at the beginning of a stream that is new",
                self.group,
                names.join(", "),
            ),
        }
    }

    fn missing(&mut self, what: &str, stream: &str) -> ReceiveError {
        self.begins_again = true;
        let group = &self.group;
        ReceiveError::Missing {
            why: format!(
                "there is {what} for the group `{group}` of the stream `{stream}`, and nothing is made here: \
                 correct the name, or make it with `XGROUP CREATE {stream} {group} 0 MKSTREAM`, or let it be \
                 made (`declare(true)`)"
            ),
        }
    }
}

/// Runs a script with the time limit, on a connection that is left when it is of no use.
async fn run(
    settings: &Settings,
    link: &Link,
    script: Script,
    keys: usize,
    fill: impl Fn(&mut Cmd) + Sync,
) -> Result<Value, Failure> {
    let deadline = Instant::now() + settings.options.answer_within;
    let connection = link.connection(deadline).await?;
    let answer = connection.run(script, keys, fill, deadline).await;
    if answer.as_ref().is_err_and(Failure::ends_connection) {
        link.leave(&connection);
    }
    answer
}

#[async_trait]
impl Receiver for RedisReceiver {
    async fn receive(&mut self, limit: usize) -> Result<Vec<Received>, ReceiveError> {
        if self.lanes.is_empty() {
            return std::future::pending().await;
        }
        if self.begins_again {
            self.say_done().await?;
            self.lanes.iter_mut().for_each(Lane::restart);
            self.news.forget();
            self.silent = 0;
            self.begins_again = false;
            self.comes_again = true;
        }
        loop {
            let gap = self.lanes.iter_mut().find_map(|lane| lane.tell_gap(&self.group));
            if let Some(why) = gap {
                self.silent = 0;
                return Err(ReceiveError::Gap { why });
            }
            if self.silent >= self.lanes.len() {
                let news = self.news.wait(&self.lanes).await;
                let place = news.map_err(|failure| self.judge(failure))?;
                self.first = place.unwrap_or(self.first);
                self.silent = 0;
            }
            let received = self.read(limit).await?;
            if !received.is_empty() {
                return Ok(received);
            }
        }
    }

    async fn acknowledge(&mut self, number: u64) -> Result<(), ReceiveError> {
        let rest = self.handed_out.split_off(&(number + 1));
        let done = std::mem::replace(&mut self.handed_out, rest);
        // In a lane, larger numbers are later entries.
        for (place, entry) in done.into_values() {
            self.lanes[place].done = Some(entry);
        }
        self.say_done().await
    }
}
