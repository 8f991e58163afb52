//! A unique column whose values move from row to row: each step was legal, so catching up and
//! rebuilding are.

use std::time::Duration;

use annals::prelude::*;
use annals::{EngineOptions, RunState};
use annals_tests::bank::AccountEvent;

use crate::homes::{Home, append, quick, until};

#[derive(ReadModel, Debug, Clone, PartialEq)]
#[read_model(table = "nicks", unique(nick))]
struct Nick {
    #[key]
    account: u32,
    nick: String,
}

struct Nicks;

impl Projection for Nicks {
    type Event = AccountEvent;
    type Row = Nick;
    const ON_FAILURE: annals::OnFailure = annals::OnFailure::Stop;

    fn fold(&self, account: &u32, row: &mut Option<Nick>, event: &Recorded<AccountEvent>) {
        *row = match &event.data {
            AccountEvent::Opened { owner } => Some(Nick { account: *account, nick: owner.clone() }),
            AccountEvent::Closed => None,
            _ => row.take(),
        };
    }
}

fn takes(nick: &str) -> AccountEvent {
    AccountEvent::Opened { owner: nick.to_owned() }
}

/// In every size of a batch: values are given up and taken in the same one, in any order of keys.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_move_from_row_to_row() {
    Home::each(|home| async move {
        let inline = home.program().await.project_inline(Nicks).start().await.unwrap();
        let steps = [
            (9, takes("zoe")),
            (1, takes("ann")),
            (2, takes("bob")),
            (1, AccountEvent::Closed),
            (2, takes("ann")),
            (1, takes("bob")),
            // Two change places, by a third.
            (1, takes("cid")),
            (2, takes("bob")),
            (1, takes("ann")),
        ];
        for (account, event) in steps {
            append(&inline, account, vec![event]).await;
        }
        let rows = inline.read::<Nick>().list().await.unwrap();
        inline.shutdown().await;
        for batch_events in 1..=9 {
            let options = EngineOptions { page_events: 1, batch_events, ..quick() };
            let builder = home.program().await.project(Nicks).engine_options(options);
            let annals = builder.start().await.unwrap();
            annals.rebuild::<Nicks>().await.expect("every step was legal");
            assert_eq!(annals.read::<Nick>().list().await.unwrap(), rows, "{}", home.name());
            annals.shutdown().await;
        }
    })
    .await;
}

/// A value that two rows do share is said with the table, the column and the event.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_that_is_taken_twice_is_said() {
    Home::each(|home| async move {
        let annals = home.program().await.project(Nicks).engine_options(quick());
        let annals = annals.start().await.unwrap();
        let first = append(&annals, 1, vec![takes("Ada Lovelace")]).await;
        annals.wait_for(first, Duration::from_secs(20)).await.unwrap();
        append(&annals, 2, vec![takes("Ada Lovelace")]).await;
        let failed = until(&annals, |status| status.state == RunState::Failed).await;
        let why = failed.last_error.unwrap();
        assert!(why.contains("`nicks") && why.contains("(nick)"), "{}: {why}", home.name());
        assert!(why.contains("position 2 ") && !why.contains("Lovelace"), "{why}");
        annals.shutdown().await;
    })
    .await;
}
