//! Sagas, and commands at a time.

#[cfg(feature = "outbox")]
use annals_sagas::Inward;
use annals_sagas::{Commands, Saga};

use super::Builder;

impl Builder {
    /// Runs a saga: its instances are told what happens, and the commands that they send are executed here,
    /// but for those that a route takes elsewhere.
    pub fn saga<S: Saga>(mut self) -> Self {
        self.late.push(Box::new(|journal| annals_sagas::definitions::<S>(journal).into()));
        self
    }

    /// Tells the instances of a saga what comes as messages: events of its type that happen in other
    /// services, and [replies](annals_sagas::CommandEvent::Answered) to commands that those execute.
    #[cfg(feature = "outbox")]
    pub fn saga_hears<S: Saga>(mut self, inbound: &annals_outbox::Inbound) -> Self {
        self.refused = self.refused.or(inbound.check().err());
        let inbound = inbound.clone();
        self.late.push(Box::new(move |journal| {
            let inward = Inward { inflow: &|types| inbound.inflow(types), parts: inbound.parts() };
            vec![annals_sagas::hearing::<S>(journal, &inward)]
        }));
        self
    }

    /// Executes commands that other services' sagas send as messages, by a consumer of this name. What becomes
    /// of them is [appended](annals_sagas::CommandEvent::Answered), for a route that sends it back.
    #[cfg(feature = "outbox")]
    pub fn execute_from(
        mut self,
        inbound: &annals_outbox::Inbound,
        name: &str,
        commands: Commands,
    ) -> Self {
        self.refused = self.refused.or(inbound.check().err());
        let (inbound, name) = (inbound.clone(), name.to_owned());
        self.late.push(Box::new(move |journal| {
            let inward = Inward { inflow: &|types| inbound.inflow(types), parts: inbound.parts() };
            vec![annals_sagas::executing(&name, commands, journal, &inward)]
        }));
        self
    }

    /// Sends [scheduled](crate::Annals::schedule) commands, which are among these.
    pub fn schedules(mut self, commands: Commands) -> Self {
        self.late.push(Box::new(|journal| annals_sagas::scheduled(journal, commands).into()));
        self
    }
}
