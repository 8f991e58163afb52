//! From a span to the events that it leads to, and from an event to the spans that follow from it.
//!
//! An event keeps the W3C trace context of the span in which it was decided, its `traceparent`. Whoever
//! deals with the event, in whatever process and however much later, links a span of its own to that one.
//! Projections, handlers and subscribers do so by themselves; this is for those who follow the log
//! with a [`Subscription`](crate::Subscription).
//!
//! All of it needs the feature `opentelemetry`, and a subscriber with the layer of the crate
//! `tracing-opentelemetry`; otherwise nothing happens.
//!
//! ```
//! use annals_core::{RecordedEvent, trace};
//! use tracing::Instrument;
//!
//! # async fn send_a_mail(_: &RecordedEvent) {}
//! async fn react(event: &RecordedEvent) {
//!     let span = tracing::info_span!("mail");
//!     trace::continue_from(&span, event);
//!     // What is executed in there belongs to the trace of the event.
//!     send_a_mail(event).instrument(span).await;
//! }
//!
//! async fn summarise(events: &[RecordedEvent]) {
//!     let span = tracing::info_span!("summary");
//!     // Many events, many traces: the span has its own, and points to each.
//!     events.iter().for_each(|event| trace::link(&span, event));
//! }
//! ```

use tracing::Span;

use crate::envelope::RecordedEvent;

/// Links a span to the one in which an event came about. For work on several events at once, each of
/// which may have a trace of its own.
pub fn link(span: &Span, event: &RecordedEvent) {
    with_cause(span, event, context::link);
}

/// Makes a span a child of the one in which an event came about, and links it to that. For work on one
/// event alone: it belongs to the event's trace, and so do commands that are executed in it. It has to
/// come before the span is entered.
pub fn continue_from(span: &Span, event: &RecordedEvent) {
    with_cause(span, event, context::continue_from);
}

fn with_cause(span: &Span, event: &RecordedEvent, how: fn(&Span, &str)) {
    if !span.is_disabled()
        && let Some(cause) = &event.metadata.traceparent
    {
        how(span, cause);
    }
}

/// `00-<trace id>-<span id>-<flags>` of the current span, when it belongs to a trace: for what is sent to
/// others. Events that are appended carry it by themselves.
pub fn current_traceparent() -> Option<String> {
    context::of(&Span::current())
}

#[cfg(feature = "opentelemetry")]
mod context {
    use opentelemetry::Context;
    use opentelemetry::trace::{
        SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState,
    };
    use tracing::Span;
    use tracing_opentelemetry::OpenTelemetrySpanExt;

    pub(super) fn of(span: &Span) -> Option<String> {
        let context = span.context();
        let span = context.span();
        let span = span.span_context();
        span.is_valid().then(|| {
            format!("00-{}-{}-{:02x}", span.trace_id(), span.span_id(), span.trace_flags().to_u8())
        })
    }

    pub(super) fn link(span: &Span, cause: &str) {
        if let Some(cause) = parse(cause) {
            span.add_link(cause);
        }
    }

    pub(super) fn continue_from(span: &Span, cause: &str) {
        let Some(cause) = parse(cause) else { return };
        span.add_link(cause.clone());
        // An error means that nobody records spans here, or that the caller has entered it already.
        let _ = span.set_parent(Context::new().with_remote_span_context(cause));
    }

    /// What an event says is text from anywhere: what is no trace context leads nowhere.
    fn parse(text: &str) -> Option<SpanContext> {
        let mut parts = text.split('-');
        let (version, trace) = (parts.next()?, parts.next()?);
        let (span, flags) = (parts.next()?, parts.next()?);
        // Later versions may add parts behind these.
        let whole = version != "00" || parts.next().is_none();
        let all = [(version, 2), (trace, 32), (span, 16), (flags, 2)];
        if !whole || version == "ff" || !all.iter().all(|(part, length)| is_hex(part, *length)) {
            return None;
        }
        let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
        let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?);
        let context = SpanContext::new(trace, span, flags, true, TraceState::default());
        context.is_valid().then_some(context)
    }

    fn is_hex(part: &str, length: usize) -> bool {
        part.len() == length && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    }

    #[cfg(test)]
    mod tests {
        use super::parse;

        #[test]
        fn what_is_no_trace_context_leads_nowhere() {
            let (trace, span) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
            let read = parse(&format!("00-{trace}-{span}-01")).expect("it is one");
            assert_eq!((read.trace_id().to_string(), read.is_sampled()), (trace.to_owned(), true));
            assert!(parse(&format!("cc-{trace}-{span}-00-later")).is_some(), "of a later version");
            for odd in [
                String::new(),
                "00".to_owned(),
                format!("00-{trace}-{span}"),
                format!("00-{trace}-{span}-01-more"),
                format!("ff-{trace}-{span}-01"),
                format!("00-{}-{span}-01", "0".repeat(32)),
                format!("00-{trace}-{}-01", "0".repeat(16)),
                format!("00-{}-{span}-01", trace.to_uppercase()),
                format!("00-+{}-{span}-01", &trace[1..]),
                format!("00-{trace}-{span}-1"),
            ] {
                assert!(parse(&odd).is_none(), "{odd}");
            }
        }
    }
}

/// Without the feature `opentelemetry` a span has no trace context.
#[cfg(not(feature = "opentelemetry"))]
mod context {
    use tracing::Span;

    pub(super) fn of(_: &Span) -> Option<String> {
        None
    }

    pub(super) fn link(_: &Span, _: &str) {}

    pub(super) fn continue_from(_: &Span, _: &str) {}
}
