//! A network that breaks when the test says so.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use super::network::{Network, Trap, accept};

/// A TCP proxy on this machine. Dropping it cuts every connection.
pub struct Proxy {
    address: SocketAddr,
    network: Arc<Network>,
    accepting: AbortHandle,
}

impl Proxy {
    /// A proxy to `host:port`.
    ///
    /// # Panics
    /// When no port is free.
    pub async fn to(target: impl Into<String>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let network = Arc::new(Network::to(target.into()));
        let accepting = tokio::spawn(accept(listener, network.clone())).abort_handle();
        Self { address, network, accepting }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections were made so far.
    pub fn connections(&self) -> usize {
        *self.network.connections.borrow()
    }

    /// Waits until that many connections were made.
    pub async fn wait_for_connections(&self, count: usize) {
        let mut connections = self.network.connections.subscribe();
        // The sender lives as long as we do.
        let _ = connections.wait_for(|made| *made >= count).await;
    }

    /// New connections lead to another `host:port`; those that are open are reset.
    pub fn lead_to(&self, target: impl Into<String>) {
        *self.network.target.lock().unwrap_or_else(PoisonError::into_inner) = target.into();
        self.cut();
    }

    /// Resets every open connection now; new ones work.
    pub fn cut(&self) {
        self.network.cut();
    }

    /// Once, lets a request that contains `text` through to the server, and resets its connection
    /// in place of the first byte of the reply. The returned signal says that it has happened.
    pub fn cut_reply_to(&self, text: &str) -> oneshot::Receiver<()> {
        let (sender, happened) = oneshot::channel();
        self.network.set(Trap::ReplyTo(text.as_bytes().to_vec(), sender));
        happened
    }

    /// [`cut_reply_to`](Self::cut_reply_to) any request.
    pub fn cut_replies(&self) -> oneshot::Receiver<()> {
        self.cut_reply_to("")
    }

    /// Once, resets every open connection when servers have sent that many more bytes. The returned
    /// signal says that it has happened.
    pub fn cut_after_bytes_from_server(&self, bytes: usize) -> oneshot::Receiver<()> {
        let (sender, happened) = oneshot::channel();
        self.network.set(Trap::AfterBytes(bytes, sender));
        happened
    }

    /// From now on nothing is carried in either direction, and nobody is told: connections are held
    /// and new ones accepted.
    pub fn freeze(&self) {
        self.network.switches.send_modify(|switches| switches.frozen = true);
    }

    /// Carries on, with what was held.
    pub fn thaw(&self) {
        self.network.switches.send_modify(|switches| switches.frozen = false);
    }

    /// Leaves every open connection half open: nothing is carried on it any more, and neither end is told
    /// when the other one goes away, until it is cut. New ones work.
    pub fn forsake(&self) {
        self.network.forsake();
    }

    /// Loses every notification on connections that are made from now on; they must not be encrypted.
    pub fn lose_notifications(&self) {
        self.network.switches.send_modify(|switches| switches.without_notifications = true);
    }

    /// How many notifications got lost so far.
    pub fn lost_notifications(&self) -> usize {
        self.network.lost.load(Ordering::Relaxed)
    }

    /// Makes each request wait so long.
    pub fn delay(&self, delay: Duration) {
        self.network.switches.send_modify(|switches| switches.delay = delay);
    }

    /// Resets new connections at once.
    pub fn refuse(&self) {
        self.network.switches.send_modify(|switches| switches.refusing = true);
    }

    /// Takes new connections again.
    pub fn accept(&self) {
        self.network.switches.send_modify(|switches| switches.refusing = false);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut();
    }
}
