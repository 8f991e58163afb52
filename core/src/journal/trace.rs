//! The W3C trace context of whoever is calling.

/// `00-<trace id>-<span id>-<flags>` of the current `tracing` span, when it belongs to an
/// OpenTelemetry trace.
#[cfg(feature = "opentelemetry")]
pub(super) fn current_traceparent() -> Option<String> {
    use opentelemetry::trace::TraceContextExt;
    use tracing_opentelemetry::OpenTelemetrySpanExt;

    let context = tracing::Span::current().context();
    let span = context.span();
    let span = span.span_context();
    span.is_valid().then(|| {
        format!("00-{}-{}-{:02x}", span.trace_id(), span.span_id(), span.trace_flags().to_u8())
    })
}

/// Without the feature `opentelemetry` a span has no trace context.
#[cfg(not(feature = "opentelemetry"))]
pub(super) fn current_traceparent() -> Option<String> {
    None
}
