//! Encryption by rustls, with the system's certificates or those of PEM files.

use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;

use annals_core::store::StoreError;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::options::Roots;

/// What checks the server, and shows who we are.
pub(crate) fn connector(
    trusted: &Roots,
    client: Option<&(std::path::PathBuf, std::path::PathBuf)>,
) -> Result<MakeRustlsConnect, StoreError> {
    let mut roots = RootCertStore::empty();
    match trusted {
        Roots::File(file) => {
            for certificate in certificates(file)? {
                roots.add(certificate).map_err(|error| unreadable(file, error))?;
            }
        }
        Roots::System => {
            let found = rustls_native_certs::load_native_certs();
            // A system's own list may hold what is too old to be read.
            if roots.add_parsable_certificates(found.certs).0 == 0 {
                let first = found.errors.first().map(|error| format!(" ({error})"));
                return Err(StoreError::Invalid {
                    why: format!(
                        "the system knows nobody who signs certificates{}: install its list, or \
                         write `sslrootcert=FILE`",
                        first.unwrap_or_default()
                    ),
                });
            }
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| StoreError::Invalid { why: error.to_string() })?
        .with_root_certificates(roots);
    let config = match client {
        None => config.with_no_client_auth(),
        Some((certificate, key_file)) => {
            let key = PrivateKeyDer::from_pem_file(key_file)
                .map_err(|error| unreadable(key_file, error))?;
            config
                .with_client_auth_cert(certificates(certificate)?, key)
                .map_err(|error| unreadable(certificate, error))?
        }
    };
    Ok(MakeRustlsConnect::new(config))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, StoreError> {
    let found: Vec<_> = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect)
        .map_err(|error| unreadable(file, error))?;
    if found.is_empty() { Err(unreadable(file, "no certificate is in it")) } else { Ok(found) }
}

fn unreadable(file: &Path, error: impl Display) -> StoreError {
    StoreError::Invalid { why: format!("{} cannot be used: {error}", file.display()) }
}
