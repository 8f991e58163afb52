//! The connection that everybody shares: made when somebody needs it, and again when it has ended.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_nats::{ConnectOptions, ServerAddr};
use tokio::sync::watch;
use tokio::time::{Duration, timeout};

use super::errors;
use super::live::{Events, Live};
use super::options::NatsOptions;
use super::tls;
use super::url::{self, Login, Servers};
use crate::InvalidOptions;

/// How often the server is asked whether it is still there; after three times without an answer it is not.
const PING_EVERY: Duration = Duration::from_secs(5);

/// How many commands wait for the connection. Answers are waited for elsewhere.
const COMMANDS: usize = 1024;

/// The way to the servers.
#[derive(Clone)]
pub(super) struct Link(Arc<Shared>);

struct Shared {
    options: NatsOptions,
    servers: Servers,
    tls: rustls::ClientConfig,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    live: Option<Arc<Live>>,
    /// Somebody is connecting.
    attempt: Option<watch::Receiver<Option<Attempt>>>,
    /// What a server has told of the others.
    others: Vec<ServerAddr>,
}

type Attempt = Result<Arc<Live>, Unreachable>;

/// There is no connection, and why.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub(super) struct Unreachable(Arc<str>);

impl Link {
    /// Checks the options, and begins to connect.
    pub(super) fn new(options: NatsOptions) -> Result<Self, InvalidOptions> {
        let servers = url::read(&options.url)?;
        if options.answer_within.is_zero() || options.connect_within.is_zero() {
            return Err(InvalidOptions::new("a time limit of 0 lets nothing happen"));
        }
        for stream in &options.streams {
            stream.check()?;
        }
        let tls = tls::config(&options, servers.tls)?;
        let link =
            Self(Arc::new(Shared { options, servers, tls, state: Mutex::new(State::default()) }));
        drop(link.attempt());
        Ok(link)
    }

    pub(super) fn options(&self) -> &NatsOptions {
        &self.0.options
    }

    /// The servers, without passwords.
    pub(super) fn shown(&self) -> &str {
        &self.0.servers.shown
    }

    /// The connection; a new one if the last has ended. All who wait at a time share one attempt, which goes
    /// on when nobody waits any more.
    pub(super) async fn live(&self) -> Attempt {
        let mut attempt = match self.attempt() {
            Ok(live) => return Ok(live),
            Err(attempt) => attempt,
        };
        let limit = self.options().connect_within.max(self.options().answer_within);
        match timeout(limit, attempt.wait_for(Option::is_some)).await {
            Ok(Ok(result)) => result.clone().unwrap_or_else(|| {
                Err(Unreachable("the attempt to connect came to no end".into()))
            }),
            Ok(Err(_)) => Err(Unreachable("the attempt to connect was broken off".into())),
            Err(_) => Err(Unreachable(format!("no server was reached within {limit:?}").into())),
        }
    }

    /// What there is: a connection, or somebody who makes one.
    fn attempt(&self) -> Result<Arc<Live>, watch::Receiver<Option<Attempt>>> {
        let mut state = self.0.state();
        if let Some(live) = state.live.as_ref().filter(|live| !live.is_over()) {
            return Ok(Arc::clone(live));
        }
        state.live = None;
        // Whoever connects is gone if its runtime is.
        if let Some(attempt) =
            state.attempt.as_ref().filter(|attempt| attempt.has_changed().is_ok())
        {
            return Err(attempt.clone());
        }
        let (tell, attempt) = watch::channel(None);
        state.attempt = Some(attempt.clone());
        let shared = Arc::clone(&self.0);
        tokio::spawn(async move {
            let result = shared.connect().await.map(Arc::new);
            let mut state = shared.state();
            if let Ok(live) = &result {
                state.others = live.others();
                state.live = Some(Arc::clone(live));
            }
            state.attempt = None;
            tell.send_replace(Some(result));
        });
        Err(attempt)
    }
}

impl Shared {
    async fn connect(&self) -> Result<Live, Unreachable> {
        let options = &self.options;
        let mut servers = self.servers.addresses.clone();
        for other in &self.state().others {
            if !servers.iter().any(|server| same(server, other)) {
                servers.push(other.clone());
            }
        }
        let count = u32::try_from(servers.len()).unwrap_or(u32::MAX);
        let events = Events::default();
        let told = events.clone();
        let mut connecting = ConnectOptions::new()
            .name(&options.name)
            .custom_inbox_prefix(&options.inbox_prefix)
            .connection_timeout(options.connect_within)
            .request_timeout(Some(options.answer_within))
            .ping_interval(PING_EVERY)
            .client_capacity(COMMANDS)
            // Whoever finds the connection at its end makes another: see `Live`.
            .max_reconnects(servers.len())
            .require_tls(self.servers.tls)
            .tls_client_config(self.tls.clone())
            .event_callback(move |event| {
                told.happened(&event);
                async {}
            });
        connecting = match &self.servers.login {
            Login::Nobody => connecting,
            Login::Token(token) => connecting.token(token.clone()),
            Login::User { name, password } => {
                connecting.user_and_password(name.clone(), password.clone())
            }
        };
        let limit = options.connect_within.saturating_mul(count);
        let client = match timeout(limit, connecting.connect(servers)).await {
            Ok(Ok(client)) => client,
            Ok(Err(error)) => {
                let why = errors::connecting(&error, &self.servers.login);
                return Err(Unreachable(why.into()));
            }
            Err(_) => {
                return Err(Unreachable(format!("no server answered within {limit:?}").into()));
            }
        };
        let live = Live::of(client, events, options.api(), options.answer_within).await;
        live.map_err(|why| Unreachable(why.into()))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn same(one: &ServerAddr, other: &ServerAddr) -> bool {
    one.host() == other.host() && one.port() == other.port()
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Link").field(&self.shown()).finish()
    }
}
