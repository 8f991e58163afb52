//! Encryption by rustls, with the system's certificates or those of PEM files.

use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use super::options::NatsOptions;
use crate::InvalidOptions;

/// What checks the server, and shows who we are. A server without TLS needs nobody to be trusted.
pub(super) fn config(options: &NatsOptions, needed: bool) -> Result<ClientConfig, InvalidOptions> {
    let mut roots = RootCertStore::empty();
    match &options.ca_file {
        Some(file) => {
            for certificate in certificates(file)? {
                roots.add(certificate).map_err(|error| unreadable(file, error))?;
            }
        }
        None => {
            let found = rustls_native_certs::load_native_certs();
            // A system's own list may hold what is too old to be read.
            if roots.add_parsable_certificates(found.certs).0 == 0 && needed {
                let first = found.errors.first().map(|error| format!(" ({error})"));
                return Err(InvalidOptions::new(format!(
                    "the system knows nobody who signs certificates{}: install its list, or name a \
                     file with NatsOptions::ca_file",
                    first.unwrap_or_default()
                )));
            }
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| InvalidOptions::new(error.to_string()))?
        .with_root_certificates(roots);
    match &options.identity {
        None => Ok(config.with_no_client_auth()),
        Some((certificate, key_file)) => {
            let key = PrivateKeyDer::from_pem_file(key_file)
                .map_err(|error| unreadable(key_file, error))?;
            config
                .with_client_auth_cert(certificates(certificate)?, key)
                .map_err(|error| unreadable(certificate, error))
        }
    }
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, InvalidOptions> {
    let found: Vec<_> = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect)
        .map_err(|error| unreadable(file, error))?;
    if found.is_empty() { Err(unreadable(file, "no certificate is in it")) } else { Ok(found) }
}

fn unreadable(file: &Path, error: impl Display) -> InvalidOptions {
    InvalidOptions::new(format!("{} cannot be used: {error}", file.display()))
}
