//! A disk without room. It is a small file system in memory, which only root can mount.

use std::path::PathBuf;
use std::process::Command;

use annals::ExpectedVersion;
use annals::store::{EventStore, StoreError};
use annals_tests::ledger::{Ledger, whole_log};
use annals_tests::postgres::Server;
use annals_tests::random::Random;

use super::super::place::Place;
use super::append;

/// A file system of a few megabytes.
struct Small(PathBuf);

impl Small {
    /// `None` where it cannot be mounted.
    fn mount(server: &Server, size: &str) -> Option<Self> {
        let path = server.directory().join("small");
        std::fs::create_dir(&path).ok()?;
        let owner =
            std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(server.directory()).ok()?);
        let options = format!("size={size},mode=700,uid={owner}");
        run("mount", &["-t", "tmpfs", "-o", &options, "tmpfs", path.to_str()?])
            .then_some(Self(path))
    }

    fn grow(&self, size: &str) {
        let path = self.0.to_str().expect("our path is plain");
        assert!(run("mount", &["-o", &format!("remount,size={size}"), path]), "it can grow");
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // Lazily, because the server still has it open.
        run("umount", &["-l", self.0.to_str().unwrap_or_default()]);
    }
}

fn run(program: &str, arguments: &[&str]) -> bool {
    Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
}

/// Text that does not become smaller by compressing.
fn noise(random: &mut Random) -> String {
    let text: String = (0..8_000).map(|_| format!("{:016x}", random.number())).collect();
    format!(r#"{{"noise":"{text}"}}"#)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_and_recovers() {
    let server = Server::start().await;
    let Some(small) = Small::mount(&server, "6m") else {
        println!("skipped: a small file system cannot be mounted here; run as root");
        return;
    };
    let place = Place::on(&server);
    let store = place.store().await;
    let (path, events) = (small.0.display(), place.name("events"));
    server.psql(&format!("CREATE TABLESPACE small LOCATION '{path}'")).await;
    server.psql(&format!("ALTER TABLE {events} SET TABLESPACE small")).await;

    let mut random = Random::new(1);
    let mut ledger = Ledger::default();
    let error = loop {
        let append = append("1", ExpectedVersion::Any, &noise(&mut random));
        match store.append(append.clone()).await {
            Ok(appended) => ledger.acknowledge(&append, &appended),
            Err(error) => {
                ledger.refuse(&append);
                break error;
            }
        }
    };
    assert!(matches!(error, StoreError::Full { .. }), "{error:?}");
    assert!(!ledger.acknowledged.is_empty(), "some had room");
    ledger.check(&whole_log(&*store).await);

    small.grow("60m");
    for _ in 0..5 {
        let append = append("1", ExpectedVersion::Any, &noise(&mut random));
        let appended = store.append(append.clone()).await.expect("there is room again");
        ledger.acknowledge(&append, &appended);
    }
    ledger.check(&whole_log(&*store).await);
}
