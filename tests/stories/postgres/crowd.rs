//! Writers that write for as long as a story needs them.

use std::sync::Arc;
use std::time::Duration;

use annals::PgStore;
use annals::store::Store;
use annals_tests::ledger::Ledger;
use annals_tests::writer::Writer;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How long a story may take before something hangs in it.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);

/// Writers that write until they are told to stop, and then once more.
pub(super) struct Crowd {
    tasks: JoinSet<Writer>,
    stop: watch::Sender<bool>,
    written: watch::Sender<u64>,
}

impl Crowd {
    /// Writers whose streams have `name` in their names.
    pub(super) fn start(store: &Arc<PgStore>, writers: u64, name: &str, seed: u64) -> Self {
        let mut tasks = JoinSet::new();
        let (stop, stopping) = watch::channel(false);
        let written = watch::Sender::new(0);
        for number in 0..writers {
            let store: Arc<dyn Store> = store.clone();
            let mut writer = Writer::new(store, format!("{name}w{number}"), seed ^ (number << 32));
            let (stopping, written) = (stopping.clone(), written.clone());
            tasks.spawn(async move {
                let mut last = false;
                while !last {
                    last = *stopping.borrow();
                    if writer.append().await {
                        written.send_modify(|written| *written += 1);
                    }
                }
                writer
            });
        }
        Self { tasks, stop, written }
    }

    /// Waits until they have written so many more appends.
    pub(super) async fn write(&self, appends: u64) {
        let mut written = self.written.subscribe();
        let enough = *written.borrow() + appends;
        let reached = tokio::time::timeout(PATIENCE, written.wait_for(|n| *n >= enough)).await;
        reached.expect("the writers go on").expect("the sender is here");
    }

    /// What they were told, once all of them have written once more.
    pub(super) async fn finish(mut self) -> Ledger {
        self.stop.send_replace(true);
        let mut ledger = Ledger::default();
        let all = async {
            while let Some(writer) = self.tasks.join_next().await {
                ledger.merge(writer.expect("no panic").ledger);
            }
        };
        tokio::time::timeout(PATIENCE, all).await.expect("the store finds the server again");
        ledger
    }
}
