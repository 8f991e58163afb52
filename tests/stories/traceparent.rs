//! The trace context of whoever executes a command is carried into its events, from a real tracer.

use annals::{Annals, MemoryStore, Origin, StreamVersion, UnknownEvents};
use annals_core::HistoryEvent;
use annals_tests::bank::Account;
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::Instrument;
use tracing_subscriber::layer::SubscriberExt;

#[tokio::test]
async fn the_current_span_is_carried_through() {
    let provider = SdkTracerProvider::builder().build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("story"));
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));

    let annals = Annals::on(MemoryStore::default()).start().await.unwrap();
    let deposit = |account: &Account| account.deposit(1);
    let span = tracing::info_span!("request");
    let trace_id = {
        use opentelemetry::trace::TraceContextExt;
        use tracing_opentelemetry::OpenTelemetrySpanExt;
        span.context().span().span_context().trace_id().to_string()
    };
    async { annals.execute(&1, deposit).await }.instrument(span).await.unwrap();
    let own = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    annals.execute(&1, deposit).origin(Origin::default().traceparent(own)).await.unwrap();

    let history = annals.history::<Account>(&1, StreamVersion::NONE, UnknownEvents::Error);
    let parents: Vec<_> = history
        .await
        .unwrap()
        .events
        .into_iter()
        .map(|event| match event {
            HistoryEvent::Known(event) => event.metadata.traceparent.clone(),
            HistoryEvent::Unknown(event) => event.metadata.traceparent.clone(),
        })
        .collect();
    let [first, second, third] = &parents[..] else { panic!("{parents:?}") };
    assert_eq!(first, second, "one command, one context");
    let first = first.as_deref().unwrap();
    let [version, trace, span, flags] = first.split('-').collect::<Vec<_>>()[..] else {
        panic!("{first}")
    };
    assert_eq!((version, trace, span.len(), flags), ("00", &*trace_id, 16, "01"));
    assert_eq!(third.as_deref(), Some(own), "what the caller gives wins");
}
