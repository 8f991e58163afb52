//! Commands and their replies, as they travel between services.

use annals_core::{Event, InvalidName, Recorded, StreamId};

use crate::decision::Errand;
use crate::event::{Reply, SagaEvent, saga_of};

/// Commands and their replies, as they travel between services: public events, which routes send and sources
/// receive like all others.
///
/// The route of a saga's service that sends commands for `product` to whoever has it:
///
/// ```
/// use annals_core::Recorded;
/// use annals_outbox::{Address, Route};
/// use annals_sagas::{CommandEvent, SagaEvent};
///
/// struct ToInventory;
///
/// impl Route for ToInventory {
///     type Event = SagaEvent;
///     type Public = CommandEvent;
///     const NAME: &'static str = "checkout-to-inventory";
///
///     fn source(&self) -> String {
///         "/shop/orders".to_owned()
///     }
///
///     fn places(&self) -> Vec<Address> {
///         vec![Address::new("inventory.commands")]
///     }
///
///     fn publish(&self, event: &Recorded<SagaEvent>) -> Vec<CommandEvent> {
///         CommandEvent::sent(event, &["product"]).into_iter().collect()
///     }
/// }
/// ```
///
/// And that of the other service, which sends its replies back:
///
/// ```
/// # use annals_core::Recorded;
/// # use annals_outbox::{Address, Route};
/// # use annals_sagas::CommandEvent;
/// struct Answers;
///
/// impl Route for Answers {
///     type Event = CommandEvent;
///     type Public = CommandEvent;
///     const NAME: &'static str = "answers-to-orders";
///
///     fn source(&self) -> String {
///         "/shop/inventory".to_owned()
///     }
///
///     fn places(&self) -> Vec<Address> {
///         vec![Address::new("orders.answers")]
///     }
///
///     fn publish(&self, event: &Recorded<CommandEvent>) -> Vec<CommandEvent> {
///         vec![event.data.clone()]
///     }
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Event)]
#[event(prefix = "annals.command", crate = annals_core)]
pub enum CommandEvent {
    /// A saga wants a command to be executed.
    Sent {
        /// The saga.
        saga: String,
        /// The instance.
        instance: String,
        /// The command's number in the instance.
        number: u64,
        /// The command.
        errand: Errand,
    },
    /// A command has its reply.
    Answered {
        /// The saga that has sent it.
        saga: String,
        /// The instance.
        instance: String,
        /// The command's number in the instance.
        number: u64,
        /// What became of it.
        reply: Reply,
    },
}

impl CommandEvent {
    /// What is to be told others of an event of a saga, if it is a command for one of these categories.
    pub fn sent(event: &Recorded<SagaEvent>, categories: &[&str]) -> Option<Self> {
        let SagaEvent::Sent { number, errand } = &event.data else { return None };
        let saga = saga_of(&event.stream)?.to_owned();
        let instance = event.stream.id().to_owned();
        let wanted = categories.contains(&errand.category.as_str());
        wanted.then(|| Self::Sent { saga, instance, number: *number, errand: errand.clone() })
    }

    /// The stream of the replies to an instance of a saga, in the log of whoever executes its commands.
    pub(super) fn stream_of_answers(saga: &str, instance: &str) -> Result<StreamId, InvalidName> {
        StreamId::new(&format!("command.{saga}"), instance)
    }
}
