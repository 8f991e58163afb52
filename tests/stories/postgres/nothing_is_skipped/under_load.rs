//! One to sixty-four writers, from one store and from two.

use super::{Place, Story, Writers, open};

async fn story(writers: usize, appends: usize) {
    let story = Story::begin(Place::shared().await).await;
    let another = open(story.place.options()).await;
    let stores = [open(story.place.options()).await, another];
    let ledger = Writers::start(&stores, writers, appends, story.seed).finish().await;
    assert!(ledger.acknowledged.len() > appends / 2, "they wrote");
    story.end(&ledger).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_writer() {
    story(1, 150).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_writers() {
    story(8, 60).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirty_two_writers() {
    story(32, 30).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_writers() {
    story(64, 20).await;
}
