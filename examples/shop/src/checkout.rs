//! The way of an order: its goods are reserved, its buyer is charged, it is confirmed. If one of these is refused,
//! the money is refunded, the goods are released, and the order is rejected.

use std::time::Duration;

use annals::prelude::*;
use annals::sagas::{Commands, Correlation, Flow, Refusal, Saga};

use crate::domain::{
    Charge, Confirm, OrderEvent, Refund, Reject, Rejection, Release, Reserve, amount_of,
};

#[derive(Default)]
pub(crate) struct Checkout {
    order: String,
    charge: Charge,
    lines_to_reserve: usize,
    rejection: Rejection,
}

impl Saga for Checkout {
    type Event = OrderEvent;
    const NAME: &'static str = "checkout";
    const WITHIN: Duration = Duration::from_secs(24 * 3600);

    fn commands() -> Commands {
        let goods = Commands::of::<Reserve>().and::<Release>();
        goods.and::<Charge>().and::<Refund>().and::<Confirm>().and::<Reject>()
    }

    fn correlate(event: &Recorded<OrderEvent>) -> Vec<Correlation> {
        let OrderEvent::Placed { .. } = event.data else { return vec![] };
        vec![Correlation::start(event.stream.id())]
    }

    fn on(&mut self, event: &Recorded<OrderEvent>, flow: &mut Flow) {
        let OrderEvent::Placed { lines, pays, .. } = &event.data else { return };
        self.order = event.stream.id().to_owned();
        self.charge = pays.charge(amount_of(lines));
        for line in lines.iter().filter(|line| line.goods) {
            let (reserve, release) = line.reserve(&self.order);
            flow.send(&line.product, &reserve).beside().undone_by(&line.product, &release);
            self.lines_to_reserve += 1;
        }
        self.charge_once_all_is_reserved(flow);
    }

    fn done(&mut self, command: &str, flow: &mut Flow) {
        match command {
            Reserve::NAME => {
                self.lines_to_reserve -= 1;
                self.charge_once_all_is_reserved(flow);
            }
            Charge::NAME => {
                flow.send(&self.order, &Confirm);
                flow.complete();
            }
            _ => {}
        }
    }

    fn refused(&mut self, refusal: &Refusal<'_>, flow: &mut Flow) {
        let is_goods = refusal.command() == Reserve::NAME;
        self.rejection = if is_goods { Rejection::OutOfStock } else { Rejection::Declined };
        flow.compensate(refusal.reason());
    }

    fn undone(&self, reason: &str, flow: &mut Flow) {
        flow.send(&self.order, &Reject { reason: self.rejection, detail: reason.to_owned() });
    }
}

impl Checkout {
    fn charge_once_all_is_reserved(&self, flow: &mut Flow) {
        if self.lines_to_reserve == 0 {
            let refund = Refund { amount: self.charge.amount };
            flow.send(&self.order, &self.charge).undone_by(&self.order, &refund);
        }
    }
}
