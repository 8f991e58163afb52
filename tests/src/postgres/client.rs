//! Plain SQL beside the store, and the parts of a URL.

use std::time::{Duration, Instant};

use tokio_postgres::{Client, Config, NoTls};

/// A connection to the server of a URL. What only the store understands in it is left out.
///
/// # Panics
/// When the server does not let us in.
pub async fn connect(url: &str) -> Client {
    try_connect(&config(url)).await.unwrap_or_else(|error| panic!("{url}: {error:?}"))
}

/// A connection to a server that may be recovering from a crash: waits until it lets us in.
///
/// # Panics
/// When it does not within a minute; the message is the server's.
pub async fn connect_patiently(url: &str) -> Client {
    /// How long a recovery may take, and how long it is left alone between two looks.
    const PATIENCE: Duration = Duration::from_secs(60);
    const PAUSE: Duration = Duration::from_millis(20);
    let end = Instant::now() + PATIENCE;
    loop {
        match try_connect(&config(url)).await {
            Ok(client) => return client,
            Err(error) if Instant::now() > end => panic!("{url}: {error:?}"),
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// The same, for where it may fail.
pub(super) async fn try_connect(config: &Config) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = config.connect(NoTls).await?;
    // Its end is the client's end; the client's own calls say what broke.
    tokio::spawn(connection);
    Ok(client)
}

pub(super) fn config(url: &str) -> Config {
    let plain = url.split('?').next().unwrap_or(url);
    plain.parse().unwrap_or_else(|error| panic!("`{plain}` is no PostgreSQL URL: {error}"))
}

/// Host and port of a URL, as in `127.0.0.1:5432`.
pub fn host_of(url: &str) -> String {
    let (_, host, _) = parts(url);
    if host.contains(':') { host.to_owned() } else { format!("{host}:5432") }
}

/// The database of a URL.
pub fn database_of(url: &str) -> &str {
    let (_, _, rest) = parts(url);
    rest.trim_start_matches('/').split('?').next().unwrap_or_default()
}

/// The URL with another database.
pub fn with_database(url: &str, database: &str) -> String {
    let (user, host, rest) = parts(url);
    let parameters = rest.find('?').map_or("", |start| &rest[start..]);
    format!("{user}{host}/{database}{parameters}")
}

/// The URL of a server as seen through a proxy.
pub fn proxied(url: &str, proxy: &super::Proxy) -> String {
    let (user, _, rest) = parts(url);
    format!("{user}{}{rest}", proxy.address())
}

/// `postgres://user@`, `host:port`, `/database?parameters`.
fn parts(url: &str) -> (&str, &str, &str) {
    let scheme = url.find("://").unwrap_or_else(|| panic!("`{url}` is no URL")) + 3;
    let authority = scheme + url[scheme..].find(['/', '?']).unwrap_or(url.len() - scheme);
    let host = url[..authority].rfind('@').map_or(scheme, |at| at + 1);
    (&url[..host], &url[host..authority], &url[authority..])
}
