//! TLS: the server's certificate is checked, and the client can show one of its own.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use annals::store::{EventStore, StoreError};
use annals::{PgOptions, PgStore};
use annals_tests::postgres::Server;
use rcgen::{BasicConstraints, Certificate, CertificateParams, DnType, IsCa, KeyPair};

/// Somebody who signs certificates.
struct Authority {
    certificate: Certificate,
    key: KeyPair,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().expect("a new key");
        let mut parameters = CertificateParams::new(Vec::new()).expect("no names");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = parameters.self_signed(&key).expect("its own key signs");
        Self { certificate, key }
    }

    /// A certificate and its key, as PEM.
    fn sign(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().expect("a new key");
        let names = vec![name.to_owned()];
        let mut parameters = CertificateParams::new(names).expect("a good name");
        parameters.distinguished_name.push(DnType::CommonName, name);
        let signed = parameters.signed_by(&key, &self.certificate, &self.key);
        (signed.expect("the authority signs").pem(), key.serialize_pem())
    }
}

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let file = folder.join(name);
    std::fs::write(&file, text).expect("a file in a temporary directory");
    file
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_right_server_is_believed() {
    let ours = Authority::new();
    let folder = tempfile::tempdir().expect("a temporary directory");
    let mut server = Server::start().await;
    server.stop_immediate();
    let data = server.data_dir();
    let owner = std::fs::metadata(&data).expect("the cluster is there");
    let (certificate, key) = ours.sign("localhost");
    let root = write(folder.path(), "root.pem", &ours.certificate.pem());
    for (name, text) in
        [("server.crt", &certificate), ("server.key", &key), ("root.crt", &ours.certificate.pem())]
    {
        let file = write(&data, name, text);
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        chown(&file, Some(owner.uid()), Some(owner.gid())).expect("the server's own file");
    }
    let settings = std::fs::read_to_string(data.join("postgresql.conf")).unwrap();
    write(&data, "postgresql.conf", &format!("{settings}\nssl = on\nssl_ca_file = 'root.crt'\n"));
    server.start_again().await;

    let (certificate, key) = ours.sign("annals");
    let certificate = write(folder.path(), "client.crt", &certificate);
    let key = write(folder.path(), "client.key", &key);
    let with = |host: &str, root: &Path| {
        let root = root.display();
        let (certificate, key) = (certificate.display(), key.display());
        format!(
            "postgres://annals@{host}:{}/postgres?sslmode=verify-full&sslrootcert={root}\
             &sslcert={certificate}&sslkey={key}&application_name=with-tls",
            server.port()
        )
    };
    let store = PgStore::connect(&with("localhost", &root)).await.expect("all is well");
    assert_eq!(store.head().await.expect("it answers").get(), 0);
    let seen = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
                WHERE application_name = 'with-tls' AND ssl AND client_dn LIKE '%CN=annals%'";
    let client = annals_tests::postgres::connect(&server.url()).await;
    let sessions: i64 = client.query_one(seen, &[]).await.expect("sessions can be seen").get(0);
    assert!(sessions > 0, "the connections are encrypted, and the server knows who we are");

    // Another name than the certificate's, somebody else's signature, and whom the system trusts: it does
    // not know our authority.
    let theirs = write(folder.path(), "theirs.pem", &Authority::new().certificate.pem());
    let system = Path::new("system");
    for url in [with("127.0.0.1", &root), with("localhost", &theirs), with("localhost", system)] {
        let options = PgOptions::parse(&url).expect("the URL is good");
        let options = options.connect_retry(std::time::Duration::ZERO);
        let refused = PgStore::connect_with(options).await.map(|_| ());
        assert!(matches!(refused, Err(StoreError::Unavailable { .. })), "{refused:?}");
    }
    let missing = with("localhost", Path::new("/nowhere/root.pem"));
    let error = PgStore::connect(&missing).await.map(|_| ()).expect_err("there is no such file");
    assert!(error.to_string().contains("/nowhere/root.pem"), "{error}");
}
