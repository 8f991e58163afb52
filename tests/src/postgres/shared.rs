//! The server that ordinary tests share.

use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio_postgres::error::SqlState;

use super::Server;
use super::client::{config, connect, try_connect};

/// How long a server on this machine may take to let us in.
const PATIENCE: Duration = Duration::from_secs(5);

enum Shared {
    Found(String),
    Started(Server),
}

/// The URL of a server that several tests use at once, each in a [`fresh_schema`]: what
/// `ANNALS_POSTGRES_URL` says, else what listens on port 5432 of this machine and lets the current
/// user or `postgres` in, else a server of this process.
///
/// # Panics
/// When `ANNALS_POSTGRES_URL` does not lead to a server, or none can be started.
pub async fn shared_url() -> String {
    static SHARED: OnceCell<Shared> = OnceCell::const_new();
    let shared = SHARED.get_or_init(|| async {
        if let Ok(url) = std::env::var("ANNALS_POSTGRES_URL") {
            connect(&url).await;
            return Shared::Found(url);
        }
        match running_here().await {
            Some(url) => Shared::Found(url),
            None => Shared::Started(Server::start_with(&[("max_connections", "500")]).await),
        }
    });
    match shared.await {
        Shared::Found(url) => url.clone(),
        Shared::Started(server) => server.url(),
    }
}

async fn running_here() -> Option<String> {
    let user = Command::new("id").arg("-un").output().ok()?;
    let user = String::from_utf8_lossy(&user.stdout).trim().to_owned();
    for user in [user.as_str(), "postgres"] {
        for database in ["test", "postgres"] {
            let url = format!("postgres://{user}@127.0.0.1:5432/{database}");
            let connected = tokio::time::timeout(PATIENCE, try_connect(&config(&url))).await;
            if let Ok(Ok(client)) = connected
                && may_make_schemas(&client).await
            {
                return Some(url);
            }
        }
    }
    None
}

async fn may_make_schemas(client: &tokio_postgres::Client) -> bool {
    let sql = "SELECT has_database_privilege(current_database(), 'CREATE')";
    client.query_one(sql, &[]).await.is_ok_and(|row| row.get(0))
}

/// The name of a schema that nobody else uses. It does not exist yet.
pub fn fresh_schema() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    let random = uuid::Uuid::now_v7().as_u128() as u32;
    format!("annals_test_{}_{next}_{random:x}", std::process::id())
}

/// Removes a schema with all that is in it, if it is there. Works on a thread of its own, so that a
/// `drop` can call it, with and without a runtime.
///
/// # Errors
/// What the server says.
///
/// # Panics
/// When the server does not let us in.
pub fn drop_schema(url: &str, schema: &str) -> Result<(), tokio_postgres::Error> {
    let drop = async {
        let sql = format!(
            "SET client_min_messages = warning; SET lock_timeout = '30s'; \
             DROP SCHEMA IF EXISTS \"{schema}\" CASCADE"
        );
        let client = connect(url).await;
        loop {
            match client.batch_execute(&sql).await {
                // The server ends what a program that was dropped has sent, and that may have locked
                // tables in another order than they go away in.
                Err(error) if error.code() == Some(&SqlState::T_R_DEADLOCK_DETECTED) => {}
                dropped => return dropped,
            }
        }
    };
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime can be started").block_on(drop)
        });
        thread.join().expect("the server lets us in")
    })
}
