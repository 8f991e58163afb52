//! Encryption, with the system's certificates or those of a PEM file.

use std::path::Path;
use std::sync::Arc;

use annals_outbox::tls::ClientTls;
use tokio_rustls::TlsConnector;

use super::InvalidOptions;

/// What checks the server.
pub(super) fn connector(ca_file: Option<&Path>) -> Result<TlsConnector, InvalidOptions> {
    let way_out = Some("name a PEM file by `ca_file`: the URL begins with `https://`");
    let config = ClientTls { ca_file, identity: None, way_out }.config();
    let config = config.map_err(|error| InvalidOptions::new(error.why))?;
    Ok(TlsConnector::from(Arc::new(config)))
}
