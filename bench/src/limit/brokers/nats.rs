//! NATS JetStream by `async-nats`.

use std::collections::VecDeque;
use std::time::Duration;

use annals::async_trait;
use async_nats::HeaderMap;
use async_nats::jetstream::consumer::{AckPolicy, PullConsumer, pull};
use async_nats::jetstream::{self, Context, Message, stream};
use bytes::Bytes;
use futures_util::TryStreamExt;

use super::{BATCH, ByHand, Sealed, WINDOW};
use crate::Failure;

pub(crate) struct Client {
    context: Context,
    place: String,
    consumer: Option<PullConsumer>,
    last: Option<Message>,
}

impl Client {
    pub(super) async fn connect(url: &str, place: &str) -> Result<Self, Failure> {
        let context = jetstream::new(async_nats::connect(url).await?);
        Ok(Self { context, place: place.to_owned(), consumer: None, last: None })
    }
}

#[async_trait]
impl ByHand for Client {
    async fn make(&self) -> Result<(), Failure> {
        let name = self.place.clone();
        let stream = stream::Config { subjects: vec![name.clone()], name, ..Default::default() };
        self.context.create_stream(stream).await?;
        Ok(())
    }

    async fn remove(&self) -> Result<(), Failure> {
        self.context.delete_stream(&self.place).await?;
        Ok(())
    }

    async fn send(&mut self, messages: Vec<Sealed>) -> Result<(), Failure> {
        let mut under_way = VecDeque::with_capacity(WINDOW);
        for message in messages {
            if under_way.len() >= WINDOW
                && let Some(oldest) = under_way.pop_front()
            {
                confirmed(oldest).await?;
            }
            let mut headers = HeaderMap::new();
            headers.insert(async_nats::header::NATS_MESSAGE_ID, message.id.to_string());
            let body = Bytes::from(message.body);
            let place = self.place.clone();
            under_way.push_back(self.context.publish_with_headers(place, headers, body).await?);
        }
        for rest in under_way {
            confirmed(rest).await?;
        }
        Ok(())
    }

    async fn receive(&mut self) -> Result<Vec<Bytes>, Failure> {
        if self.consumer.is_none() {
            let consumer = pull::Config {
                durable_name: Some("by_hand".to_owned()),
                ack_policy: AckPolicy::All,
                max_ack_pending: 2 * BATCH as i64,
                ..Default::default()
            };
            let stream = self.context.get_stream(&self.place).await?;
            self.consumer = Some(stream.create_consumer(consumer).await?);
        }
        let consumer = self.consumer.as_ref().ok_or("there is a consumer by now")?;
        let batch = consumer.batch().max_messages(BATCH).expires(Duration::from_millis(200));
        let messages: Vec<Message> = batch.messages().await?.try_collect().await?;
        let bodies = messages.iter().map(|message| message.payload.clone()).collect();
        self.last = messages.into_iter().next_back().or(self.last.take());
        Ok(bodies)
    }

    async fn acknowledge(&mut self) -> Result<(), Failure> {
        match self.last.take() {
            Some(last) => last.ack().await,
            None => Ok(()),
        }
    }
}

async fn confirmed(message: jetstream::context::PublishAckFuture) -> Result<(), Failure> {
    let stored = message.await?;
    match stored.duplicate {
        true => Err("a message was taken for a repetition".into()),
        false => Ok(()),
    }
}
