//! A password that stands in a URL, in the right place or in a wrong one, is in no output.

use super::command::{Ended, annals};
use super::site::Site;

const SECRET: &str = "hunter2";

#[track_caller]
fn is_secret(ended: &Ended) {
    let said = format!("{}{}", ended.out, ended.err);
    assert!(!said.contains(SECRET), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_output_shows_a_password() {
    let site = Site::postgres().await;
    let url = site.name();
    // The server lets us in without one, and does not mind it.
    let (scheme, rest) = url.split_once("://").expect("a URL");
    let (user, host) = rest.split_once('@').expect("a user");
    let right = format!("{scheme}://{user}:{SECRET}@{host}");
    let commands = [
        &["migrate"][..],
        &["head"],
        &["doctor"],
        &["doctor", "--json", "--full"],
        &["streams", "list"],
        &["streams", "show", "order-1"],
        &["events", "show", "1"],
        &["sagas", "list"],
        &["sagas", "show", "checkout", "1"],
        &["export"],
        &["import", "/dev/null"],
        &["import", "/nowhere"],
    ];
    for arguments in commands {
        let ended = annals(&right, arguments);
        is_secret(&ended);
        assert!([0, 1, 5].contains(&ended.code), "{arguments:?}: {}", ended.err);
    }
    for wrong in [
        format!("postgres://u:{SECRET}@127.0.0.1:1/x"),
        format!("postgres://u:{SECRET}@127.0.0.1:x/x"),
        format!("postgres://u:{SECRET}@127.0.0.1:1/x?bogus={SECRET}"),
        format!("postgres://u:{SECRET}@db.example.com/x"),
        format!("postgres://u@127.0.0.1:1/x?password={SECRET}"),
        format!("postgress://u:{SECRET}@h/x"),
        format!("postgres:/u:{SECRET}@h/x"),
        format!("host=h user=u password={SECRET}"),
    ] {
        for arguments in [&["head"][..], &["doctor"], &["migrate", "--json"]] {
            let ended = annals(&wrong, arguments);
            is_secret(&ended);
            assert!([2, 3].contains(&ended.code), "{wrong}: {}", ended.err);
        }
        // In the place of something else.
        for arguments in [
            &["streams", "show", &wrong][..],
            &["events", "show", &wrong],
            &["sagas", "show", &wrong, "1"],
            &["sagas", "record", &wrong, "--to", "-"],
            &["sagas", "replay", &wrong],
            &[&wrong],
            &["head", &wrong],
        ] {
            is_secret(&annals(&site.name(), arguments));
        }
        is_secret(&annals("", &["head", "--store", &wrong]));
    }
}
