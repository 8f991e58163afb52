//! Queries mean what they say: a filter filters, a list is whole, an error is told.

use std::time::{Duration, Instant};

use annals::prelude::*;
use annals::{ErrorKind, ReadError};
use annals_tests::bank::AccountEvent;

use crate::homes::{Home, deposit, quick};

/// A row an event, under two keys.
#[derive(ReadModel, Debug, Clone, PartialEq)]
#[read_model(table = "entries")]
struct Entry {
    #[key]
    half: i64,
    #[key]
    position: i64,
    tenant: String,
}

struct Entries;

impl Projection for Entries {
    type Event = AccountEvent;
    type Row = Entry;

    fn keys(&self, event: &Recorded<AccountEvent>) -> Keys<(i64, i64)> {
        let position = event.position.get() as i64;
        (position % 2, position).into()
    }

    fn fold(&self, key: &(i64, i64), row: &mut Option<Entry>, _: &Recorded<AccountEvent>) {
        *row = Some(Entry { half: key.0, position: key.1, tenant: "ours".to_owned() });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_out_without_a_word() {
    Home::each(|home| async move {
        let annals = home.program().await.project(Entries).start().await.unwrap();
        deposit(&annals, 1, 10_000).await;
        let position = deposit(&annals, 1, 7).await;
        annals.wait_for(position, Duration::from_secs(50)).await.unwrap();
        let entries = || annals.read::<Entry>();

        let error = entries().list().await.unwrap_err();
        assert!(matches!(error, ReadError::TooMany { limit: 10_000, .. }), "{error}");
        assert_eq!(error.kind(), ErrorKind::Invalid);
        let error = entries().limit(20_000).list().await.unwrap_err();
        assert!(error.to_string().contains("at most 10000 rows"), "{error}");
        let error = entries().page(u64::MAX, 20).list().await.unwrap_err();
        assert!(matches!(error, ReadError::Page { .. }), "{error}");
        assert_eq!(entries().limit(10_000).list().await.unwrap().len(), 10_000);
        assert_eq!(entries().page(1, 10_000).list().await.unwrap().len(), 7);
        let even = entries().filter(Entry::HALF.equals(0)).list().await.unwrap();
        assert_eq!(even.len(), 5_003, "{}", home.name());

        let all = entries().all().await.unwrap();
        assert_eq!(all.len(), 10_007);
        assert!(all.is_sorted_by_key(|row| (row.half, row.position)));
        let newest = entries().order_by(Entry::POSITION.descending()).all().await.unwrap();
        assert_eq!((newest.len(), newest[0].position), (10_007, 10_007));
        let mut pages = entries().filter(Entry::POSITION.above(9_000)).pages(100);
        let (mut rows, mut sizes) = (Vec::new(), Vec::new());
        while let Some(page) = pages.next().await.unwrap() {
            sizes.push(page.len());
            rows.extend(page);
        }
        assert_eq!((rows.len(), sizes.len()), (1_007, 11));
        assert_eq!(rows, all.into_iter().filter(|row| row.position > 9_000).collect::<Vec<_>>());
        annals.shutdown().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_by_its_key_meets_the_filter() {
    Home::each(|home| async move {
        let annals = home.program().await.project(Entries).start().await.unwrap();
        let position = deposit(&annals, 1, 1).await;
        let entries = || annals.read::<Entry>().after(position);
        let ours = entries().filter(Entry::TENANT.equals("ours".to_owned()));
        assert!(ours.get(&(1, 1)).await.unwrap().is_some());
        let theirs = entries().filter(Entry::TENANT.equals("theirs".to_owned()));
        assert_eq!(theirs.get(&(1, 1)).await.unwrap(), None, "{}", home.name());
        annals.shutdown().await;

        // Nobody keeps it any more: there is nothing to wait for.
        let begun = Instant::now();
        let late = annals.read::<Entry>().timeout(Duration::from_secs(50));
        let error = late.after(annals::Position::new(9)).get(&(1, 1)).await.unwrap_err();
        assert!(error.to_string().contains("it was stopped"), "{error}");
        assert!(begun.elapsed() < Duration::from_secs(20));
    })
    .await;
}

#[derive(ReadModel, Debug, Clone, PartialEq)]
#[read_model(table = "transfers")]
struct Transfer {
    #[key]
    account: i64,
    n: i64,
}

struct Transfers;

impl Projection for Transfers {
    type Event = AccountEvent;
    type Row = Transfer;

    fn keys(&self, _: &Recorded<AccountEvent>) -> Keys<i64> {
        vec![7, 8, 7].into()
    }

    fn fold(&self, account: &i64, row: &mut Option<Transfer>, _: &Recorded<AccountEvent>) {
        row.get_or_insert(Transfer { account: *account, n: 0 }).n += 1;
    }
}

/// A transfer to oneself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_comes_twice_folds_once() {
    Home::each(|home| async move {
        let annals = home.program().await.project(Transfers).engine_options(quick());
        let annals = annals.start().await.unwrap();
        let position = deposit(&annals, 1, 4).await;
        let rows = annals.read::<Transfer>().after(position).list().await.unwrap();
        let counted: Vec<i64> = rows.iter().map(|row| row.n).collect();
        assert_eq!(counted, [4, 4], "{}", home.name());
        annals.shutdown().await;
    })
    .await;
}
