//! No password leaves this program, wherever it was written by mistake.

/// What a password is replaced by.
const MASK: &str = "***";

/// The text without what stands where passwords stand: between `://`, `:` and `@`, and behind
/// `password=`.
pub(crate) fn redact(text: &str) -> String {
    redact_parameters(&redact_urls(text))
}

fn redact_urls(text: &str) -> String {
    let mut redacted = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, url) = rest.split_at(at + 3);
        redacted.push_str(before);
        // A password may have a `/` in it that should have been written `%2F`: up to the last `@`.
        let end = url.find(|c: char| c.is_whitespace() || matches!(c, '\'' | '"' | '`'));
        let end = end.unwrap_or(url.len());
        let address = &url[..end];
        match (address.find(':'), address.rfind('@')) {
            (Some(colon), Some(at)) if colon < at => {
                redacted.extend([&address[..=colon], MASK, &address[at..]]);
            }
            _ => redacted.push_str(address),
        }
        rest = &url[end..];
    }
    redacted.push_str(rest);
    redacted
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
            "host=h user=u password=hunter2 dbname=x",
            "postgres://u@h/db?schema=a&Password=hunter2",
        ] {
            let redacted = redact(text);
            assert!(!redacted.contains("hunter2") && redacted.contains("***"), "{redacted}");
        }
    }

    #[test]
    fn all_else_stays() {
        for text in ["postgres://u@h:5432/db?schema=a", "sqlite://bank.db", "a: b@c", "é://"] {
            assert_eq!(redact(text), text);
        }
        assert_eq!(redact("postgres://u:x@h/db now"), "postgres://u:***@h/db now");
    }
}
