//! Keeping users' statements from ending a store's transaction.

use super::StoreError;

/// What begins, ends or parts a transaction, wherever it stands as the first word.
const CONTROL: [&str; 8] =
    ["ABORT", "BEGIN", "COMMIT", "END", "RELEASE", "ROLLBACK", "SAVEPOINT", "START"];

/// Where databases disagree about what a comment is: whether comments can hold comments, and whether
/// a carriage return ends a line.
const DIALECTS: [(bool, &[char]); 2] = [(false, &['\n']), (true, &['\n', '\r'])];

/// Refuses a statement that would end the transaction it runs in: it belongs to the store, and others
/// may share it. For authors of stores.
///
/// # Errors
/// [`StoreError::Invalid`] for `COMMIT` and its like.
pub fn refuse_transaction_control(sql: &str) -> Result<(), StoreError> {
    for (nested, line_ends) in DIALECTS {
        let (first, rest) = first_word(sql, nested, line_ends);
        let prepares = first == "PREPARE" && first_word(rest, nested, line_ends).0 == "TRANSACTION";
        if prepares || CONTROL.contains(&first.as_str()) {
            return Err(StoreError::Invalid {
                why: format!("`{first}` would end a transaction that belongs to the store"),
            });
        }
    }
    Ok(())
}

/// The word a statement begins with, in capitals, behind its comments. For authors of stores.
pub fn leading_keyword(sql: &str) -> String {
    first_word(sql, true, &['\n', '\r']).0
}

/// The first word behind comments, spaces and empty statements, in capitals, and what follows it.
fn first_word<'s>(sql: &'s str, nested: bool, line_ends: &[char]) -> (String, &'s str) {
    let mut rest = sql;
    loop {
        let is_space = |c: char| c.is_whitespace() || matches!(c, ';' | '\u{feff}');
        rest = rest.trim_start_matches(is_space);
        rest = if let Some(comment) = rest.strip_prefix("--") {
            comment.split_once(line_ends).map_or("", |(_, after)| after)
        } else if let Some(comment) = rest.strip_prefix("/*") {
            behind_comment(comment, nested)
        } else {
            break;
        };
    }
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
    (rest[..end].to_ascii_uppercase(), &rest[end..])
}

/// What follows the end of a comment that has begun.
fn behind_comment(mut rest: &str, nested: bool) -> &str {
    let mut depth = 1;
    while depth > 0 {
        let Some(at) = rest.find(['*', '/']) else { return "" };
        let mark = &rest[at..];
        (depth, rest) = if let Some(after) = mark.strip_prefix("*/") {
            (depth - 1, after)
        } else if let Some(after) = mark.strip_prefix("/*").filter(|_| nested) {
            (depth + 1, after)
        } else {
            (depth, &mark[1..])
        };
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_end_the_transaction_is_refused() {
        for sql in [
            "COMMIT",
            " commit and chain",
            ";COMMIT",
            ";;\u{feff} ;\tEnd",
            "-- a comment\nROLLBACK",
            "-- a comment\rROLLBACK",
            "--\n/* a */ /**/ ABORT",
            "/* a /* b */ */ COMMIT",
            "/* a /* b */ COMMIT -- */",
            "/*/ */ COMMIT",
            "START TRANSACTION",
            "PREPARE TRANSACTION 'x'",
            "prepare/**/transaction 'x'",
            "SAVEPOINT a",
            "RELEASE a",
            "BEGIN",
        ] {
            assert!(refuse_transaction_control(sql).is_err(), "{sql:?}");
        }
    }

    #[test]
    fn what_only_looks_so_is_let_through() {
        for sql in [
            "",
            ";",
            "/* never closed",
            "-- COMMIT",
            "/* COMMIT */ SELECT 1",
            "SELECT 1 /* ; */",
            "INSERT INTO commits VALUES ('; COMMIT')",
            "commit_all()",
            "PREPARE plan AS SELECT 1",
            "CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; END",
        ] {
            assert!(refuse_transaction_control(sql).is_ok(), "{sql:?}");
        }
    }
}
