//! Where does each application stand?

use annals::prelude::*;

use crate::events::{ApplicationEvent, LoanEvent, OfferEvent};

/// One application, with all that a clerk asks for first.
#[derive(ReadModel, Debug, Clone, PartialEq)]
#[read_model(table = "applications")]
pub(crate) struct Application {
    #[key]
    pub(crate) number: u32,
    pub(crate) amount_eur: u32,
    pub(crate) submitted_at: Timestamp,
    /// The state it entered last.
    #[index]
    pub(crate) state: String,
    pub(crate) offers_sent: u32,
    #[index]
    pub(crate) events: u32,
    pub(crate) last_event_at: Timestamp,
}

pub(crate) struct Applications;

impl Projection for Applications {
    type Event = LoanEvent;
    type Row = Application;
    const NAME: &str = "applications";
    const VERSION: u32 = 1;

    fn keys(&self, event: &Recorded<LoanEvent>) -> Keys<u32> {
        event.aggregate_id().into()
    }

    fn fold(&self, &number: &u32, row: &mut Option<Application>, event: &Recorded<LoanEvent>) {
        let row = row.get_or_insert_with(|| Application {
            number,
            amount_eur: 0,
            submitted_at: event.occurred_at,
            state: String::new(),
            offers_sent: 0,
            events: 0,
            last_event_at: event.occurred_at,
        });
        row.events += 1;
        row.last_event_at = event.occurred_at;
        match &event.data {
            LoanEvent::Application(application) => {
                if let ApplicationEvent::Submitted { amount_eur, .. } = application {
                    row.amount_eur = *amount_eur;
                }
                row.state = super::funnel::state(application);
            }
            LoanEvent::Offer(OfferEvent::Sent) => row.offers_sent += 1,
            LoanEvent::Offer(_) | LoanEvent::Work(_) => {}
        }
    }
}
