//! One connection, as long as it lasts.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use lapin::options::ConfirmSelectOptions;
use lapin::tcp::AMQPUriTcpExt;
use lapin::uri::{AMQPScheme, AMQPUri};
use lapin::{AsyncTcpStream, Channel, Connection, ConnectionProperties};
use tokio::time::{Instant, timeout, timeout_at};

use super::errors::{Failure, explain};
use super::socket::{HangUp, second_handle};
use super::target::Target;

/// How long a server may take to say goodbye.
const FAREWELL: Duration = Duration::from_secs(2);

/// A connection. It is closed when it is dropped.
pub(super) struct Link {
    connection: Option<Connection>,
    hang_up: Arc<HangUp>,
    broker: String,
    /// The largest body that the server takes, once it has said so.
    most_bytes: AtomicUsize,
}

/// Ends an attempt to connect that nobody waits for any more.
struct Attempt(Option<Arc<HangUp>>);

impl Drop for Attempt {
    fn drop(&mut self) {
        if let Some(hang_up) = self.0.take() {
            hang_up.now();
        }
    }
}

impl Link {
    /// Connects.
    pub(super) async fn open(target: &Target, deadline: Instant) -> Result<Self, Failure> {
        let hang_up = Arc::new(HangUp::default());
        let mut attempt = Attempt(Some(hang_up.clone()));
        let deadline = deadline.min(Instant::now() + target.connect_within);
        let connection = match timeout_at(deadline, dial(target, hang_up.clone())).await {
            Ok(Ok(connection)) => connection,
            Ok(Err(error)) => {
                let user = &target.uri.authority.userinfo.username;
                return Err(explain::not_connected(&target.broker, user, &error));
            }
            Err(_) => return Err(explain::silent(&target.broker, "connecting")),
        };
        attempt.0 = None;
        Ok(Self {
            connection: Some(connection),
            hang_up,
            broker: target.broker.clone(),
            most_bytes: AtomicUsize::new(usize::MAX),
        })
    }

    fn connection(&self) -> &Connection {
        self.connection.as_ref().expect("it is taken only when the link is dropped")
    }

    /// The server as people know it.
    pub(super) fn broker(&self) -> &str {
        &self.broker
    }

    /// Whether it can be used, as far as this end knows.
    pub(super) fn is_up(&self) -> bool {
        self.connection().status().connected()
    }

    /// Whether the server has said that it takes no messages at present.
    pub(super) fn is_blocked(&self) -> bool {
        self.connection().status().blocked()
    }

    /// How much fits into a frame, in bytes, without what frames add.
    pub(super) fn frame_bytes(&self) -> usize {
        self.connection().configuration().frame_max() as usize - 8
    }

    /// The largest body that the server takes, as far as it has said.
    pub(super) fn most_bytes(&self) -> usize {
        self.most_bytes.load(Ordering::Relaxed)
    }

    pub(super) fn takes_at_most(&self, bytes: usize) {
        self.most_bytes.store(bytes, Ordering::Relaxed);
    }

    /// A new channel.
    pub(super) async fn channel(&self, deadline: Instant) -> Result<Channel, Failure> {
        self.ask("opening a channel", deadline, self.connection().create_channel()).await
    }

    /// A new channel whose messages are confirmed.
    pub(super) async fn confirming_channel(&self, deadline: Instant) -> Result<Channel, Failure> {
        let channel = self.channel(deadline).await?;
        let select = channel.confirm_select(ConfirmSelectOptions::default());
        self.ask("asking for confirms", deadline, select).await?;
        Ok(channel)
    }

    /// Waits for the server's answer. Who gives none in time is hung up on.
    pub(super) async fn ask<T>(
        &self,
        what: &str,
        deadline: Instant,
        answer: impl Future<Output = lapin::Result<T>>,
    ) -> Result<T, Failure> {
        match timeout_at(deadline, answer).await {
            Ok(answer) => answer.map_err(|error| explain::refused(&self.broker, what, &error)),
            Err(_) => {
                self.hang_up();
                Err(explain::silent(&self.broker, what))
            }
        }
    }

    /// Ends it at once, for everybody.
    pub(super) fn hang_up(&self) {
        self.hang_up.now();
    }

    /// Ends it in peace, and waits until the server has given back what was not acknowledged.
    pub(super) async fn close(&self) {
        part(self.connection(), &self.hang_up).await;
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) if connection.status().connected() => {
                let hang_up = self.hang_up.clone();
                runtime.spawn(async move { part(&connection, &hang_up).await });
            }
            _ => self.hang_up.now(),
        }
    }
}

async fn part(connection: &Connection, hang_up: &HangUp) {
    // Whatever the server says, or whether it says anything: the connection ends.
    let _ = timeout(FAREWELL, connection.close(200, "goodbye".into())).await;
    hang_up.now();
}

/// Connects with a socket that can be hung up. The client's own time limit is not heeded by its asynchronous
/// half, and a limit from outside leaves its thread behind: here everything within that thread has one.
async fn dial(target: &Target, hang_up: Arc<HangUp>) -> lapin::Result<Connection> {
    let properties = ConnectionProperties::default()
        .with_connection_name(target.name.as_str().into())
        .with_client_property("product".into(), "annals".into());
    let (limit, tls) = (target.connect_within, target.tls.clone());
    Connection::connector(
        target.uri.clone(),
        lapin::runtime::default_runtime()?,
        async move |uri, runtime| {
            let connecting = async {
                let plain = AMQPUri { scheme: AMQPScheme::AMQP, ..uri.clone() };
                let stream = plain.connect_async(&runtime).await?;
                if let AsyncTcpStream::Plain(stream) = &stream {
                    hang_up.is(second_handle(stream.get_ref())?);
                }
                match &tls {
                    Some(tls) => stream.into_rustls(tls, &uri.authority.host).await,
                    None => Ok(stream),
                }
            };
            let connected = timeout(limit, connecting).await;
            Ok(connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?)
        },
        properties,
    )
    .await
}
