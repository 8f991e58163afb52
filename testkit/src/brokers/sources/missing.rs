//! A source whose place is not there says so, and works once it is.

use annals_outbox::ReceiveError;

use crate::brokers::Scene;
use crate::brokers::samples::messages;
use crate::brokers::scene::{GROUP, WHOLE};

/// Opening or receiving says which place is missing; once it is made, the group gets all of it.
pub async fn a_source_without_its_place_says_so(scene: Scene) {
    if !scene.can(scene.abilities().missing, "a place comes to be with its first message") {
        return;
    }
    let place = scene.unmade(1, &[GROUP]);
    let source = scene.source(&place).await;
    let receiving = async {
        let mut receiver = source.open(GROUP, WHOLE).await?;
        receiver.receive(10).await
    };
    match scene.within("a place that is not there is told", receiving).await {
        Err(ReceiveError::Missing { why }) => {
            assert!(why.contains(&place.name), "`{}` is not named in: {why}", place.name);
        }
        other => panic!("nobody has made the place, so it is missing: {other:?}"),
    }
    scene.make(&place).await;
    let sent = messages("order-1", 5);
    scene.sender(&place).await.send_in_turn(&sent).await;
    let mut reader = scene.open(&*source, GROUP, WHOLE).await;
    assert_eq!(reader.take(5).await, sent);
    reader.finish().await;
}
