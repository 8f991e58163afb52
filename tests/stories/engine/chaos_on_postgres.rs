//! Three members on PostgreSQL that are killed, frozen and stopped by chance, while two write and the
//! consumers are cut into 8 partitions and into 2: every effect in the database is there once, every effect
//! outside at least once and in the order of its key, and nobody who has lost a partition writes to it.

use std::time::Duration;

use super::chaos::Chaos;
use super::site::Site;
use crate::postgres::place::Place;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_effect_once() {
    let seed = uuid::Uuid::now_v7().as_u128() as u64;
    println!("seed {seed}");
    let place = Place::shared().await;
    let site = Site::postgres(&place).await;
    keep_history(&place).await;
    let chaos = Chaos {
        members: 3,
        lasts: Duration::from_secs(20),
        cuts: &[8, 2],
        consumers: &["totals", "counting", "noting"],
    };
    let told = tokio::time::timeout(Duration::from_secs(120), chaos.run(&site, seed)).await;
    told.expect("it comes to an end");
    site.check().await;
    println!("{} effects outside happened again", site.check_effects().await);
    check_history(&place).await;
}

/// Writes down every change of a checkpoint, in the order of its commits: the row is locked.
async fn keep_history(place: &Place) {
    let (history, checkpoints) = (place.name("story_of_checkpoints"), place.name("checkpoints"));
    let note = place.name("note_checkpoint");
    let sql = format!(
        "CREATE TABLE {history} (n bigserial, name text, token bigint, position bigint);
         CREATE FUNCTION {note}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             INSERT INTO {history} (name, token, position)
             VALUES (NEW.name, NEW.token, NEW.position);
             RETURN NULL;
         END $$;
         CREATE TRIGGER note AFTER INSERT OR UPDATE ON {checkpoints}
             FOR EACH ROW EXECUTE FUNCTION {note}();"
    );
    place.client().await.batch_execute(&sql).await.expect("the schema is ours");
}

/// Neither tokens nor positions have ever gone back.
async fn check_history(place: &Place) {
    let history = place.name("story_of_checkpoints");
    let sql = format!(
        "SELECT count(*), count(DISTINCT (name, token)),
                count(*) FILTER (WHERE token < token_before OR position < position_before)
         FROM (SELECT name, token, position, lag(token) OVER in_order AS token_before,
                      lag(position) OVER in_order AS position_before
               FROM {history} WINDOW in_order AS (PARTITION BY name ORDER BY n)) AS steps"
    );
    let row = place.client().await.query_one(&sql, &[]).await.expect("the history can be read");
    let (steps, tokens, back): (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
    println!("{steps} steps of checkpoints, {tokens} tokens");
    assert!(tokens > 10, "partitions changed hands");
    assert_eq!(back, 0, "checkpoints that went back");
}
