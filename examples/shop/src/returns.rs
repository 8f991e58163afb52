//! The way of a credit note: the goods go back to the shelf, and the money to the buyer.

use std::time::Duration;

use annals::prelude::*;
use annals::sagas::{Commands, Correlation, Flow, Saga};

use crate::domain::{OrderEvent, Refund, TakeBack, amount_of};

#[derive(Default)]
pub(crate) struct Returns;

impl Saga for Returns {
    type Event = OrderEvent;
    const NAME: &'static str = "returns";
    const WITHIN: Duration = Duration::from_secs(24 * 3600);

    fn commands() -> Commands {
        Commands::of::<TakeBack>().and::<Refund>()
    }

    fn correlate(event: &Recorded<OrderEvent>) -> Vec<Correlation> {
        let OrderEvent::Credited { .. } = event.data else { return vec![] };
        vec![Correlation::start(event.stream.id())]
    }

    fn on(&mut self, event: &Recorded<OrderEvent>, flow: &mut Flow) {
        let OrderEvent::Credited { lines, .. } = &event.data else { return };
        let note = event.stream.id().to_owned();
        for line in lines.iter().filter(|line| line.goods) {
            flow.send(&line.product, &line.take_back(&note));
        }
        flow.send(&note, &Refund { amount: amount_of(lines) });
        flow.complete();
    }
}
