//! Indexes follow the struct without a new version: one that is gone goes, one that cannot be is said.

use std::time::Duration;

use annals::prelude::*;
use annals_tests::bank::AccountEvent;

use crate::homes::{Home, append, quick};

macro_rules! version {
    ($module:ident, $($index:tt)*) => {
        mod $module {
            use super::*;

            #[derive(ReadModel, Debug, Clone, PartialEq)]
            #[read_model(table = "seats" $($index)*)]
            pub(super) struct Row {
                #[key]
                account: u32,
                seat: String,
            }

            pub(super) struct Seats;

            impl Projection for Seats {
                type Event = AccountEvent;
                type Row = Row;

                fn fold(&self, account: &u32, row: &mut Option<Row>, event: &Recorded<AccountEvent>) {
                    if let AccountEvent::Opened { owner } = &event.data {
                        *row = Some(Row { account: *account, seat: owner.clone() });
                    }
                }
            }
        }
    };
}

version!(plain,);
version!(indexed, , index(seat));
version!(unique, , unique(seat));

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_follow_without_a_new_version() {
    Home::each(|home| async move {
        let takes = |seat: &str| vec![AccountEvent::Opened { owner: seat.to_owned() }];
        let first = home.program().await.project(unique::Seats).start().await.unwrap();
        append(&first, 1, takes("1a")).await;
        first.shutdown().await;

        // No longer unique, with an index on the same column and without: two may have it.
        let second = home.program().await.project(indexed::Seats).engine_options(quick());
        let second = second.start().await.unwrap();
        let position = append(&second, 2, takes("1a")).await;
        second.wait_for(position, Duration::from_secs(20)).await.unwrap();
        assert_eq!(second.read::<indexed::Row>().count().await.unwrap(), 2, "{}", home.name());
        second.shutdown().await;
        let third = home.program().await.project(plain::Seats).start().await.unwrap();
        third.shutdown().await;

        let refused = home.program().await.project(unique::Seats).start().await.unwrap_err();
        let said = refused.to_string();
        assert!(said.contains("`seats__1`") && said.contains("(seat)"), "{}: {said}", home.name());
        // And nothing of it stays.
        let again = home.program().await.project(plain::Seats).start().await.unwrap();
        let position = append(&again, 3, takes("1a")).await;
        again.wait_for(position, Duration::from_secs(20)).await.unwrap();
        again.shutdown().await;
    })
    .await;
}
