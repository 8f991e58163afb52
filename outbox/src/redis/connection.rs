//! One connection, used by many at once.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncConnectionConfig, Cmd, RedisResult, Value};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

use super::failure::Failure;
use super::safety::Confirmed;
use super::scripts::Script;
use super::settings::Settings;

/// How many commands may wait for their turn to be written: who has more waits for a place.
const WAITING: usize = 1024;

/// A connection that has let us in. Clones are the same one; it is closed with the last of them.
#[derive(Clone)]
pub(super) struct Connection(Arc<Shared>);

struct Shared {
    commands: MultiplexedConnection,
    /// Writes commands and reads answers.
    driver: Driver,
    /// By what names the server knows our scripts.
    scripts: Vec<(Script, String)>,
    /// The largest argument that the server takes, where it tells.
    most_bytes: Option<usize>,
    confirmed: Confirmed,
}

struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        // It would wait for the answers of a server that is silent.
        self.0.abort();
    }
}

type Running = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Connection {
    /// Connects, and makes sure that the server answers and knows these scripts.
    pub(super) async fn open(settings: &Settings, scripts: &[Script]) -> Result<Self, Failure> {
        let limit = settings.options.connect_within;
        match timeout(limit, Self::enter(settings, scripts)).await {
            Ok(entered) => entered,
            Err(_) => Err(Failure::Unreachable(format!(
                "{} is silent: no connection within {limit:?}; is the address right, and is the server not \
                 overloaded?",
                settings.shown()
            ))),
        }
    }

    async fn enter(settings: &Settings, scripts: &[Script]) -> Result<Self, Failure> {
        let place = &settings.place;
        let unreachable = |error: std::io::Error| {
            Failure::Unreachable(format!(
                "{} is not reachable: {error}; is it running there?",
                place.shown()
            ))
        };
        let stream = TcpStream::connect((&*place.host, place.port)).await.map_err(unreachable)?;
        stream.set_nodelay(true).map_err(unreachable)?;
        let met = match &settings.tls {
            None => meet(settings, stream).await,
            Some(connector) => {
                let name = ServerName::try_from(place.host.clone()).map_err(|_| {
                    Failure::Unreachable(format!(
                        "{} has a name that no certificate can have",
                        place.shown()
                    ))
                })?;
                let stream = connector.connect(name, stream).await.map_err(|error| {
                    Failure::Unreachable(format!(
                        "{} and TLS: {error}; name who has signed its certificate by `ca_file`, and connect \
                         by a name that stands in it",
                        place.shown()
                    ))
                })?;
                meet(settings, stream).await
            }
        };
        let at_the_door = |error| Failure::at_the_door(error, place.shown());
        let (mut commands, driver) = met.map_err(at_the_door)?;
        let driver = Driver(tokio::spawn(driver));
        ::redis::cmd("PING").query_async::<Value>(&mut commands).await.map_err(at_the_door)?;
        let mut known = Vec::new();
        for script in scripts {
            let mut load = ::redis::cmd("SCRIPT");
            load.arg("LOAD").arg(script.text());
            known.push((*script, load.query_async(&mut commands).await.map_err(at_the_door)?));
        }
        // Not everybody may ask, and then nothing is known.
        let mut ask = ::redis::cmd("CONFIG");
        ask.arg("GET").arg("proto-max-bulk-len");
        let told = ask.query_async::<(String, usize)>(&mut commands).await;
        let most_bytes = told.ok().map(|(_, bytes)| bytes);
        let confirmed = Confirmed::default();
        Ok(Self(Arc::new(Shared { commands, driver, scripts: known, most_bytes, confirmed })))
    }

    /// Whether it was alive a moment ago.
    pub(super) fn is_up(&self) -> bool {
        !self.0.driver.0.is_finished()
    }

    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The largest argument that the server takes, where it tells.
    pub(super) fn most_bytes(&self) -> Option<usize> {
        self.0.most_bytes
    }

    /// How far others have seen what was written on it.
    pub(super) fn confirmed(&self) -> &Confirmed {
        &self.0.confirmed
    }

    /// Sends a command, and waits for the answer.
    pub(super) async fn ask(&self, command: &Cmd, deadline: Instant) -> Result<Value, Failure> {
        let mut commands = self.0.commands.clone();
        // In a box, so that what waits for many answers is small.
        let sent = Box::pin(commands.send_packed_command(command));
        match timeout_at(deadline, sent).await {
            Ok(Ok(Value::ServerError(said))) => Err(Failure::refused(&said)),
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(Failure::of(error)),
            Err(_) => Err(Failure::Lost("no answer came within the time limit".to_owned())),
        }
    }

    /// Runs a script with these keys and arguments.
    pub(super) async fn run(
        &self,
        script: Script,
        keys: usize,
        fill: impl Fn(&mut Cmd) + Sync,
        deadline: Instant,
    ) -> Result<Value, Failure> {
        let name = self.0.scripts.iter().find(|(known, _)| *known == script).map(|(_, name)| name);
        let name = name.expect("a connection begins with the scripts that are run on it");
        let mut command = ::redis::cmd("EVALSHA");
        command.arg(name).arg(keys);
        fill(&mut command);
        match self.ask(&command, deadline).await {
            Err(Failure::Refused { code, .. }) if code == "NOSCRIPT" => {
                // Somebody has emptied the server's memory of scripts (SCRIPT FLUSH). Nothing has run.
                let mut load = ::redis::cmd("SCRIPT");
                load.arg("LOAD").arg(script.text());
                self.ask(&load, deadline).await?;
                self.ask(&command, deadline).await
            }
            answer => answer,
        }
    }
}

/// Introduces us over a connection.
async fn meet(
    settings: &Settings,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> RedisResult<(MultiplexedConnection, Running)> {
    // Limits are set where something is waited for.
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(None)
        .set_response_timeout(None)
        .set_pipeline_buffer_size(WAITING);
    let login = &settings.place.login;
    let (commands, driver) = MultiplexedConnection::new_with_config(login, stream, config).await?;
    Ok((commands, Box::pin(driver)))
}
