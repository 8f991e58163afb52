//! The two services: what one tells, and what the other makes of it.

use std::sync::{Arc, LazyLock};

use annals_consumers::{
    Consume, ConsumeError, Consumer, Handler, KeyBy, OnFailure, PartitionRecord, Start,
    SubscriberDefinition, Target, Until, Wrote,
};
use annals_core::store::{LogFilter, Transaction};
use annals_core::table::{ColumnSpec, ColumnType, TableSpec, Value};
use annals_core::{Event, Recorded, RecordedEvent};
use annals_outbox::{Address, Envelope, Inbound, Route};
use async_trait::async_trait;

#[derive(Event)]
#[event(prefix = "order", crate = annals_core)]
pub(crate) enum Private {
    Placed { n: u64 },
}

#[derive(Event)]
#[event(prefix = "shop.order", crate = annals_core)]
pub(crate) enum Public {
    Placed {
        n: u64,
    },
    /// Every third order is told twice over.
    Marked {
        n: u64,
    },
}

pub(crate) struct Orders {
    pub(crate) lanes: u64,
}

impl Orders {
    fn lane(&self, stream: &str) -> Address {
        // Any function of the stream does.
        let sum: u64 = stream.bytes().map(u64::from).sum();
        Address::new(format!("orders.{}", sum % self.lanes))
    }
}

impl Route for Orders {
    type Event = Private;
    type Public = Public;
    const NAME: &'static str = "orders-out";
    const PARTITIONS: u32 = 3;
    const ENVELOPE: Envelope = Envelope::CloudEventsBinary;

    fn source(&self) -> String {
        "/shop".to_owned()
    }

    fn places(&self) -> Vec<Address> {
        (0..self.lanes).map(|lane| Address::new(format!("orders.{lane}"))).collect()
    }

    fn place(&self, event: &Recorded<Private>, _: &Public) -> Option<Address> {
        Some(self.lane(event.stream.as_str()))
    }

    fn publish(&self, event: &Recorded<Private>) -> Vec<Public> {
        let Private::Placed { n } = event.data;
        match n % 3 {
            0 => vec![Public::Placed { n }, Public::Marked { n }],
            _ => vec![Public::Placed { n }],
        }
    }
}

/// One row a stream: what has come of it, in the order in which it came.
pub(crate) fn trails() -> &'static TableSpec {
    static TABLE: LazyLock<TableSpec> = LazyLock::new(|| {
        let columns = vec![
            ColumnSpec::new("stream", ColumnType::Text, false),
            ColumnSpec::new("trail", ColumnType::Text, false),
        ];
        TableSpec::own("annals_simulated_trails", columns, vec![0])
    });
    &TABLE
}

/// The consumer of the other service.
pub(crate) fn reader(inbound: &Inbound) -> SubscriberDefinition {
    let types = Public::descriptors();
    let types = types.iter().map(|event| annals_core::EventType::from_static(event.event_type));
    let consumer = Consumer {
        name: "orders".into(),
        kind: "handler",
        version: 1,
        filter: LogFilter::default(),
        key: KeyBy::Stream,
        concerns: None,
        on_failure: OnFailure::Park,
        most_partitions: inbound.parts(),
        inline: false,
        late_after: None,
        inflow: None,
        handler: Arc::new(Reads),
    };
    let inflow = inbound.inflow(types.collect());
    SubscriberDefinition::new(consumer, (Start::Beginning, 1), |_| Box::pin(async { Ok(()) }))
        .receiving(inflow, inbound.parts())
}

struct Reads;

#[async_trait]
impl Handler for Reads {
    async fn open(&self, _: &PartitionRecord) -> Result<Target, ConsumeError> {
        Ok(Target::Transactional(Box::new(Trails::default())))
    }
}

#[derive(Default)]
struct Trails(Vec<RecordedEvent>);

#[async_trait]
impl Consume for Trails {
    async fn take(&mut self, events: Vec<RecordedEvent>) -> Result<(), ConsumeError> {
        self.0.extend(events);
        Ok(())
    }

    fn pending(&self) -> usize {
        self.0.len()
    }

    async fn write(
        &mut self,
        transaction: &mut dyn Transaction,
        _: &Until,
    ) -> Result<Wrote, ConsumeError> {
        for event in &self.0 {
            let key = Value::Text(event.stream.to_string());
            let row = transaction.load_rows(trails(), &[vec![key.clone()]]).await?.pop();
            let before = match row.as_deref() {
                Some([_, Value::Text(trail)]) => trail.clone(),
                _ => String::new(),
            };
            let mark = if event.event_type == "shop.order.marked" { "m" } else { "" };
            let trail = format!("{before} {}{mark}", event.version);
            transaction.upsert_rows(trails(), &[vec![key, Value::Text(trail)]]).await?;
        }
        Ok(Wrote::All)
    }

    fn written(&mut self) {
        self.0.clear();
    }

    fn forget(&mut self) {
        self.0.clear();
    }
}
