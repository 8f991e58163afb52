//! Encryption, with the system's certificates or those of PEM files.

use rustls::ClientConfig;

use super::options::NatsOptions;
use crate::InvalidOptions;
use crate::tls::ClientTls;

/// What checks the server, and shows who we are. A server without TLS needs nobody to be trusted.
pub(super) fn config(options: &NatsOptions, needed: bool) -> Result<ClientConfig, InvalidOptions> {
    let tls = ClientTls {
        ca_file: options.ca_file.as_deref(),
        identity: options.identity.as_ref(),
        way_out: needed.then_some("name a file with NatsOptions::ca_file"),
    };
    tls.config()
}
