//! What a channel's end, or a word of the broker, means for one message.

use lapin::Error;
use lapin::protocol::AMQPSoftError;

use super::errors::{Failure, soft, too_large, word};
use super::outbound::Waiting;

/// The channel or the connection has ended with this message under way.
pub(super) fn broken(broker: &str, error: &Error, message: &Waiting) -> Failure {
    let said = word(error);
    match soft(error) {
        Some(AMQPSoftError::NOTFOUND) => Failure::Missing(format!(
            "{said} ({broker}): make it, or have it declared by the options"
        )),
        // Some permissions are for a routing key.
        Some(AMQPSoftError::ACCESSREFUSED) if is_about(&said, &message.routing_key) => {
            Failure::Missing(format!(
                "{said} ({broker}): give the user of the URL the permission to write there"
            ))
        }
        Some(AMQPSoftError::PRECONDITIONFAILED) => match too_large(&said) {
            Some((bytes, most)) if bytes == message.bytes => refused(bytes, most),
            _ => in_doubt(broker, &said),
        },
        _ => in_doubt(broker, &said),
    }
}

/// The broker's limit for a body, if that is why it ended a channel.
pub(super) fn limit(error: &Error) -> Option<usize> {
    too_large(&word(error)).map(|(_, most)| most)
}

/// The body is larger than the broker takes.
pub(super) fn refused(bytes: usize, most: usize) -> Failure {
    Failure::Refused(format!(
        "its body has {bytes} bytes, and this server takes {most}: make it smaller, or raise \
         `max_message_size` in rabbitmq.conf"
    ))
}

/// No confirm has come in time.
pub(super) fn late(broker: &str) -> Failure {
    Failure::InDoubt(format!("{broker} has not confirmed it in time"))
}

/// The broker has said that it could not take it.
pub(super) fn not_taken(broker: &str) -> Failure {
    Failure::InDoubt(format!(
        "{broker} could not store it: a queue is full and set to `reject-publish`, or has lost its nodes"
    ))
}

/// It was routed nowhere.
pub(super) fn returned(broker: &str, exchange: &str, key: &str, why: &str) -> Failure {
    let way_out = match exchange {
        "" => format!("there is no queue `{key}`: make it, or have it declared by the options"),
        exchange => format!(
            "no queue is bound to the exchange `{exchange}` for the routing key `{key}`: bind one, or have \
             it declared by the options"
        ),
    };
    Failure::Missing(format!("{why} ({broker}): {way_out}"))
}

fn in_doubt(broker: &str, said: &str) -> Failure {
    Failure::InDoubt(format!("{broker} ended the connection before it confirmed it: {said}"))
}

fn is_about(said: &str, routing_key: &str) -> bool {
    !said.contains("access to topic") || said.contains(&format!("'{routing_key}'"))
}
