//! Every step as a `tower` service. It is always ready: whoever refuses does so in the call's future, and
//! only when all have let the call pass is the inner service asked whether it is ready.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use tower::Service;

use crate::ResilienceError;

/// What can stand around a call. The steps and policies have methods `run` of their own, which ask less
/// of the call than this trait must.
pub trait Guard<E>: Clone + Send + Sync + 'static {
    /// Makes the call, if and when it may be made.
    fn guard<T, F, Fut>(
        &self,
        call: F,
    ) -> impl Future<Output = Result<T, ResilienceError<E>>> + Send
    where
        T: Send,
        F: FnMut() -> Fut + Send,
        Fut: Future<Output = Result<T, E>> + Send;
}

type Answer<T, E> = Pin<Box<dyn Future<Output = Result<T, ResilienceError<E>>> + Send>>;

/// A service behind a step that calls once at the most.
#[derive(Debug, Clone)]
pub struct Guarded<S, G> {
    pub(crate) service: S,
    pub(crate) guard: G,
}

impl<S, R, G> Service<R> for Guarded<S, G>
where
    S: Service<R> + Clone + Send + 'static,
    S::Response: Send,
    S::Error: Send,
    S::Future: Send,
    R: Send + 'static,
    G: Guard<S::Error>,
{
    type Response = S::Response;
    type Error = ResilienceError<S::Error>;
    type Future = Answer<S::Response, S::Error>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: R) -> Self::Future {
        let (mut once, guard) = (Some((self.service.clone(), request)), self.guard.clone());
        let call = move || {
            let (service, request) = once.take().expect("only `Repeated` is behind a retry");
            when_ready(service, request)
        };
        Box::pin(async move { guard.guard(call).await })
    }
}

/// A service behind a step that may call several times, each time with a clone of the request.
#[derive(Debug, Clone)]
pub struct Repeated<S, G> {
    pub(crate) service: S,
    pub(crate) guard: G,
}

impl<S, R, G> Service<R> for Repeated<S, G>
where
    S: Service<R> + Clone + Send + 'static,
    S::Response: Send,
    S::Error: Send,
    S::Future: Send,
    R: Clone + Send + 'static,
    G: Guard<S::Error>,
{
    type Response = S::Response;
    type Error = ResilienceError<S::Error>;
    type Future = Answer<S::Response, S::Error>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: R) -> Self::Future {
        let (service, guard) = (self.service.clone(), self.guard.clone());
        let call = move || when_ready(service.clone(), request.clone());
        Box::pin(async move { guard.guard(call).await })
    }
}

async fn when_ready<S: Service<R>, R>(mut service: S, request: R) -> Result<S::Response, S::Error> {
    poll_fn(|context| service.poll_ready(context)).await?;
    service.call(request).await
}

/// Makes a step with a method `run` a layer.
macro_rules! layer {
    ($guard:ident $(<$classify:ident>)?, $service:ident) => {
        impl<E: Send + 'static $(, $classify)?> $crate::Guard<E> for $guard $(<$classify>)?
        $(where $classify: $crate::Classify<E> + Clone + Send + Sync + 'static)?
        {
            async fn guard<T, F, Fut>(&self, call: F) -> Result<T, $crate::ResilienceError<E>>
            where
                T: Send,
                F: FnMut() -> Fut + Send,
                Fut: Future<Output = Result<T, E>> + Send,
            {
                self.run(call).await
            }
        }

        impl<S $(, $classify: Clone)?> tower::Layer<S> for $guard $(<$classify>)? {
            type Service = $crate::$service<S, Self>;

            fn layer(&self, service: S) -> Self::Service {
                $crate::$service { service, guard: self.clone() }
            }
        }
    };
}
pub(crate) use layer;
