//! Encryption by rustls, with the system's certificates or those of a PEM file.

use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use super::InvalidOptions;

/// What checks the server.
pub(super) fn connector(ca_file: Option<&Path>) -> Result<TlsConnector, InvalidOptions> {
    let mut roots = RootCertStore::empty();
    match ca_file {
        Some(file) => {
            let found = CertificateDer::pem_file_iter(file)
                .and_then(Iterator::collect::<Result<Vec<_>, _>>);
            let found = found.map_err(|error| unreadable(file, error))?;
            for certificate in found {
                roots.add(certificate).map_err(|error| unreadable(file, error))?;
            }
            if roots.is_empty() {
                return Err(unreadable(file, "no certificate is in it"));
            }
        }
        None => {
            let found = rustls_native_certs::load_native_certs();
            // A system's own list may hold what is too old to be read.
            if roots.add_parsable_certificates(found.certs).0 == 0 {
                return Err(InvalidOptions::new(
                    "the system knows nobody who signs certificates, and the URL begins with `https://`: \
                     install its list, or name a PEM file by `ca_file`",
                ));
            }
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| InvalidOptions::new(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

fn unreadable(file: &Path, error: impl Display) -> InvalidOptions {
    InvalidOptions::new(format!("{} cannot be used: {error}", file.display()))
}
