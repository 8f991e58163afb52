//! Commands at a time.

use annals_core::Aggregate;
use annals_sagas::{ScheduleError, Travels, ops};
use jiff::Timestamp;

use crate::Annals;

impl Annals {
    /// Sends a command to an aggregate at a time by the store's clock, once, under a name: again with the same
    /// command and time it is the same. It stands in the log, and is sent though every program is stopped and
    /// started between. A time that is over sends it at once. A command that the domain refuses then has no
    /// effect: [`ops::show`] tells.
    ///
    /// # Errors
    /// [`ScheduleError`]: nothing is scheduled.
    ///
    /// ```
    /// use annals::prelude::*;
    /// use annals::sagas::Commands;
    /// use annals::Annals;
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Event)]
    /// #[event(prefix = "invoice")]
    /// enum InvoiceEvent { Sent, Reminded }
    ///
    /// #[derive(Aggregate, Default)]
    /// #[aggregate(category = "invoice", id = u32, event = InvoiceEvent, error = std::convert::Infallible)]
    /// struct Invoice { reminders: u32 }
    ///
    /// impl Apply for Invoice {
    ///     fn apply(&mut self, event: &InvoiceEvent) {
    ///         if let InvoiceEvent::Reminded = event { self.reminders += 1 }
    ///     }
    /// }
    ///
    /// #[derive(Command, Serialize, Deserialize)]
    /// #[command(aggregate = Invoice)]
    /// struct Remind;
    ///
    /// impl Decide<Remind> for Invoice {
    ///     fn decide(&self, _: &Remind, _: &DecisionContext) -> Result<Vec<InvoiceEvent>, std::convert::Infallible> {
    ///         Ok(vec![InvoiceEvent::Reminded])
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let annals = Annals::open("memory:").await?.schedules(Commands::of::<Remind>()).start().await?;
    /// let yesterday = "2026-03-02T09:00:00Z".parse()?;
    /// annals.schedule("reminder-7", yesterday, &7, &Remind).await?;
    /// while annals.load::<Invoice>(&7).await?.state.reminders == 0 {
    ///     tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    /// }
    ///
    /// let some_day = "2126-03-02T09:00:00Z".parse()?;
    /// annals.schedule("reminder-8", some_day, &8, &Remind).await?;
    /// annals.call_off("reminder-8", "ann", "it was paid").await?;
    /// # annals.shutdown().await;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn schedule<C: Travels>(
        &self,
        name: &str,
        at: Timestamp,
        id: &<C::Aggregate as Aggregate>::Id,
        command: &C,
    ) -> Result<(), ScheduleError> {
        annals_sagas::schedule(&self.journal, (name, at), id, command).await
    }

    /// Calls a scheduled command off, for a reason. When it is being sent at the same time, one of both wins:
    /// [`ops::show`] tells which.
    ///
    /// # Errors
    /// [`SteerError::Refused`](ops::SteerError::Refused) when there is none of this name, or it is sent
    /// already.
    pub async fn call_off(
        &self,
        name: &str,
        by: &str,
        reason: &str,
    ) -> Result<(), ops::SteerError> {
        annals_sagas::call_off(&self.journal, name, (by, reason)).await
    }
}
