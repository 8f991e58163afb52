//! A customer: who they are, and where.

use std::convert::Infallible;

use annals::prelude::*;

#[derive(Event, Debug, Clone, PartialEq)]
#[event(prefix = "customer")]
pub(crate) enum CustomerEvent {
    Registered { name: String, country: String },
    Moved { country: String },
}

#[derive(Aggregate, Debug, Default)]
#[aggregate(category = "customer", id = String, event = CustomerEvent, error = Infallible)]
pub(crate) struct Customer {
    pub(crate) name: String,
    pub(crate) country: String,
    registered: bool,
}

impl Apply for Customer {
    fn apply(&mut self, event: &CustomerEvent) {
        match event {
            CustomerEvent::Registered { name, country } => {
                self.registered = true;
                self.name.clone_from(name);
                self.country.clone_from(country);
            }
            CustomerEvent::Moved { country } => self.country.clone_from(country),
        }
    }
}

impl Customer {
    /// Registering twice changes nothing.
    pub(crate) fn register(
        &self,
        name: &str,
        country: &str,
    ) -> Result<Option<CustomerEvent>, Infallible> {
        Ok((!self.registered)
            .then(|| CustomerEvent::Registered { name: name.into(), country: country.into() }))
    }

    /// Moving to where one lives changes nothing.
    pub(crate) fn move_to(&self, country: &str) -> Result<Option<CustomerEvent>, Infallible> {
        Ok((self.country != country).then(|| CustomerEvent::Moved { country: country.into() }))
    }
}
