//! Encryption by rustls, one way for all clients: with the system's certificates or those of PEM files.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use crate::InvalidOptions;

/// Whom a client trusts, and how it shows who it is.
#[derive(Debug, Clone, Copy)]
pub struct ClientTls<'o> {
    /// A PEM file with those whose signatures count; without one the system's own list.
    pub ca_file: Option<&'o Path>,
    /// PEM files with the client's certificate and its key, for servers that ask.
    pub identity: Option<&'o (PathBuf, PathBuf)>,
    /// What a person can do who uses this client where the system's list is empty, as `name a PEM file by
    /// ca_file`. Without it that is no error: no server is going to be trusted.
    pub way_out: Option<&'o str>,
}

impl ClientTls<'_> {
    /// What checks the server, and shows who we are. The provider of cryptography is `ring`, whichever the
    /// process has installed.
    ///
    /// # Errors
    /// A file that cannot be used, by its name, and a system that trusts nobody.
    pub fn config(self) -> Result<ClientConfig, InvalidOptions> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| InvalidOptions::new(error.to_string()))?
            .with_root_certificates(self.roots()?);
        let Some((certificate, key_file)) = self.identity else {
            return Ok(config.with_no_client_auth());
        };
        let key =
            PrivateKeyDer::from_pem_file(key_file).map_err(|error| unusable(key_file, error))?;
        config
            .with_client_auth_cert(certificates(certificate)?, key)
            .map_err(|error| unusable(certificate, error))
    }

    fn roots(&self) -> Result<RootCertStore, InvalidOptions> {
        let mut roots = RootCertStore::empty();
        if let Some(file) = self.ca_file {
            for certificate in certificates(file)? {
                roots.add(certificate).map_err(|error| unusable(file, error))?;
            }
            return Ok(roots);
        }
        let found = rustls_native_certs::load_native_certs();
        // A system's own list may hold what is too old to be read.
        let (added, _) = roots.add_parsable_certificates(found.certs);
        match self.way_out {
            Some(way_out) if added == 0 => {
                let first = found.errors.first().map(|error| format!(" ({error})"));
                Err(InvalidOptions::new(format!(
                    "the system knows nobody who signs certificates{}: install its list, or {way_out}",
                    first.unwrap_or_default()
                )))
            }
            _ => Ok(roots),
        }
    }
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, InvalidOptions> {
    let found: Vec<_> = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect)
        .map_err(|error| unusable(file, error))?;
    if found.is_empty() { Err(unusable(file, "no certificate is in it")) } else { Ok(found) }
}

fn unusable(file: &Path, error: impl Display) -> InvalidOptions {
    InvalidOptions::new(format!("{} cannot be used: {error}", file.display()))
}
