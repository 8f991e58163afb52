//! How two schemas of one type and version stand to each other, and where they differ.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;

use serde_json::{Map, Value};

use super::canonical::{canonical, definition, sorted, write};

/// What a program that declares the second schema means to events that were written under the
/// first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// They say the same.
    Same,
    /// The second has optional fields or variants more. It reads all that was written under the
    /// first. A program that declares the first reads events with the new fields, and passes over
    /// them; an event with a new variant it cannot read.
    Widened,
    /// The second has optional fields or variants less: the older program of the two.
    Narrowed,
    /// Anything else: events of the one may be unreadable, or be misread, under the other.
    Other,
}

/// One place in which two schemas differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaChange {
    /// The place in the payload, as a JSON pointer; `/` for the whole, `*` for every item.
    pub pointer: String,
    /// What was, and what is.
    pub what: String,
    direction: Direction,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Widens,
    Narrows,
    Breaks,
}

impl fmt::Display for SchemaChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at `{}` {}", self.pointer, self.what)
    }
}

/// How `new` stands to `old`.
///
/// ```
/// use annals_core::{Relation, relation};
/// use serde_json::json;
///
/// let old = json!({"type": "object", "properties": {"a": {"enum": ["x"]}}, "required": ["a"]});
/// let mut new = old.clone();
/// new["properties"]["b"] = json!({"type": "string"});
/// new["properties"]["a"] = json!({"enum": ["y", "x"]});
/// assert_eq!(relation(&old, &new), Relation::Widened);
/// assert_eq!(relation(&new, &old), Relation::Narrowed);
/// new["required"] = json!(["a", "b"]);
/// assert_eq!(relation(&old, &new), Relation::Other, "old events have no `b`");
/// ```
pub fn relation(old: &Value, new: &Value) -> Relation {
    relation_of(&changes(old, new))
}

/// Where `new` differs from `old`; nothing when they say the same.
pub(super) fn changes(old: &Value, new: &Value) -> Vec<SchemaChange> {
    let (old, new) = (canonical(old), canonical(new));
    let mut walk = Walk {
        old: &old,
        new: &new,
        pointer: String::new(),
        met: HashSet::new(),
        found: Vec::new(),
    };
    walk.schemas(&old, &new);
    walk.found
}

/// What some changes come to together.
pub(super) fn relation_of(changes: &[SchemaChange]) -> Relation {
    let all = |direction| changes.iter().all(|change| change.direction == direction);
    match changes {
        [] => Relation::Same,
        _ if all(Direction::Widens) => Relation::Widened,
        _ if all(Direction::Narrows) => Relation::Narrowed,
        _ => Relation::Other,
    }
}

struct Walk<'a> {
    old: &'a Value,
    new: &'a Value,
    pointer: String,
    /// Pairs that are being compared or have been: recursive types come back to them.
    met: HashSet<(*const Value, *const Value)>,
    found: Vec<SchemaChange>,
}

impl<'a> Walk<'a> {
    fn note(&mut self, direction: Direction, what: String) {
        let pointer = if self.pointer.is_empty() { "/".to_owned() } else { self.pointer.clone() };
        self.found.push(SchemaChange { pointer, what, direction });
    }

    fn at(&mut self, step: &str, compare: impl FnOnce(&mut Self)) {
        let length = self.pointer.len();
        self.pointer.push('/');
        self.pointer.push_str(&step.replace('~', "~0").replace('/', "~1"));
        compare(self);
        self.pointer.truncate(length);
    }

    fn schemas(&mut self, old: &'a Value, new: &'a Value) {
        let (old, new) = (behind(self.old, old), behind(self.new, new));
        if !self.met.insert((old, new)) {
            return;
        }
        let (Value::Object(old), Value::Object(new)) = (old, new) else {
            if old != new {
                self.note(Direction::Breaks, differs("the schema", Some(old), Some(new)));
            }
            return;
        };
        self.fields(old, new);
        let keys: BTreeSet<&str> = old.keys().chain(new.keys()).map(String::as_str).collect();
        for key in keys {
            self.keyword(key, old.get(key), new.get(key));
        }
    }

    fn keyword(&mut self, key: &str, old: Option<&'a Value>, new: Option<&'a Value>) {
        match (key, old, new) {
            ("properties" | "required" | "$defs", ..) => {}
            ("enum", Some(Value::Array(old)), Some(Value::Array(new))) => self.values(old, new),
            ("oneOf", Some(Value::Array(old)), Some(Value::Array(new))) => self.variants(old, new),
            ("items" | "additionalProperties", Some(old), Some(new)) => {
                self.at("*", |walk| walk.schemas(old, new));
            }
            (
                "anyOf" | "allOf" | "prefixItems",
                Some(Value::Array(old)),
                Some(Value::Array(new)),
            ) if old.len() == new.len() => {
                old.iter().zip(new).for_each(|(old, new)| self.schemas(old, new));
            }
            ("$ref", Some(Value::String(one)), Some(Value::String(other))) => {
                match (definition(self.old, one), definition(self.new, other)) {
                    (Some(old), Some(new)) => self.schemas(old, new),
                    _ if one == other => {}
                    _ => self.note(Direction::Breaks, differs("`$ref`", old, new)),
                }
            }
            (_, old, new) if old == new => {}
            (key, old, new) => {
                self.note(Direction::Breaks, differs(&format!("`{key}`"), old, new));
            }
        }
    }

    /// The fields of an object. One that may be absent, and whose name nothing else can have taken,
    /// hurts nobody when it comes or goes.
    fn fields(&mut self, old: &'a Map<String, Value>, new: &'a Map<String, Value>) {
        let (old_fields, new_fields) = (named(old, "properties"), named(new, "properties"));
        let (old_required, new_required) = (required(old), required(new));
        let names: BTreeSet<&str> = [&old_required, &new_required]
            .into_iter()
            .flatten()
            .chain(old_fields.keys())
            .chain(new_fields.keys())
            .copied()
            .collect();
        for name in names {
            let (was, is) = (old_fields.get(name), new_fields.get(name));
            let (was_required, is_required) =
                (old_required.contains(name), new_required.contains(name));
            // Whoever takes other fields has another opinion of this one.
            let (old_open, new_open) = (
                !old.contains_key("additionalProperties"),
                !new.contains_key("additionalProperties"),
            );
            self.at(name, |walk| match (was, is) {
                (Some(was), Some(is)) => {
                    if was_required != is_required {
                        let word = |required| if required { "required" } else { "optional" };
                        let what =
                            format!("was {}, and is {}", word(was_required), word(is_required));
                        walk.note(Direction::Breaks, what);
                    }
                    walk.schemas(was, is);
                }
                (None, Some(_)) if !is_required && old_open => {
                    walk.note(Direction::Widens, "is a new field, and optional".to_owned());
                }
                (Some(_), None) if !was_required && new_open => {
                    walk.note(Direction::Narrows, "an optional field is gone".to_owned());
                }
                (None, Some(_)) if is_required => {
                    walk.note(Direction::Breaks, "is a new field, and required".to_owned());
                }
                (Some(_), None) if was_required => {
                    walk.note(Direction::Breaks, "a required field is gone".to_owned());
                }
                (None, None) if was_required == is_required => {}
                (Some(_), None) => {
                    walk.note(
                        Direction::Breaks,
                        "a field is gone, where others are kept or refused".to_owned(),
                    );
                }
                _ => {
                    walk.note(
                        Direction::Breaks,
                        "is a new field, where others were kept or refused".to_owned(),
                    );
                }
            });
        }
    }

    fn values(&mut self, old: &[Value], new: &[Value]) {
        for value in new.iter().filter(|value| !old.contains(value)) {
            self.note(Direction::Widens, format!("`{}` is a new value", shown(value)));
        }
        for value in old.iter().filter(|value| !new.contains(value)) {
            self.note(Direction::Narrows, format!("the value `{}` is gone", shown(value)));
        }
    }

    /// The variants of a tagged enum, by their tags.
    fn variants(&mut self, old: &'a [Value], new: &'a [Value]) {
        let (old_by_tag, new_by_tag) = (by_tag(old), by_tag(new));
        let (Some(old_by_tag), Some(new_by_tag)) = (old_by_tag, new_by_tag) else {
            if old != new {
                self.note(Direction::Breaks, "variants without a tag differ".to_owned());
            }
            return;
        };
        for (tag, variant) in &new_by_tag {
            match old_by_tag.get(tag) {
                Some(was) => self.schemas(was, variant),
                None => self.note(Direction::Widens, format!("`{tag}` is a new variant")),
            }
        }
        for tag in old_by_tag.keys().filter(|tag| !new_by_tag.contains_key(*tag)) {
            self.note(Direction::Narrows, format!("the variant `{tag}` is gone"));
        }
    }
}

/// What stands behind a reference.
fn behind<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    /// A reference that leads to itself says nothing.
    const STEPS: usize = 32;
    let mut schema = schema;
    for _ in 0..STEPS {
        let Value::Object(fields) = schema else { return schema };
        let alone = fields.keys().all(|key| key == "$ref" || key == "$defs");
        let target = fields.get("$ref").and_then(Value::as_str).filter(|_| alone);
        match target.and_then(|target| definition(root, target)) {
            Some(target) => schema = target,
            None => return schema,
        }
    }
    schema
}

fn named<'a>(schema: &'a Map<String, Value>, key: &str) -> BTreeMap<&'a str, &'a Value> {
    schema.get(key).and_then(Value::as_object).map(sorted).unwrap_or_default()
}

fn required(schema: &Map<String, Value>) -> BTreeSet<&str> {
    let names = schema.get("required").and_then(Value::as_array);
    names.into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Variants by what tells them apart; nothing when two cannot be told apart.
fn by_tag(variants: &[Value]) -> Option<BTreeMap<String, &Value>> {
    let tagged: BTreeMap<String, &Value> = variants
        .iter()
        .map(|variant| tag_of(variant).map(|tag| (tag, variant)))
        .collect::<Option<_>>()?;
    (tagged.len() == variants.len()).then_some(tagged)
}

/// `Card` of `{"Card": …}`, `kind=card` of `{"kind": "card", …}`; all variants without data are one.
fn tag_of(variant: &Value) -> Option<String> {
    let fields = variant.as_object()?;
    if fields.contains_key("enum") {
        return Some("values".to_owned());
    }
    let required = required(fields);
    let fixed: Vec<String> = named(fields, "properties")
        .into_iter()
        .filter(|(name, _)| required.contains(name))
        .filter_map(|(name, schema)| match schema.get("enum")?.as_array()?.as_slice() {
            [only] => Some(format!("{name}={}", shown(only).trim_matches('"'))),
            _ => None,
        })
        .collect();
    let closed = fields.get("additionalProperties") == Some(&Value::Bool(false));
    match (fixed.as_slice(), required.first()) {
        ([], Some(name)) if closed && required.len() == 1 => Some((*name).to_owned()),
        ([], _) => None,
        _ => Some(fixed.join(" ")),
    }
}

fn differs(what: &str, old: Option<&Value>, new: Option<&Value>) -> String {
    let shown = |value: Option<&Value>| match value {
        Some(value) => format!("`{}`", shown(value)),
        None => "absent".to_owned(),
    };
    format!("{what} was {}, and is {}", shown(old), shown(new))
}

/// The longest piece of a schema in a message, in characters.
const MAX_SHOWN: usize = 80;

fn shown(value: &Value) -> String {
    let text = write(value);
    match text.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests;
