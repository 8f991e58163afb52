//! Receives messages from queues.

use std::sync::Arc;

use async_trait::async_trait;

use super::claims::Claim;
use super::errors::Failure;
use super::options::{RabbitMqOptions, TakeOver};
use super::receiver::RabbitMqReceiver;
use super::session::Wanted;
use super::target::Target;
use super::topology::{Topology, in_group};
use crate::InvalidOptions;
use crate::source::{Part, ReceiveError, Receiver, Source};

/// Queues of RabbitMQ, each a lane.
///
/// Each receiver has a connection of its own, with a channel for each of its queues. Clones are the same
/// source.
#[derive(Clone)]
pub struct RabbitMqSource(Arc<Shared>);

pub(super) struct Shared {
    pub(super) target: Target,
    pub(super) topology: Topology,
    pub(super) prefetch: u16,
    pub(super) take_over: TakeOver,
    queues: Vec<String>,
    origin: String,
}

impl RabbitMqSource {
    /// Receives these queues, in this order the lanes 0, 1, 2, …; a name may hold `{group}`. It does not wait
    /// for the broker.
    ///
    /// # Errors
    /// [`InvalidOptions`]: the URL, the CA file, no queue, or one that is there twice.
    pub async fn connect<N: Into<String>>(
        options: RabbitMqOptions,
        queues: impl IntoIterator<Item = N>,
    ) -> Result<Self, InvalidOptions> {
        let queues: Vec<String> = queues.into_iter().map(Into::into).collect();
        if queues.is_empty() {
            return Err(InvalidOptions::new("there is no queue to receive from"));
        }
        if let Some((_, twice)) =
            queues.iter().enumerate().find(|(place, queue)| queues[..*place].contains(queue))
        {
            return Err(InvalidOptions::new(format!("the queue `{twice}` is there twice")));
        }
        Ok(Self(Arc::new(Shared {
            target: Target::new(&options)?,
            topology: options.topology,
            prefetch: options.prefetch,
            take_over: options.take_over,
            origin: queues.join(", "),
            queues,
        })))
    }
}

#[async_trait]
impl Source for RabbitMqSource {
    fn broker(&self) -> &str {
        &self.0.target.broker
    }

    fn origin(&self) -> &str {
        &self.0.origin
    }

    /// For classic queues that the options declare. Of others it is not known how they were made, and whether
    /// a quorum queue keeps its order when it moves to another node was not tested.
    fn ordered(&self) -> bool {
        self.0.take_over == TakeOver::SingleActive
            && self.0.queues.iter().all(|queue| self.0.topology.declares_classic(queue))
    }

    async fn open(&self, group: &str, part: Part) -> Result<Box<dyn Receiver>, ReceiveError> {
        let lanes = (0..).zip(&self.0.queues).filter(|(lane, _)| part.has(*lane));
        let queues: Vec<String> =
            lanes.filter_map(|(_, queue)| in_group(queue, Some(group))).collect();
        let claim = Arc::new(Claim::default());
        let wanted = Wanted { shared: self.0.clone(), claim, group: group.to_owned(), queues };
        let mut receiver = RabbitMqReceiver::new(wanted);
        receiver.begin().await.map_err(Failure::receiving)?;
        Ok(Box::new(receiver))
    }
}
