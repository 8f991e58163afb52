//! What a proxy carries from one end to the other, and how it breaks.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};

use super::messages::{HEAD_BYTES, Messages, NOTIFICATION};

/// How much is carried at a time.
const CHUNK_BYTES: usize = 64 * 1024;

/// What all connections of one proxy share.
pub(super) struct Network {
    pub(super) target: Mutex<String>,
    pub(super) switches: watch::Sender<Switches>,
    /// How many connections were made so far.
    pub(super) connections: watch::Sender<usize>,
    /// How many notifications got lost so far.
    pub(super) lost: AtomicUsize,
    trap: Mutex<Option<Trap>>,
}

/// What the test can turn while connections are open.
#[derive(Debug, Default, Clone)]
pub(super) struct Switches {
    pub(super) frozen: bool,
    pub(super) refusing: bool,
    pub(super) delay: Duration,
    /// Whether notifications get lost on their way to clients.
    pub(super) without_notifications: bool,
    cuts: u64,
    /// How often the connections that were open have been left half open.
    forsaken: u64,
}

/// A cut that waits for its moment, and tells when it came.
pub(super) enum Trap {
    ReplyTo(Vec<u8>, Happened),
    AfterBytes(usize, Happened),
}

pub(super) type Happened = oneshot::Sender<()>;

/// A connection was cut, or one of its ends broke.
struct Broken;

impl Network {
    pub(super) fn to(target: String) -> Self {
        Self {
            target: Mutex::new(target),
            switches: watch::Sender::default(),
            connections: watch::Sender::default(),
            lost: AtomicUsize::new(0),
            trap: Mutex::default(),
        }
    }

    /// Resets every open connection.
    pub(super) fn cut(&self) {
        self.switches.send_modify(|switches| switches.cuts += 1);
    }

    /// Carries nothing any more on the connections that are open.
    pub(super) fn forsake(&self) {
        self.switches.send_modify(|switches| switches.forsaken += 1);
    }

    /// Sets a trap in place of the one before.
    pub(super) fn set(&self, trap: Trap) {
        *self.trap.lock().unwrap_or_else(PoisonError::into_inner) = Some(trap);
    }

    /// Whether the reply to this request is to be cut.
    fn springs_at_request(&self, request: &[u8]) -> Option<Happened> {
        let mut trap = self.trap.lock().unwrap_or_else(PoisonError::into_inner);
        match trap.take() {
            Some(Trap::ReplyTo(text, happened)) if contains(request, &text) => Some(happened),
            other => {
                *trap = other;
                None
            }
        }
    }

    /// Whether everything is to be cut after so many bytes of this reply.
    fn springs_in_reply(&self, reply: usize) -> Option<(usize, Happened)> {
        let mut trap = self.trap.lock().unwrap_or_else(PoisonError::into_inner);
        match trap.take() {
            Some(Trap::AfterBytes(bytes, happened)) if bytes <= reply => Some((bytes, happened)),
            Some(Trap::AfterBytes(bytes, happened)) => {
                *trap = Some(Trap::AfterBytes(bytes - reply, happened));
                None
            }
            other => {
                *trap = other;
                None
            }
        }
    }

    async fn thawed(&self) {
        let mut switches = self.switches.subscribe();
        // The sender lives as long as we do.
        let _ = switches.wait_for(|switches| !switches.frozen).await;
    }
}

fn contains(request: &[u8], text: &[u8]) -> bool {
    text.is_empty() || request.windows(text.len()).any(|window| window == text)
}

/// Takes connections for ever.
pub(super) async fn accept(listener: TcpListener, network: Arc<Network>) {
    while let Ok((client, _)) = listener.accept().await {
        network.connections.send_modify(|count| *count += 1);
        if network.switches.borrow().refusing {
            reset(&client);
        } else {
            tokio::spawn(carry(client, network.clone()));
        }
    }
}

/// Dropping the socket after this sends a reset in place of a farewell.
fn reset(socket: &TcpStream) {
    // An error means that the other end was faster.
    let _ = socket.set_zero_linger();
}

async fn carry(mut client: TcpStream, network: Arc<Network>) {
    let mut switches = network.switches.subscribe();
    let (cuts, forsaken) = (switches.borrow().cuts, switches.borrow().forsaken);
    let cut = async {
        let _ = switches.wait_for(|switches| switches.cuts > cuts).await;
    };
    let mut others = network.switches.subscribe();
    let is_forsaken = async {
        let _ = others.wait_for(|switches| switches.forsaken > forsaken).await;
    };
    let connected = async {
        let mut switches = network.switches.subscribe();
        // The sender lives as long as we do.
        let _ = switches.wait_for(|switches| !switches.frozen).await;
        let target = network.target.lock().unwrap_or_else(PoisonError::into_inner).clone();
        TcpStream::connect(&target).await
    };
    tokio::pin!(cut);
    let server = tokio::select! {
        () = &mut cut => None,
        server = connected => server.ok(),
    };
    let Some(mut server) = server else { return reset(&client) };
    // Without it small packets wait for each other; an error costs only time.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));

    let doomed = Mutex::new(None);
    let broken = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let carried = async {
            tokio::select! {
                ended = requests(&network, from_client, to_server, &doomed) => ended.is_err(),
                ended = replies(&network, from_server, to_client, &doomed) => ended.is_err(),
                () = is_forsaken => std::future::pending().await,
            }
        };
        tokio::select! {
            () = cut => true,
            broken = carried => broken,
        }
    };
    if broken {
        reset(&client);
        reset(&server);
    }
    drop((client, server));
    if let Some(happened) = doomed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        tell(happened);
    }
}

/// Nobody may be listening, which is fine.
fn tell(happened: Happened) {
    let _ = happened.send(());
}

async fn requests(
    network: &Network,
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    doomed: &Mutex<Option<Happened>>,
) -> Result<(), Broken> {
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let bytes = from.read(&mut chunk).await.map_err(|_| Broken)?;
        if bytes == 0 {
            return Ok(());
        }
        network.thawed().await;
        let delay = network.switches.borrow().delay;
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        if let Some(happened) = network.springs_at_request(&chunk[..bytes]) {
            *doomed.lock().unwrap_or_else(PoisonError::into_inner) = Some(happened);
        }
        to.write_all(&chunk[..bytes]).await.map_err(|_| Broken)?;
    }
}

async fn replies(
    network: &Network,
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    doomed: &Mutex<Option<Happened>>,
) -> Result<(), Broken> {
    // What was kept back of a message comes in addition.
    let mut chunk = vec![0; CHUNK_BYTES + HEAD_BYTES];
    let losing = network.switches.borrow().without_notifications;
    let mut messages = losing.then(Messages::default);
    loop {
        let bytes = from.read(&mut chunk[..CHUNK_BYTES]).await.map_err(|_| Broken)?;
        if bytes == 0 {
            return Ok(());
        }
        network.thawed().await;
        let bytes = match &mut messages {
            None => bytes,
            Some(messages) => {
                let (kept, lost) = messages.without(NOTIFICATION, &chunk[..bytes]);
                network.lost.fetch_add(lost, Ordering::Relaxed);
                chunk[..kept.len()].copy_from_slice(&kept);
                kept.len()
            }
        };
        if doomed.lock().unwrap_or_else(PoisonError::into_inner).is_some() {
            return Err(Broken);
        }
        if let Some((through, happened)) = network.springs_in_reply(bytes) {
            // The client may be gone already.
            let _ = to.write_all(&chunk[..through]).await;
            network.cut();
            tell(happened);
            return Err(Broken);
        }
        to.write_all(&chunk[..bytes]).await.map_err(|_| Broken)?;
    }
}
