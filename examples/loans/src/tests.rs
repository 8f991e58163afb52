//! Importing small files into the store in memory.

use std::io::Write;
use std::path::Path;

use annals::store::{Append, StreamQuery};
use annals::{Annals, ExpectedVersion, NewEvent, StreamId};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::events::{LoanEvent, OfferEvent};
use crate::import::{ImportError, Imported, import};

async fn program() -> Annals {
    Annals::open("memory:").await.unwrap().events::<LoanEvent>().start().await.unwrap()
}

fn line(case: u32, index: u32, activity: &str, lifecycle: &str) -> String {
    format!(
        r#"{{"case":"{case}","index":{index},"at":"2011-10-01T00:38:4{index}.546+02:00","activity":"{activity}","lifecycle":"{lifecycle}","resource":"112","attributes":{{"case:REG_DATE":"2011-10-01T00:38:44.546+02:00","case:AMOUNT_REQ":"20000"}}}}"#
    )
}

fn two_cases() -> Vec<String> {
    vec![
        line(1, 0, "A_SUBMITTED", "COMPLETE"),
        line(2, 0, "A_SUBMITTED", "COMPLETE"),
        line(1, 1, "W_Afhandelen leads", "START"),
        line(2, 1, "A_DECLINED", "COMPLETE"),
    ]
}

async fn import_bytes(program: &Annals, bytes: &[u8]) -> Result<Imported, ImportError> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    import_path(program, file.path()).await
}

async fn import_path(program: &Annals, path: impl AsRef<Path>) -> Result<Imported, ImportError> {
    import(program, path.as_ref(), |_| ()).await
}

async fn import_lines(program: &Annals, lines: &[String]) -> Result<Imported, ImportError> {
    import_bytes(program, lines.join("\n").as_bytes()).await
}

#[tokio::test]
async fn a_line_becomes_the_next_event_of_its_stream() {
    let program = program().await;
    import_lines(&program, &two_cases()).await.unwrap();
    let query = StreamQuery::all(StreamId::new("loan", 1).unwrap());
    let events = program.log().read_stream(&query).await.unwrap();
    assert_eq!(events.len(), 2);
    assert_eq!(events[1].event_type, "work.started");
    assert_eq!(events[1].payload.as_str(), r#"{"task":"handle_lead","day":"2011-10-01"}"#);
    assert_eq!(events[1].metadata.actor.as_deref(), Some("112"));
    assert_eq!(events[1].occurred_at.to_string(), "2011-09-30T22:38:41.546Z");
    assert_eq!(events[1].position.get(), 3, "the order of the file is the order of the log");
}

#[tokio::test]
async fn a_second_run_doubles_nothing_and_goes_on_where_the_first_ended() {
    let program = program().await;
    let lines = two_cases();
    let first = import_lines(&program, &lines[..2]).await.unwrap();
    assert_eq!((first.new, first.repeated), (2, 0));
    let second = import_lines(&program, &lines).await.unwrap();
    assert_eq!((second.new, second.repeated), (2, 2));
    assert_eq!(program.log().head().await.unwrap().get(), 4);
}

#[tokio::test]
async fn a_bad_line_is_named_with_its_reason() {
    let bad = [
        ("{".to_owned(), "not the JSON of an event"),
        (line(1, 2, "A_FORGOTTEN", "COMPLETE"), "`A_FORGOTTEN`"),
        (line(1, 2, "A_ACCEPTED", "START"), "lifecycle `START`"),
        (line(1, 3, "A_ACCEPTED", "COMPLETE"), "index 3, and 2 was to come"),
        (line(1, 1, "A_ACCEPTED", "COMPLETE"), "index 1, and 2 was to come"),
        (line(1, 2, "A_ACCEPTED", "COMPLETE").replace("20000", "-1"), "`case:AMOUNT_REQ` is `-1`"),
        (line(1, 2, "A_ACCEPTED", "COMPLETE").replace("T00:38:42", "T99:38:42"), "`at` is"),
        (line(1, 2, "A_ACCEPTED", "COMPLETE").replace("\"1\"", "\"one\""), "`case` is `one`"),
        ("x".repeat(100_000), "not the JSON of an event"),
    ];
    for (bad, reason) in bad {
        let program = program().await;
        let mut lines = two_cases();
        lines.push(bad);
        let error = import_lines(&program, &lines).await.unwrap_err().to_string();
        assert!(error.contains(":5: ") && error.contains(reason), "{error}");
        assert_eq!(program.log().head().await.unwrap().get(), 4, "the good lines are in");
    }
}

#[tokio::test]
async fn a_broken_archive_is_an_error_and_no_shorter_file() {
    let mut archive = GzEncoder::new(Vec::new(), Compression::fast());
    archive.write_all(two_cases().join("\n").as_bytes()).unwrap();
    let archive = archive.finish().unwrap();
    let whole = import_bytes(&program().await, &archive).await.unwrap();
    assert_eq!(whole.new, 4);
    let half = &archive[..archive.len() - 12];
    let error = import_bytes(&program().await, half).await.unwrap_err();
    assert!(matches!(error, ImportError::Line { .. }), "{error}");
}

#[tokio::test]
async fn a_missing_file_says_where_it_was_looked_for() {
    let error = import_path(&program().await, "no/such.ndjson.gz").await.unwrap_err();
    let here = std::env::current_dir().unwrap().join("no/such.ndjson.gz");
    assert!(error.to_string().contains(&here.display().to_string()), "{error}");
}

#[tokio::test]
async fn a_store_with_another_history_is_refused() {
    let program = program().await;
    import_lines(&program, &two_cases()[..1]).await.unwrap();
    // Somebody else went on with the first application.
    let event = NewEvent::of(&LoanEvent::Offer(OfferEvent::Created)).unwrap();
    let stream = StreamId::new("loan", 1).unwrap();
    program.append(Append::to(stream, ExpectedVersion::Any, vec![event])).await.unwrap();
    let error = import_lines(&program, &two_cases()).await.unwrap_err();
    assert!(matches!(error, ImportError::OtherHistory(_)), "{error}");
}
