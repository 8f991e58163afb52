//! One queue, as long as its connection lasts.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::Stream;
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Consumer};
use tokio::time::Instant;

use super::errors::{Failure, explain};
use super::link::Link;
use super::options::TakeOver;
use super::topology::{check_queue, short};

/// A queue on a channel of its own. Delivery tags are the channel's: they go with it.
pub(super) struct Lane {
    queue: String,
    channel: Channel,
    consumer: Consumer,
    /// What was handed out and not acknowledged: its number, and its delivery tag. Both grow. There are no
    /// more than the broker sends without an acknowledgement.
    handed_out: VecDeque<(u64, u64)>,
    /// Others were there before, and may have it still.
    waits: bool,
}

impl Lane {
    /// Begins to receive a queue.
    pub(super) async fn open(
        link: &Link,
        queue: &str,
        prefetch: u16,
        take_over: TakeOver,
        tag: &str,
        deadline: Instant,
    ) -> Result<Self, Failure> {
        let others = check_queue(link, queue, deadline).await?;
        let channel = link.channel(deadline).await?;
        let prefetching = channel.basic_qos(prefetch, BasicQosOptions::default());
        link.ask("limiting what is sent at once", deadline, prefetching).await?;
        let exclusive = take_over == TakeOver::Exclusive;
        let options = BasicConsumeOptions { exclusive, ..Default::default() };
        let consuming =
            channel.basic_consume(short(queue)?, short(tag)?, options, FieldTable::default());
        let consumer = link.ask("receiving", deadline, consuming).await?;
        let handed_out = VecDeque::new();
        Ok(Self { queue: queue.to_owned(), channel, consumer, handed_out, waits: others > 0 })
    }

    /// The next message that has come. An error is the end of the channel.
    pub(super) fn poll(
        &mut self,
        broker: &str,
        context: &mut Context<'_>,
    ) -> Poll<Result<Delivery, Failure>> {
        let next = Pin::new(&mut self.consumer).poll_next(context);
        next.map(|next| match next {
            Some(Ok(delivery)) => {
                self.waits = false;
                Ok(delivery)
            }
            Some(Err(error)) => Err(explain::ended(broker, &self.queue, &error)),
            None => Err(Failure::Down(format!(
                "{broker} has ended receiving from the queue `{}`: it was deleted, or has moved to another \
                 node",
                self.queue,
            ))),
        })
    }

    /// Whether more can come, as far as this end knows.
    pub(super) fn is_up(&self) -> bool {
        self.channel.status().connected()
    }

    /// Why it has ended. What has come and was not handed out comes again.
    pub(super) fn why_ended(&mut self, broker: &str, context: &mut Context<'_>) -> Failure {
        loop {
            match self.poll(broker, context) {
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(failure)) => return failure,
                Poll::Pending => {
                    let queue = &self.queue;
                    let why = format!("{broker} has ended receiving from the queue `{queue}`");
                    return Failure::Down(why);
                }
            }
        }
    }

    /// A message was handed out.
    pub(super) fn hand_out(&mut self, number: u64, delivery_tag: u64) {
        self.handed_out.push_back((number, delivery_tag));
    }

    /// Acknowledges all that was handed out up to a number.
    pub(super) async fn acknowledge(&mut self, number: u64) -> lapin::Result<()> {
        let had = self.handed_out.partition_point(|(handed_out, _)| *handed_out <= number);
        let Some((_, tag)) = self.handed_out.drain(..had).next_back() else { return Ok(()) };
        // With all before it, which were handed out before it.
        self.channel.basic_ack(tag, BasicAckOptions { multiple: true }).await
    }

    /// Whether nothing has come, and somebody else may be why.
    pub(super) fn waits(&self) -> bool {
        self.waits
    }

    /// Looks for others that have the queue. Of a quorum queue the server counts only the one that has it, so
    /// that it cannot be seen there who that is.
    pub(super) async fn look_for_others(
        &mut self,
        link: &Link,
        deadline: Instant,
    ) -> Result<(), Failure> {
        let consumers = check_queue(link, &self.queue, deadline).await?;
        self.waits = consumers > 1;
        if !self.waits {
            return Ok(());
        }
        Err(explain::somebody_else(link.broker(), &self.queue))
    }
}
