//! How a program is doing, over HTTP, for whoever starts it, restarts it, and sends it requests:
//!
//! | path | 200 when |
//! |---|---|
//! | `/live` | the store answers |
//! | `/ready` | every consumer is worked on and none stands still |
//! | `/health` | the same, with all that is wrong as JSON |
//!
//! Otherwise it is 503.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use annals::Annals;
use annals::ops::Health;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// How long the store may take to answer: those who ask do not wait much longer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Serves for as long as it is kept.
#[derive(Debug)]
pub struct HealthPage {
    address: SocketAddr,
    server: JoinHandle<io::Result<()>>,
}

impl HealthPage {
    /// Serves how a program is doing at an address; with port 0 at a port that is free.
    ///
    /// # Errors
    /// The address, and what is wrong with it.
    pub async fn open(annals: &Annals, address: SocketAddr) -> io::Result<Self> {
        let bound = TcpListener::bind(address).await;
        let bound = bound.map_err(|error| {
            let way_out = "name another address with --health";
            io::Error::new(
                error.kind(),
                format!("nothing can be served on {address}: {error}; {way_out}"),
            )
        })?;
        let address = bound.local_addr()?;
        let paths = Router::new()
            .route("/live", get(live))
            .route("/ready", get(ready))
            .route("/health", get(health))
            .with_state(annals.clone());
        let server = tokio::spawn(async move { axum::serve(bound, paths).await });
        Ok(Self { address, server })
    }

    /// Where it is served.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for HealthPage {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn live(State(annals): State<Annals>) -> StatusCode {
    status(look(&annals).await.live)
}

async fn ready(State(annals): State<Annals>) -> StatusCode {
    status(look(&annals).await.ready)
}

async fn health(State(annals): State<Annals>) -> (StatusCode, Json<Health>) {
    let health = look(&annals).await;
    (status(health.ready), Json(health))
}

async fn look(annals: &Annals) -> Health {
    tokio::time::timeout(PATIENCE, annals.health()).await.unwrap_or_else(|_| {
        let silent = format!("it has not answered for {PATIENCE:?}");
        let trouble = BTreeMap::from([("store".to_owned(), vec![silent])]);
        Health { live: false, ready: false, degraded: true, trouble }
    })
}

fn status(well: bool) -> StatusCode {
    if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}
