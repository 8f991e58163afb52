//! Servers and channels, each once however many routes use them.

use serde_json::{Map, Value, json};

use super::reference;
use crate::address::Address;
use crate::contract::servers;
use crate::escape::key;

/// What subscribers may count on, whatever the broker.
const GUARANTEE: &str = "Messages of one key come in order, each at least once.";

/// The servers of all brokers.
#[derive(Default)]
pub(super) struct Servers(Map<String, Value>);

impl Servers {
    /// References to the servers of a broker.
    pub(super) fn of(&mut self, broker: &str) -> Vec<Value> {
        let found = servers(broker).into_iter().map(|server| {
            let mut told = json!({ "protocol": server.protocol, "host": server.host });
            if let Some(pathname) = server.pathname {
                told["pathname"] = pathname.into();
            }
            reference(&["servers", &free(&mut self.0, &key(&server.protocol), told)])
        });
        found.collect()
    }

    pub(super) fn into_json(self) -> Map<String, Value> {
        self.0
    }
}

/// The key of a value that is there, or a new one that begins so.
fn free(known: &mut Map<String, Value>, name: &str, value: Value) -> String {
    let mut candidate = name.to_owned();
    let mut number = 1_u64;
    loop {
        match known.get(&candidate) {
            Some(there) if *there == value => return candidate,
            Some(_) => {
                number += 1;
                candidate = format!("{name}-{number}");
            }
            None => {
                known.insert(candidate.clone(), value);
                return candidate;
            }
        }
    }
}

/// The places of all brokers.
#[derive(Default)]
pub(super) struct Channels {
    /// Without their messages, which tell no channel from another.
    channels: Map<String, Value>,
    messages: Map<String, Value>,
}

impl Channels {
    /// Notes which messages go to a place of a broker; returns the channel's key.
    pub(super) fn carry(
        &mut self,
        broker: &str,
        place: &Address,
        at: &[Value],
        messages: &[String],
    ) -> String {
        let mut told = json!({
            "address": place.routing_key.as_ref().unwrap_or(&place.name),
            "title": place.to_string(),
            "description": GUARANTEE,
            "servers": at,
        });
        if broker.starts_with("amqp") {
            let exchange = json!({ "name": place.name });
            told["bindings"] = json!({ "amqp": { "is": "routingKey", "exchange": exchange } });
        }
        let name = match &place.routing_key {
            Some(routing_key) => format!("{}.{}", key(&place.name), key(routing_key)),
            None => key(&place.name),
        };
        let channel = free(&mut self.channels, &name, told);
        let carried = self.messages.entry(channel.clone()).or_insert_with(|| json!({}));
        for message in messages {
            carried[message] = reference(&["components", "messages", message]);
        }
        channel
    }

    pub(super) fn into_json(mut self) -> Map<String, Value> {
        for (channel, messages) in self.messages {
            self.channels[&channel]["messages"] = messages;
        }
        self.channels
    }
}
