//! Encryption by rustls, with the system's certificates or those of PEM files.

use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use super::options::{RedisOptions, RedisRoots};
use crate::InvalidOptions;

/// What checks the server, and shows who we are.
pub(super) fn connector(options: &RedisOptions) -> Result<TlsConnector, InvalidOptions> {
    let mut roots = RootCertStore::empty();
    match &options.roots {
        RedisRoots::File(file) => {
            for certificate in certificates(file)? {
                roots.add(certificate).map_err(|error| unreadable(file, error))?;
            }
        }
        RedisRoots::System => {
            let found = rustls_native_certs::load_native_certs();
            // A system's own list may hold what is too old to be read.
            if roots.add_parsable_certificates(found.certs).0 == 0 {
                return Err(InvalidOptions::new(
                    "the system knows nobody who signs certificates, and the URL begins with `rediss://`: \
                     install its list, or name a PEM file by `ca_file`",
                ));
            }
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| InvalidOptions::new(error.to_string()))?
        .with_root_certificates(roots);
    let config = match &options.identity {
        None => config.with_no_client_auth(),
        Some((certificate, key_file)) => {
            let key = PrivateKeyDer::from_pem_file(key_file)
                .map_err(|error| unreadable(key_file, error))?;
            config
                .with_client_auth_cert(certificates(certificate)?, key)
                .map_err(|error| unreadable(certificate, error))?
        }
    };
    Ok(TlsConnector::from(Arc::new(config)))
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
