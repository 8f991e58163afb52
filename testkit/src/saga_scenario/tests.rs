//! Scenarios that hold, and what those say that do not.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use annals_core::{Aggregate, Apply, Command, Decide, DecisionContext, Event, Recorded};
use annals_sagas::{Commands, Correlation, Flow, Refusal, Saga};
use serde::{Deserialize, Serialize};

use crate::SagaScenario;

#[derive(Event, Debug, PartialEq)]
#[event(prefix = "order", crate = annals_core)]
enum OrderEvent {
    Placed { products: Vec<String> },
    Paid,
    Merged { into: String },
    Hurried,
}

#[derive(Aggregate, Default)]
#[aggregate(category = "thing", id = String, event = OrderEvent, error = std::fmt::Error, crate = annals_core)]
struct Thing;

impl Apply for Thing {
    fn apply(&mut self, _: &OrderEvent) {}
}

macro_rules! commands {
    ($($name:ident),*) => {$(
        #[derive(Command, Serialize, Deserialize)]
        #[command(aggregate = Thing, crate = annals_core)]
        struct $name;

        impl Decide<$name> for Thing {
            fn decide(&self, _: &$name, _: &DecisionContext) -> Result<Vec<OrderEvent>, std::fmt::Error> {
                Ok(vec![])
            }
        }
    )*};
}

commands!(Reserve, Release, Ship, Recall, Gift);

/// Reserves, waits for the money, ships.
#[derive(Default)]
struct Checkout {
    reserved: u64,
    products: u64,
}

impl Saga for Checkout {
    type Event = OrderEvent;
    const NAME: &'static str = "checkout";
    const WITHIN: Duration = Duration::from_secs(3600);

    fn commands() -> Commands {
        Commands::of::<Reserve>().and::<Release>().and::<Ship>().and::<Recall>()
    }

    fn correlate(event: &Recorded<OrderEvent>) -> Vec<Correlation> {
        let id = event.stream.id();
        match &event.data {
            OrderEvent::Placed { .. } => vec![Correlation::start(id)],
            OrderEvent::Paid | OrderEvent::Hurried => vec![Correlation::continues(id)],
            OrderEvent::Merged { into } => {
                vec![Correlation::continues(id), Correlation::continues(into)]
            }
        }
    }

    fn on(&mut self, event: &Recorded<OrderEvent>, flow: &mut Flow) {
        match &event.data {
            OrderEvent::Placed { products } => {
                for product in products {
                    flow.send(product, &Reserve).undone_by(product, &Release);
                }
                self.products = products.len() as u64;
            }
            OrderEvent::Paid => {
                flow.call_off("payment");
                flow.send(&event.stream.id().to_owned(), &Ship);
                flow.complete();
            }
            OrderEvent::Merged { .. } => flow.compensate("it is part of another order"),
            OrderEvent::Hurried => drop(flow.send(&"paper".to_owned(), &Gift)),
        }
    }

    fn done(&mut self, command: &str, flow: &mut Flow) {
        self.reserved += u64::from(command == "reserve");
        if command == "reserve" && self.reserved == self.products {
            flow.wake_after("payment", Duration::from_secs(60));
        }
    }

    fn refused(&mut self, refusal: &Refusal<'_>, flow: &mut Flow) {
        flow.compensate(refusal.reason());
    }
}

fn id(id: &str) -> String {
    id.to_owned()
}

fn placed<const N: usize>(products: [&str; N]) -> SagaScenario<Checkout> {
    let products = products.map(str::to_owned).to_vec();
    SagaScenario::of("17").when("order-17", OrderEvent::Placed { products })
}

/// Two products, and the time to pay has begun.
fn reserved() -> SagaScenario<Checkout> {
    placed(["tea", "jam"]).then_whatever().when_all_done().then_whatever()
}

/// What a scenario says that does not hold.
fn says(scenario: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(scenario)).expect_err("it does not hold");
    let text = panic.downcast_ref::<String>().cloned();
    text.unwrap_or_else(|| panic.downcast_ref::<&str>().map_or_else(String::new, |it| id(it)))
}

fn assert_lines(text: &str, lines: &[&str]) {
    for line in lines {
        assert!(text.contains(line), "`{line}` in\n{text}");
    }
}

#[test]
fn it_goes_well() {
    placed(["tea", "jam"])
        .then_sends(&id("tea"), &Reserve)
        .then_sends(&id("jam"), &Reserve)
        .when_done_by("reserve", &"jam")
        .then_nothing()
        .when_done("reserve")
        .then_wakes_in("payment", Duration::from_secs(60))
        .when("order-17", OrderEvent::Paid)
        .then_calls_off("payment")
        .then_sends(&id("17"), &Ship)
        .then_completes()
        .when_done("ship")
        .then_completed()
        .when("order-17", OrderEvent::Paid)
        .then_stray("completed");
}

#[test]
fn what_was_done_is_undone_the_last_first() {
    placed(["tea", "jam", "milk"])
        .then_whatever()
        .when_done("reserve")
        .then_nothing()
        .when_refused_by("reserve", &"milk", "sold out")
        .then_compensates("sold out")
        .when_done_by("reserve", &"jam")
        .then_undoes(&id("jam"), &Release)
        .when_done("release")
        .then_undoes(&id("tea"), &Release)
        .when_refused("release", "it is gone")
        .then_stuck()
        .when_retried("ada")
        .then_undoes(&id("tea"), &Release)
        .when_refused("release", "it is gone")
        .then_stuck()
        .when_resolved("ada", "paid by hand")
        .then_compensated();
}

#[test]
fn time_passes_and_brings_what_is_due_in_order() {
    reserved()
        .when_time_passes(Duration::from_secs(59))
        .then_nothing()
        .when_time_passes(Duration::from_secs(1))
        .then_compensates("`payment` has come")
        .then_undoes(&id("jam"), &Release);
    placed(["tea"])
        .then_sends(&id("tea"), &Reserve)
        .when_time_passes(Duration::from_secs(7200))
        .then_compensates("within 3600s")
        .when_done("reserve")
        .then_undoes(&id("tea"), &Release);
    reserved().when_cancelled("ada", "a test").then_undoes(&id("jam"), &Release);
}

#[test]
fn an_event_may_concern_several() {
    let merged = || OrderEvent::Merged { into: id("17") };
    placed(["tea"])
        .then_whatever()
        .when("order-18", merged())
        .then_concerns(["18", "17"])
        .then_compensates("part of another")
        .when("order-17", OrderEvent::Merged { into: id("17") })
        .then_concerns(["17", "17"])
        .then_nothing()
        .when("order-18", OrderEvent::Paid)
        .then_concerns(["18"]);
}

#[test]
fn what_no_instance_waits_for_is_a_stray() {
    SagaScenario::<Checkout>::of("17")
        .when("order-17", OrderEvent::Paid)
        .then_stray("has never begun");
    placed(["tea"])
        .then_whatever()
        .when("order-17", OrderEvent::Placed { products: vec![] })
        .then_stray("has begun already");
    let said = says(|| {
        let _ =
            SagaScenario::<Checkout>::of("17").when("order-17", OrderEvent::Paid).then_nothing();
    });
    assert_lines(&said, &["it is a stray: `17` of `checkout` has never begun"]);
    let said = says(|| drop(placed(["tea"]).then_stray("ended")));
    assert_lines(&said, &["- it is a stray: … ended …", "it sends `reserve` to thing-tea"]);
}

#[test]
fn the_story_is_told_when_it_does_not_hold() {
    let said = says(|| drop(reserved().when("order-17", OrderEvent::Paid).then_nothing()));
    let lines = [
        "the scenario of `17` of the saga `checkout` does not hold\n",
        "1. when Placed { products: [\"tea\", \"jam\"] } happens on order-17\n",
        "     it sends `reserve` to thing-tea: null\n",
        "2. when everything that waits was executed\n",
        "     it is woken by `payment` at 1970-01-01T00:01:00Z\n",
        "3. when Paid happens on order-17\n",
        "it is completing at 1970-01-01T00:00:00Z\n",
        "command 3, `ship` of thing-17, waits\n",
        "but (- expected, + decided)\n- it decides nothing more\n+ it calls `payment` off\n",
    ];
    assert_lines(&said, &lines);
    let said = says(|| drop(placed(["tea"]).then_sends(&id("jam"), &Reserve)));
    assert_lines(
        &said,
        &["- it sends `reserve` to thing-jam: null\n+ it sends `reserve` to thing-tea: null\n"],
    );
    let said = says(|| drop(reserved().when_done("ship")));
    assert_lines(&said, &["when `ship` was executed\n! no `ship` waits for a reply"]);
    let said = says(|| drop(reserved().when("order-9", OrderEvent::Paid).then_nothing()));
    assert_lines(&said, &["+ the event is for other instances: [\"9\"]"]);
}

#[test]
fn what_nobody_expected_does_not_hold() {
    let said = says(|| drop(placed(["tea"])));
    assert_lines(&said, &["- it decides nothing more\n+ it sends `reserve` to thing-tea: null\n"]);
    let said = says(|| drop(placed(["tea"]).when_done("reserve")));
    assert_lines(&said, &["+ it sends `reserve` to thing-tea: null\n"]);
}

#[test]
fn a_command_that_it_may_not_send_is_named() {
    let said = says(|| drop(reserved().when("order-17", OrderEvent::Hurried)));
    assert_lines(&said, &["! `gift` of `thing` is none of its `commands`: add it there"]);
}

static SHARED: AtomicU64 = AtomicU64::new(0);

/// Decides by what is no input.
#[derive(Default)]
struct Impure;

impl Saga for Impure {
    type Event = OrderEvent;
    const NAME: &'static str = "impure";
    const WITHIN: Duration = Checkout::WITHIN;

    fn commands() -> Commands {
        Checkout::commands()
    }

    fn correlate(event: &Recorded<OrderEvent>) -> Vec<Correlation> {
        Checkout::correlate(event)
    }

    fn on(&mut self, _: &Recorded<OrderEvent>, flow: &mut Flow) {
        flow.send(&SHARED.fetch_add(1, Ordering::Relaxed).to_string(), &Ship);
    }
}

#[test]
fn a_saga_that_is_not_pure_is_noticed() {
    let placed = OrderEvent::Placed { products: vec![] };
    let said = says(|| drop(SagaScenario::<Impure>::of("17").when("order-17", placed)));
    assert_lines(&said, &["! the saga is not pure", "id: \"0\"", "id: \"1\""]);
}
