//! Receiving, by groups.

use async_trait::async_trait;

use super::link::Link;
use super::options::NatsOptions;
use super::receiver::NatsReceiver;
use super::{stream, subject};
use crate::InvalidOptions;
use crate::source::{Part, ReceiveError, Receiver, Source};

/// Subjects of one stream of JetStream, each a lane.
///
/// How far a group has got in a lane is kept by one durable consumer, whose name begins with `annals_`, the
/// group and the lane: `nats consumer ls` shows it, and deleting it lets the group begin anew.
#[derive(Debug)]
pub struct NatsSource {
    link: Link,
    stream: String,
    lanes: Vec<String>,
    origin: String,
}

impl NatsSource {
    /// Begins to connect. The lanes are subjects of the stream, or filters of subjects as `orders.*.eu`; `>`
    /// alone is the whole stream. All messages of a key have to be in one of them. Lanes can be added later
    /// at the end.
    ///
    /// # Errors
    /// [`InvalidOptions`], also when two lanes have a subject in common: its messages would come twice.
    pub async fn connect<L: Into<String>>(
        options: NatsOptions,
        stream: impl Into<String>,
        lanes: impl IntoIterator<Item = L>,
    ) -> Result<Self, InvalidOptions> {
        let stream = stream.into();
        stream::check_name(&stream)?;
        let lanes: Vec<String> = lanes.into_iter().map(Into::into).collect();
        if lanes.is_empty() {
            return Err(InvalidOptions::new(
                "there is nothing to receive: name subjects, or `>` for the whole stream",
            ));
        }
        for (place, lane) in lanes.iter().enumerate() {
            subject::check(lane).map_err(InvalidOptions::new)?;
            let twin = lanes[..place].iter().find(|other| subject::overlap(other, lane));
            if let Some(twin) = twin {
                return Err(InvalidOptions::new(format!(
                    "the lanes `{twin}` and `{lane}` have subjects in common, whose messages would come \
                     twice: divide them"
                )));
            }
        }
        let origin = format!("{stream}: {}", lanes.join(", "));
        Ok(Self { link: Link::new(options)?, stream, lanes, origin })
    }
}

#[async_trait]
impl Source for NatsSource {
    fn broker(&self) -> &str {
        self.link.shown()
    }

    fn origin(&self) -> &str {
        &self.origin
    }

    async fn open(&self, group: &str, part: Part) -> Result<Box<dyn Receiver>, ReceiveError> {
        let lanes = (0..).zip(&self.lanes).filter(|(lane, _)| part.has(*lane));
        let lanes = lanes.map(|(_, filter)| filter.clone()).collect();
        let mut receiver =
            NatsReceiver::new(self.link.clone(), self.stream.clone(), group.to_owned(), lanes);
        receiver.begin().await?;
        Ok(Box::new(receiver))
    }
}
