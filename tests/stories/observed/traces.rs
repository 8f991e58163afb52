//! A tracer that keeps the spans that have ended.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use opentelemetry::trace::{SpanId, TraceId, TracerProvider};
use opentelemetry::{Context, Value};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, Span, SpanData, SpanProcessor};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::layer::SubscriberExt;

#[derive(Debug, Clone, Default)]
pub(super) struct Traces(Arc<Mutex<Vec<SpanData>>>);

impl SpanProcessor for Traces {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        self.0.lock().expect("no panic").push(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

impl Traces {
    /// Keeps the spans of this thread.
    pub(super) fn begin() -> (Self, DefaultGuard) {
        let traces = Self::default();
        let provider = SdkTracerProvider::builder().with_span_processor(traces.clone()).build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("story"));
        let guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
        (traces, guard)
    }

    /// The spans of a name that have ended, in the order of their ends.
    pub(super) fn named(&self, name: &str) -> Vec<SpanData> {
        let spans = self.0.lock().expect("no panic");
        spans.iter().filter(|span| span.name == name).cloned().collect()
    }
}

/// The spans that one is linked to.
pub(super) fn links(span: &SpanData) -> Vec<(TraceId, SpanId)> {
    span.links.iter().map(|link| at(&link.span_context)).collect()
}

/// Where a span is.
pub(super) fn place(span: &SpanData) -> (TraceId, SpanId) {
    at(&span.span_context)
}

fn at(context: &opentelemetry::trace::SpanContext) -> (TraceId, SpanId) {
    (context.trace_id(), context.span_id())
}

/// A field of a span, as text.
pub(super) fn field(span: &SpanData, name: &str) -> Option<String> {
    let found = span.attributes.iter().find(|field| field.key.as_str() == name)?;
    Some(match &found.value {
        Value::String(text) => text.as_str().to_owned(),
        value => value.to_string(),
    })
}
