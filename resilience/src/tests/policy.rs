//! The steps around each other.

use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use tower::{Layer, Service, ServiceExt};

use crate::{
    BreakerOptions, BreakerState, Bulkhead, CircuitBreaker, Fault, Policy, RateLimit, Refusal,
    ResilienceError, RetryOptions, Step,
};

const SECOND: Duration = Duration::from_secs(1);

fn step<T, E>(result: Result<T, ResilienceError<E>>) -> Option<Step> {
    result.err()?.refused().map(|refused| refused.step())
}

#[tokio::test(start_paused = true)]
async fn a_deadline_bounds_all_attempts_together() {
    let many = RetryOptions { attempts: 100, ..RetryOptions::default() };
    let policy = Policy::remote_call("stock")
        .retry(many)
        .budget(crate::RetryBudget::new(100.0, 0.0, 60 * SECOND))
        .without(Step::Breaker)
        .attempt_timeout(SECOND)
        .deadline(5 * SECOND)
        .idempotent();
    let (start, mut attempts) = (Instant::now(), 0);
    let hangs = policy.run(|| {
        attempts += 1;
        pending::<Result<(), &str>>()
    });
    assert!(step(hangs.await).is_some());
    assert!(start.elapsed() <= 5 * SECOND && attempts > 2, "{attempts} in {:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn what_will_not_be_tried_again_in_time_ends_with_its_own_error() {
    let slow = RetryOptions { first_pause: 60 * SECOND, ..RetryOptions::default() };
    let policy = Policy::remote_call("stock").retry(slow).idempotent();
    let start = Instant::now();
    let result = policy.run(|| async { Err::<(), _>("down") }).await;
    assert_eq!(result.unwrap_err().into_inner(), Some("down"));
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_hung_attempt_counts_for_the_breaker_and_is_repeated_only_if_that_is_safe() {
    let policy = Policy::remote_call("payments");
    let mut attempts = 0;
    let hangs = policy.run(|| {
        attempts += 1;
        pending::<Result<(), &str>>()
    });
    assert_eq!((step(hangs.await), attempts), (Some(Step::AttemptTimeout), 1));
    let look_up = policy.clone().idempotent();
    for wanted in [Some(Step::AttemptTimeout), Some(Step::Breaker)] {
        assert_eq!(step(look_up.run(pending::<Result<(), &str>>).await), wanted);
    }
    assert_eq!(
        policy.circuit_breaker().unwrap().state().state,
        BreakerState::Open,
        "they share it"
    );
}

#[tokio::test(start_paused = true)]
async fn an_open_breaker_is_felt_at_once() {
    let policy = Policy::remote_call("payments").idempotent();
    policy.circuit_breaker().unwrap().down("no route to host");
    let start = Instant::now();
    let error = policy.run(|| async { Ok::<_, &str>(()) }).await.unwrap_err();
    assert_eq!(start.elapsed(), Duration::ZERO, "no pauses");
    let refused = error.refused().unwrap();
    let Refusal::Breaker { status } = refused.refusal() else { panic!("{refused}") };
    assert_eq!(&*status.reason, "no route to host");
    assert!(refused.nothing_done());
}

#[tokio::test(start_paused = true)]
async fn answers_open_no_breaker() {
    let policy = Policy::remote_call("payments").idempotent().classify(|_: &&str| Fault::Answer);
    let mut attempts = 0;
    for _ in 0..100 {
        let result = policy.run(|| {
            attempts += 1;
            async { Err::<(), _>("card refused") }
        });
        assert_eq!(result.await.unwrap_err().into_inner(), Some("card refused"));
    }
    assert_eq!(attempts, 100, "and are not asked for again");
}

#[tokio::test(start_paused = true)]
async fn a_call_keeps_its_place_for_all_its_attempts_and_gives_it_back_when_dropped() {
    let policy = Policy::remote_call("payments").bulkhead(1, 0);
    let slow = timeout(SECOND, policy.run(pending::<Result<(), &str>>));
    let refused = async { step(policy.run(|| async { Ok::<_, &str>(()) }).await) };
    let (slow, refused) = tokio::join!(slow, refused);
    assert!(slow.is_err());
    assert_eq!(refused, Some(Step::Bulkhead));
    assert_eq!(policy.places().unwrap().occupied(), (0, 0));
    policy.run(|| async { Ok::<_, &str>(()) }).await.unwrap();
}

/// A service that counts how often it is asked whether it is ready, and fails its first calls.
#[derive(Clone, Default)]
struct Counting {
    asked: Arc<AtomicU32>,
    failures_left: Arc<AtomicU32>,
}

impl Service<&'static str> for Counting {
    type Response = usize;
    type Error = &'static str;
    type Future = Pin<Box<dyn Future<Output = Result<usize, &'static str>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: &'static str) -> Self::Future {
        let less = |left: u32| left.checked_sub(1);
        let fails =
            self.failures_left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok();
        Box::pin(async move {
            sleep(Duration::from_millis(1)).await;
            if fails { Err("down") } else { Ok(request.len()) }
        })
    }
}

#[tokio::test(start_paused = true)]
async fn an_open_breaker_does_not_ask_the_inner_service_whether_it_is_ready() {
    let service = Counting::default();
    let options = BreakerOptions { in_a_row: Some(2), ..BreakerOptions::default() };
    let breaker = CircuitBreaker::new("stock", options);
    let mut guarded = breaker.layer(service.clone());
    service.failures_left.store(2, Ordering::Relaxed);
    for _ in 0..2 {
        let result = guarded.ready().await.unwrap().call("a").await;
        assert_eq!(result.unwrap_err().into_inner(), Some("down"));
    }
    assert_eq!(service.asked.load(Ordering::Relaxed), 2);
    for _ in 0..10 {
        let refused = guarded.ready().await.unwrap().call("a").await;
        assert_eq!(step(refused), Some(Step::Breaker));
    }
    assert_eq!(service.asked.load(Ordering::Relaxed), 2, "not while it is open");
    tokio::time::advance(5 * SECOND).await;
    assert_eq!(guarded.ready().await.unwrap().call("abc").await.unwrap(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_policy_is_a_layer_and_every_step_is_one() {
    let service = Counting::default();
    service.failures_left.store(2, Ordering::Relaxed);
    let policy = Policy::remote_call("stock").idempotent();
    assert_eq!(
        policy.layer(service.clone()).oneshot("abc").await.unwrap(),
        3,
        "at the third attempt"
    );
    assert_eq!(service.asked.load(Ordering::Relaxed), 3);
    // Steps by themselves: errors of one around another become one.
    let limit = RateLimit::new("stock", 1, SECOND).waiting_at_most(Duration::ZERO);
    let mut stacked = Bulkhead::new("stock", 1, 0).layer(limit.layer(service));
    assert_eq!(stacked.call("ab").await.unwrap(), 2);
    let refused = stacked.call("ab").await.map_err(ResilienceError::flatten);
    assert_eq!(step(refused), Some(Step::RateLimit));
}
