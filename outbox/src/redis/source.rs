//! Messages out of streams.

use std::sync::Arc;

use async_trait::async_trait;

use super::lane::Lane;
use super::options::RedisOptions;
use super::receiver::RedisReceiver;
use super::settings::Settings;
use crate::InvalidOptions;
use crate::source::{Part, ReceiveError, Receiver, Source};

/// Receives streams, each a lane, by consumer groups. What it promises stands at the [module](super).
pub struct RedisSource {
    settings: Arc<Settings>,
    streams: Vec<String>,
    origin: String,
}

impl RedisSource {
    /// Receives these streams, each a lane, in this order: whoever changes it changes which part has which.
    /// Connections are made by [`Source::open`], two for each receiver.
    ///
    /// # Errors
    /// When an option cannot be, and when no stream or one of them twice is named.
    pub async fn connect<N: Into<String>>(
        options: RedisOptions,
        streams: impl IntoIterator<Item = N>,
    ) -> Result<Self, InvalidOptions> {
        let settings = Settings::check(options)?;
        let streams: Vec<String> = streams.into_iter().map(Into::into).collect();
        if streams.is_empty() {
            return Err(InvalidOptions::new(
                "a source of Redis needs the name of a stream at least",
            ));
        }
        let twice = (1..streams.len()).find(|place| streams[..*place].contains(&streams[*place]));
        if let Some(twice) = twice {
            let why = format!("`{}` is named twice, and a stream is one lane", streams[twice]);
            return Err(InvalidOptions::new(why));
        }
        Ok(Self { settings, origin: streams.join(", "), streams })
    }
}

#[async_trait]
impl Source for RedisSource {
    fn broker(&self) -> &str {
        self.settings.shown()
    }

    fn origin(&self) -> &str {
        &self.origin
    }

    async fn open(&self, group: &str, part: Part) -> Result<Box<dyn Receiver>, ReceiveError> {
        let lanes = (0..).zip(&self.streams).filter(|(number, _)| part.has(*number));
        let lanes = lanes.map(|(_, stream)| Lane::new(stream.clone())).collect();
        let mut receiver = RedisReceiver::new(self.settings.clone(), group, lanes);
        receiver.take_over().await?;
        Ok(Box::new(receiver))
    }
}
