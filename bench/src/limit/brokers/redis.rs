//! Streams of Redis by `redis`.

use annals::async_trait;
use bytes::Bytes;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, cmd, pipe};

use super::{BATCH, ByHand, Sealed, WINDOW};
use crate::Failure;

const GROUP: &str = "by_hand";

/// Once for each id, for as long as Annals remembers them.
const APPEND: &str = "
    if redis.call('SET', KEYS[2], 1, 'NX', 'PX', 120000) then
        redis.call('XADD', KEYS[1], '*', unpack(ARGV))
    end";

/// Its name, and entries with their fields.
type Stream = (String, Vec<(String, Vec<(String, Vec<u8>)>)>);

pub(crate) struct Client {
    connection: MultiplexedConnection,
    place: String,
    received: Vec<String>,
}

impl Client {
    pub(super) async fn connect(url: &str, place: &str) -> Result<Self, Failure> {
        let client = redis::Client::open(url)?;
        // Otherwise it gives up after half a second.
        let patient = AsyncConnectionConfig::new().set_response_timeout(None);
        let connection = client.get_multiplexed_async_connection_with_config(&patient).await?;
        Ok(Self { connection, place: place.to_owned(), received: Vec::new() })
    }
}

#[async_trait]
impl ByHand for Client {
    async fn make(&self) -> Result<(), Failure> {
        let mut connection = self.connection.clone();
        let mut make = cmd("XGROUP");
        make.arg("CREATE").arg(&self.place).arg(GROUP).arg("0").arg("MKSTREAM");
        Ok(make.query_async(&mut connection).await?)
    }

    async fn remove(&self) -> Result<(), Failure> {
        let mut connection = self.connection.clone();
        Ok(cmd("UNLINK").arg(&self.place).query_async(&mut connection).await?)
    }

    async fn send(&mut self, messages: Vec<Sealed>) -> Result<(), Failure> {
        let mut load = cmd("SCRIPT");
        load.arg("LOAD").arg(APPEND);
        let append: String = load.query_async(&mut self.connection).await?;
        for together in messages.chunks(WINDOW) {
            let mut pipe = pipe();
            for message in together {
                let id = message.id.to_string();
                let fields = [
                    ("id", id.as_bytes()),
                    ("content-type", b"application/cloudevents+json"),
                    ("key", message.key.as_bytes()),
                    ("body", &message.body),
                ];
                let known = format!("{}:id:{id}", self.place);
                pipe.cmd("EVALSHA").arg(&append).arg(2).arg(&self.place).arg(known);
                pipe.arg(&fields[..]).ignore();
            }
            pipe.query_async::<()>(&mut self.connection).await?;
        }
        Ok(())
    }

    async fn receive(&mut self) -> Result<Vec<Bytes>, Failure> {
        let mut read = cmd("XREADGROUP");
        read.arg("GROUP").arg(GROUP).arg("1").arg("COUNT").arg(BATCH).arg("BLOCK").arg(200);
        read.arg("STREAMS").arg(&self.place).arg(">");
        let streams: Option<Vec<Stream>> = read.query_async(&mut self.connection).await?;
        let mut bodies = Vec::new();
        for (id, fields) in streams.into_iter().flatten().flat_map(|(_, entries)| entries) {
            let body = fields.into_iter().find(|(name, _)| name == "body");
            bodies.push(body.ok_or("an entry has no body")?.1.into());
            self.received.push(id);
        }
        Ok(bodies)
    }

    async fn acknowledge(&mut self) -> Result<(), Failure> {
        let received = std::mem::take(&mut self.received);
        let mut acknowledge = cmd("XACK");
        acknowledge.arg(&self.place).arg(GROUP).arg(&received);
        Ok(acknowledge.query_async(&mut self.connection).await?)
    }
}
