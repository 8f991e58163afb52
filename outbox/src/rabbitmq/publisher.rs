//! Sends messages to exchanges.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use annals_core::Backoff;
use async_trait::async_trait;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::confirms::Sent;
use super::encode::properties;
use super::errors::{Failure, explain};
use super::link::Link;
use super::options::RabbitMqOptions;
use super::outbound::{Answer, Job, Outbound};
use super::target::Target;
use super::topology::{Topology, check_exchange, check_queue, short};
use super::verdict;
use crate::InvalidOptions;
use crate::address::Address;
use crate::message::Message;
use crate::publisher::{PublishError, Published, Publisher};

/// The first and the longest pause between attempts to connect.
pub(super) const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// How much later than its task a call gives up by itself.
const GRACE: Duration = Duration::from_millis(500);

/// Publishes to RabbitMQ over one connection, with a channel for each exchange.
///
/// It connects when it is first used, and again whenever it has lost its connection. Clones are the same
/// publisher.
#[derive(Clone)]
pub struct RabbitMqPublisher(Arc<Shared>);

struct Shared {
    target: Target,
    topology: Topology,
    limit: Duration,
    in_flight: usize,
    connected: Mutex<Connected>,
}

/// The connection, and what is known about it.
struct Connected {
    link: Option<Arc<Link>>,
    exchanges: HashMap<String, mpsc::Sender<Job>>,
    pauses: Backoff,
    failed: Option<Failed>,
    /// The exchange that was looked for last and not found, and when.
    missing: Option<(String, Instant, Failure)>,
}

/// An attempt to connect that has failed.
struct Failed {
    at: Instant,
    again: Instant,
    why: Failure,
}

impl RabbitMqPublisher {
    /// A publisher with these options. It does not wait for the broker.
    ///
    /// # Errors
    /// [`InvalidOptions`]: the URL, the CA file.
    pub async fn connect(options: RabbitMqOptions) -> Result<Self, InvalidOptions> {
        Ok(Self(Arc::new(Shared {
            target: Target::new(&options)?,
            topology: options.topology,
            limit: options.publish_within,
            in_flight: options.in_flight,
            connected: Mutex::new(Connected {
                link: None,
                exchanges: HashMap::new(),
                pauses: Backoff::new(PAUSES.0, PAUSES.1),
                failed: None,
                missing: None,
            }),
        })))
    }
}

impl Shared {
    /// The connection, and how to give messages for an exchange to it.
    async fn exchange(
        &self,
        name: &str,
        deadline: Instant,
    ) -> Result<(Arc<Link>, mpsc::Sender<Job>), Failure> {
        let began = Instant::now();
        let reaching = async {
            let mut connected = self.connected.lock().await;
            let link = self.link(&mut connected, began, deadline).await?;
            let known = connected.exchanges.get(name).filter(|sender| !sender.is_closed());
            if let Some(sender) = known {
                return Ok((link, sender.clone()));
            }
            self.find(&mut connected, &link, name, began, deadline).await?;
            let channel = link.confirming_channel(deadline).await?;
            let sender = Outbound::start(link.clone(), channel, short(name)?, self.in_flight);
            connected.exchanges.insert(name.to_owned(), sender.clone());
            Ok((link, sender))
        };
        let reached = timeout_at(deadline, reaching).await;
        reached.unwrap_or_else(|_| Err(explain::silent(&self.target.broker, "connecting")))
    }

    /// Looks for an exchange before anything is sent to it, on a channel of its own. The server closes the channel
    /// of whoever sends to one that is not there, and what the client has in store for that channel then ends
    /// the whole connection. Who has waited for somebody else's look shares what he saw.
    async fn find(
        &self,
        connected: &mut Connected,
        link: &Link,
        name: &str,
        began: Instant,
        deadline: Instant,
    ) -> Result<(), Failure> {
        if let Some((missing, at, why)) = &connected.missing
            && missing == name
            && *at >= began
        {
            return Err(why.clone());
        }
        let found = check_exchange(link, name, deadline).await;
        if let Err(why @ Failure::Missing(_)) = &found {
            connected.missing = Some((name.to_owned(), Instant::now(), why.clone()));
        }
        found
    }

    /// The connection, or a new one. Who has waited for an attempt of somebody else shares its outcome.
    async fn link(
        &self,
        connected: &mut Connected,
        began: Instant,
        deadline: Instant,
    ) -> Result<Arc<Link>, Failure> {
        if let Some(link) = connected.link.as_ref().filter(|link| link.is_up()) {
            return Ok(link.clone());
        }
        connected.link = None;
        connected.exchanges.clear();
        if let Some(failed) = &connected.failed {
            if failed.at >= began {
                return Err(failed.why.clone());
            }
            sleep_until(failed.again).await;
        }
        let opened = async {
            let link = Link::open(&self.target, deadline).await?;
            self.topology.make(&link, None, &[], deadline).await?;
            Ok(Arc::new(link))
        };
        match opened.await {
            Ok(link) => {
                connected.pauses.reset();
                connected.failed = None;
                connected.link = Some(link.clone());
                Ok(link)
            }
            Err(why) => {
                let at = Instant::now();
                let again = at + connected.pauses.next_pause();
                connected.failed = Some(Failed { at, again, why: Failure::clone(&why) });
                Err(why)
            }
        }
    }

    async fn send(&self, to: &Address, message: &Message) -> Result<(), Failure> {
        let deadline = Instant::now() + self.limit;
        let key = routing_key(to)?;
        let (properties, header_bytes) = properties(message)?;
        loop {
            let (link, sender) = self.exchange(&to.name, deadline).await?;
            if header_bytes > link.frame_bytes() {
                return Err(Failure::Refused(format!(
                    "its headers have {header_bytes} bytes, and {} fit into a frame: send less in headers, \
                     or raise `frame_max` in rabbitmq.conf",
                    link.frame_bytes()
                )));
            }
            if message.body.len() > link.most_bytes() {
                return Err(verdict::refused(message.body.len(), link.most_bytes()));
            }
            if link.is_blocked() {
                return Err(Failure::Down(format!(
                    "{} takes no messages: its memory or its disk is full",
                    link.broker()
                )));
            }
            let (answer, answered) = oneshot::channel();
            let job = Job {
                routing_key: short(key)?,
                sent: Sent { id: message.id.clone(), routing_key: key.to_owned() },
                properties: properties.clone(),
                body: message.body.clone(),
                deadline,
                answer,
            };
            match timeout_at(deadline, sender.send(job)).await {
                Ok(Ok(())) => {}
                // The channel has ended: there will be another one.
                Ok(Err(_)) => continue,
                Err(_) => return Err(explain::silent(link.broker(), "others are before it")),
            }
            match timeout_at(deadline + GRACE, answered).await {
                Ok(Ok(Answer::Stored)) => return Ok(()),
                Ok(Ok(Answer::Failed(failure))) => return Err(failure),
                Ok(Ok(Answer::NotSent)) if Instant::now() < deadline => {}
                Ok(Ok(Answer::NotSent)) => {
                    return Err(explain::silent(link.broker(), "others are before it"));
                }
                // The runtime ends, or the task has come to harm.
                Ok(Err(_)) | Err(_) => return Err(verdict::late(link.broker())),
            }
        }
    }

    async fn check(&self, places: &[Address]) -> Result<(), Failure> {
        let deadline = Instant::now() + self.limit;
        // With the declared topology.
        let (link, _) = self.exchange("", deadline).await?;
        for place in places {
            match place.name.as_str() {
                "" => check_queue(&link, routing_key(place)?, deadline).await.map(drop)?,
                exchange => check_exchange(&link, exchange, deadline).await?,
            }
        }
        Ok(())
    }
}

fn routing_key(to: &Address) -> Result<&str, Failure> {
    match (&to.routing_key, to.name.as_str()) {
        (Some(key), _) => Ok(key),
        (None, "") => Err(Failure::Missing(
            "an address without an exchange needs a routing key, which is the queue's name"
                .to_owned(),
        )),
        (None, _) => Ok(""),
    }
}

#[async_trait]
impl Publisher for RabbitMqPublisher {
    fn broker(&self) -> &str {
        &self.0.target.broker
    }

    async fn prepare(&self, places: &[Address]) -> Result<(), PublishError> {
        self.0.check(places).await.map_err(Failure::publishing)
    }

    async fn publish(&self, to: &Address, message: &Message) -> Result<Published, PublishError> {
        let sent = self.0.send(to, message).await;
        sent.map(|()| Published::Stored).map_err(Failure::publishing)
    }
}
