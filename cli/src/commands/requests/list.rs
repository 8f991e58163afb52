//! `annals requests list` and `show`.

use annals::ops::Request;

use crate::failure::Failure;
use crate::screen::{Screen, escaped, one_line, table};

/// How many characters of the details a line shows.
const SHOWN: usize = 80;

pub(super) fn list(requests: &[Request], screen: &mut Screen) -> Result<(), Failure> {
    if screen.is_json() {
        return requests.iter().try_for_each(|request| screen.json(request));
    }
    if requests.is_empty() {
        return screen.line("there are none");
    }
    let rows = requests.iter().map(|request| {
        [
            request.id.to_string(),
            request.asked_at.to_string(),
            request.consumer.clone(),
            format!("{} {}", request.verb, details(request, SHOWN)).trim().to_owned(),
            request.state.clone(),
            request.who.clone(),
            request.answer.clone().unwrap_or_default(),
        ]
    });
    screen.line(&table(["ID", "ASKED AT", "CONSUMER", "WHAT", "STATE", "WHO", "ANSWER"], rows))
}

pub(super) fn show(request: &Request, screen: &mut Screen) -> Result<(), Failure> {
    if screen.is_json() {
        return screen.json(request);
    }
    let time = |time: Option<annals::Timestamp>| time.map(|time| time.to_string());
    let facts = [
        ("id", Some(request.id.to_string())),
        ("consumer", Some(request.consumer.clone())),
        ("what", Some(request.verb.clone())),
        ("details", Some(details(request, usize::MAX)).filter(|text| !text.is_empty())),
        ("who", Some(request.who.clone())),
        ("why", Some(request.why.clone()).filter(|text| !text.is_empty())),
        ("asked at", Some(request.asked_at.to_string())),
        ("state", Some(request.state.clone())),
        ("taken by", request.taken_by.map(|id| id.to_string())),
        ("answered at", time(request.answered_at)),
        ("answer", request.answer.clone()),
    ];
    for (name, text) in facts {
        if let Some(text) = text {
            screen.line(&format!("{name:<12} {}", escaped(&text)))?;
        }
    }
    Ok(())
}

fn details(request: &Request, characters: usize) -> String {
    match request.arguments.as_object().is_none_or(|details| details.is_empty()) {
        true => String::new(),
        false => one_line(&request.arguments.to_string(), characters),
    }
}
