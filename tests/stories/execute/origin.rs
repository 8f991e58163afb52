//! Where a command comes from stands in every event it leads to.

use annals_core::{JournalOptions, Metadata, Origin};

use crate::bank::{Account, AccountError, Bank, Deposited, ann};

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[tokio::test]
async fn the_origin_is_carried_into_every_event() {
    let bank = Bank::open();
    let origin = Origin::default()
        .correlation("flow 1")
        .causation("command 7")
        .actor("ann@example.org")
        .source("/bank/tellers")
        .traceparent(TRACE)
        .with("branch", "Riga");
    let twice = |_: &Account| -> Result<_, AccountError> {
        Ok([Deposited { cents: 1 }, Deposited { cents: 2 }])
    };

    bank.journal.execute(&ann(), twice).origin(origin).await.expect("never refused");

    let stored = bank.stored().await;
    assert_eq!(stored.len(), 2);
    for event in stored {
        let expected = Metadata {
            source: Some("/bank/tellers".to_owned()),
            correlation_id: Some("flow 1".to_owned()),
            causation_id: Some("command 7".to_owned()),
            traceparent: Some(TRACE.to_owned()),
            actor: Some("ann@example.org".to_owned()),
            custom: [("branch".to_owned(), "Riga".to_owned())].into(),
            ..Metadata::default()
        };
        assert_eq!(*event.metadata, expected);
    }
}

#[tokio::test]
async fn the_journal_has_a_source_for_commands_that_name_none() {
    let set = |options| JournalOptions { source: Some("/bank".to_owned()), ..options };
    let bank = Bank::with(set);
    bank.deposit(1).await;
    let deposit = |account: &Account| account.deposit(1);
    let named = Origin::default().source("/elsewhere");
    bank.journal.execute(&ann(), deposit).origin(named).await.expect("never refused");
    let stored = bank.stored().await;
    let sources: Vec<_> = stored.iter().map(|event| event.metadata.source.as_deref()).collect();
    assert_eq!(sources, [Some("/bank"), Some("/elsewhere")]);
}

#[tokio::test]
async fn what_an_event_leads_to_names_it_as_its_cause() {
    let bank = Bank::open();
    bank.deposit(1).await;
    for link in 1..=2 {
        let cause = bank.stored().await.pop().expect("there is a cause");
        let deposit = |account: &Account| account.deposit(1);
        let origin = Origin::caused_by(&cause);
        bank.journal.execute(&ann(), deposit).origin(origin).await.expect("never refused");

        let stored = bank.stored().await;
        let effect = &stored[link];
        assert_eq!(effect.metadata.causation_id, Some(cause.id.to_string()));
        let root = stored[0].id.to_string();
        assert_eq!(effect.metadata.correlation_id, Some(root), "the whole chain is one flow");
    }
}
