//! Encryption, with the system's certificates or those of PEM files.

use std::sync::Arc;

use tokio_rustls::TlsConnector;

use super::options::{RedisOptions, RedisRoots};
use crate::InvalidOptions;
use crate::tls::ClientTls;

/// What checks the server, and shows who we are.
pub(super) fn connector(options: &RedisOptions) -> Result<TlsConnector, InvalidOptions> {
    let ca_file = match &options.roots {
        RedisRoots::File(file) => Some(file.as_path()),
        RedisRoots::System => None,
    };
    let tls = ClientTls {
        ca_file,
        identity: options.identity.as_ref(),
        way_out: Some("name a PEM file by `ca_file`: the URL begins with `rediss://`"),
    };
    Ok(TlsConnector::from(Arc::new(tls.config()?)))
}
