//! No password leaves this program, wherever it was written by mistake.

/// What a password is replaced by.
const MASK: &str = "***";

/// The text without what stands where passwords stand: between a `:` and an `@`, in the parameters of a
/// URL, whose names may be misspelt, and behind `password=`.
pub(crate) fn redact(text: &str) -> String {
    let text = redact_parameters(text);
    let mut redacted = String::with_capacity(text.len());
    for word in text.split_inclusive(ends_word) {
        redact_url(word, &mut redacted);
    }
    redacted
}

fn ends_word(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\'' | '"' | '`')
}

/// A URL, or what was meant to be one.
fn redact_url(word: &str, redacted: &mut String) {
    // Before the last `@` a `?` or a `/` is part of a password that should have been written otherwise.
    let host = word.rfind('@').unwrap_or(0);
    let address_end = word[host..].find('?').map_or(word.len(), |at| host + at);
    let (address, parameters) = word.split_at(address_end);
    let mut colons = address.match_indices(':').map(|(at, _)| at);
    // That of the scheme has a `/` behind it.
    match colons.find(|at| !address[at + 1..].starts_with('/')).filter(|colon| *colon < host) {
        Some(colon) => redacted.extend([&address[..=colon], MASK, &address[host..]]),
        None => redacted.push_str(address),
    }
    if !word.contains(":/") || word.starts_with("sqlite:") {
        redacted.push_str(parameters);
        return;
    }
    let (parameters, end) = match parameters.char_indices().next_back() {
        Some((at, last)) if ends_word(last) => parameters.split_at(at),
        _ => (parameters, ""),
    };
    if let Some(parameters) = parameters.strip_prefix('?') {
        for (nth, parameter) in parameters.split('&').enumerate() {
            redacted.push(if nth == 0 { '?' } else { '&' });
            if let Some((name, _)) = parameter.split_once('=') {
                redacted.extend([name, "="]);
            }
            redacted.push_str(MASK);
        }
    }
    redacted.push_str(end);
}

fn redact_parameters(text: &str) -> String {
    const NAMES: [&str; 3] = ["password=", "passwort=", "pwd="];
    let mut redacted = String::with_capacity(text.len());
    let mut rest = text;
    loop {
        let lower = rest.to_ascii_lowercase();
        let found = NAMES.iter().filter_map(|name| Some(lower.find(name)? + name.len())).min();
        let Some(value) = found else { break };
        redacted.extend([&rest[..value], MASK]);
        let is_end = |c: char| c.is_whitespace() || matches!(c, '&' | '\'' | '"' | '`');
        let end = rest[value..].find(is_end).map_or(rest.len(), |end| value + end);
        rest = &rest[end..];
    }
    redacted.push_str(rest);
    redacted
}

#[cfg(test)]
mod tests {
    use super::redact;

    #[test]
    fn passwords_are_masked_wherever_they_stand() {
        for text in [
            "postgres://u:hunter2@h/db",
            "error: invalid value 'postgres://u:hunter2@h:5432/db?x=1' for 'STREAM'",
            "postgresql://u:hun/hunter2@h",
            "mysql://u:hunter2@h and postgres://v:hunter2@i",
            "postgres:/u:hunter2@h/x is wrong",
            "postgres:u:hunter2@h/x",
            "host=h user=u password=hunter2 dbname=x",
            "postgres://u@h/db?schema=a&Password=hunter2",
            "postgres://u@h/db?passwrod=hunter2",
            "'postgres://u@h/db?hunter2'",
            "postgres://u:p?hunter2@h/db?a=hunter2",
        ] {
            let redacted = redact(text);
            assert!(!redacted.contains("hunter2") && redacted.contains("***"), "{redacted}");
        }
    }

    #[test]
    fn all_else_stays() {
        for text in ["postgres://u@h:5432/db", "sqlite://bank.db?readers=2", "a: b@c", "é://"] {
            assert_eq!(redact(text), text);
        }
        assert_eq!(redact("postgres://u:x@h/db now"), "postgres://u:***@h/db now");
    }
}
