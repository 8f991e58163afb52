//! One way to write a schema, so that equal texts mean equal schemas: whatever the order of fields,
//! whatever people read in it, and whatever `serde_json` does with the order of keys.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Map, Value};

/// What only people read.
const PROSE: [&str; 9] = [
    "title",
    "description",
    "$schema",
    "$comment",
    "examples",
    "$id",
    "deprecated",
    "readOnly",
    "writeOnly",
];

/// Below these the keys are names of the user's: a field may well be called `title`.
const NAMES: [&str; 5] =
    ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"];

/// Where a reference to a definition begins.
const DEFINITION: &str = "#/$defs/";

/// The schema without prose, its sets sorted, its definitions called `1`, `2`, … as they are met.
/// Doing it twice changes nothing.
pub(super) fn canonical(schema: &Value) -> Value {
    rename_definitions(strip(schema))
}

/// Writes JSON with sorted keys. `serde_json` itself sorts them or not, as some other crate of the
/// program wishes.
pub(super) fn write(value: &Value) -> String {
    let mut text = String::new();
    write_into(value, &mut text);
    text
}

fn write_into(value: &Value, text: &mut String) {
    match value {
        Value::Object(fields) => {
            text.push('{');
            for (place, (key, value)) in sorted(fields).into_iter().enumerate() {
                if place > 0 {
                    text.push(',');
                }
                text.push_str(&Value::from(key).to_string());
                text.push(':');
                write_into(value, text);
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    text.push(',');
                }
                write_into(item, text);
            }
            text.push(']');
        }
        scalar => text.push_str(&scalar.to_string()),
    }
}

/// The fields of an object by name.
pub(super) fn sorted(fields: &Map<String, Value>) -> BTreeMap<&str, &Value> {
    fields.iter().map(|(key, value)| (key.as_str(), value)).collect()
}

fn strip(schema: &Value) -> Value {
    let Value::Object(fields) = schema else { return data(schema) };
    let mut kept = Map::new();
    for (key, value) in sorted(fields).into_iter().filter(|(key, _)| !PROSE.contains(key)) {
        let (key, value) = match (key, value) {
            ("const", value) if !fields.contains_key("enum") => {
                ("enum", Value::Array(vec![data(value)]))
            }
            ("enum" | "required", Value::Array(items)) => (key, set(items)),
            ("type", Value::Array(items)) => (key, one_or_set(items)),
            ("oneOf", Value::Array(branches)) => (key, Value::Array(variants(branches))),
            ("default" | "const", value) => (key, data(value)),
            (key, Value::Object(named)) if NAMES.contains(&key) => {
                let named = sorted(named).into_iter();
                let named = named.map(|(name, value)| (name.to_owned(), strip(value))).collect();
                (key, Value::Object(named))
            }
            (key, Value::Array(items)) => (key, items.iter().map(strip).collect()),
            (key, value) => (key, strip(value)),
        };
        let says_nothing = match &value {
            Value::Object(named) => key == "properties" && named.is_empty(),
            Value::Array(names) => key == "required" && names.is_empty(),
            _ => false,
        };
        if !says_nothing {
            kept.insert(key.to_owned(), value);
        }
    }
    take_in_the_only_variant(&mut kept);
    if kept.is_empty() { Value::Bool(true) } else { Value::Object(kept) }
}

/// JSON that is no schema: nothing in it is dropped, and `1.0` is `1`.
fn data(value: &Value) -> Value {
    /// Beyond it not every whole number is an `f64`.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::Object(fields) => {
            fields.iter().map(|(key, value)| (key.clone(), data(value))).collect()
        }
        Value::Array(items) => items.iter().map(data).collect(),
        Value::Number(number) if !number.is_i64() && !number.is_u64() => match number.as_f64() {
            Some(float) if float.fract() == 0.0 && float.abs() < EXACT => Value::from(float as i64),
            _ => value.clone(),
        },
        other => other.clone(),
    }
}

fn set(items: &[Value]) -> Value {
    let by_text: BTreeMap<String, Value> =
        items.iter().map(data).map(|item| (write(&item), item)).collect();
    by_text.into_values().collect()
}

fn one_or_set(items: &[Value]) -> Value {
    match items {
        [one] => one.clone(),
        several => set(several),
    }
}

/// The variants of an enum, whatever their order. Those without data are one set of values: whether
/// each stands alone depends on its having a comment.
fn variants(branches: &[Value]) -> Vec<Value> {
    let mut values: BTreeMap<String, (Option<Value>, Vec<Value>)> = BTreeMap::new();
    let mut variants = Vec::new();
    for branch in branches.iter().map(strip) {
        match branch {
            Value::Object(mut fields)
                if fields.contains_key("enum")
                    && fields.keys().all(|key| key == "enum" || key == "type") =>
            {
                let of_type = fields.remove("type");
                let key = of_type.as_ref().map(write).unwrap_or_default();
                let (_, all) = values.entry(key).or_insert_with(|| (of_type, Vec::new()));
                if let Some(Value::Array(more)) = fields.remove("enum") {
                    all.extend(more);
                }
            }
            other => variants.push(other),
        }
    }
    for (of_type, all) in values.into_values() {
        let mut fields = Map::new();
        fields.extend(of_type.map(|of_type| ("type".to_owned(), of_type)));
        fields.insert("enum".to_owned(), set(&all));
        variants.push(Value::Object(fields));
    }
    // The names of definitions are given later, in this order: they must have no part in it.
    variants.sort_by_cached_key(|variant| write(&without_references(variant)));
    variants
}

fn without_references(schema: &Value) -> Value {
    match schema {
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| {
                let value = if key == "$ref" { Value::Null } else { without_references(value) };
                (key.clone(), value)
            })
            .collect(),
        Value::Array(items) => items.iter().map(without_references).collect(),
        other => other.clone(),
    }
}

/// An enum whose variants turned out to be one set of values is that set.
fn take_in_the_only_variant(schema: &mut Map<String, Value>) {
    let Some(Value::Array(variants)) = schema.get("oneOf") else { return };
    let [Value::Object(only)] = variants.as_slice() else { return };
    if only.keys().any(|key| schema.contains_key(key)) {
        return;
    }
    let only = only.clone();
    schema.remove("oneOf");
    schema.extend(only);
}

/// The name of the definition that a reference means.
fn definition_of(reference: &str) -> Option<String> {
    let name = reference.strip_prefix(DEFINITION)?;
    Some(name.replace("~1", "/").replace("~0", "~"))
}

/// The definition that stands behind a reference.
pub(super) fn definition<'a>(root: &'a Value, reference: &str) -> Option<&'a Value> {
    if reference == "#" {
        return Some(root);
    }
    root.get("$defs")?.get(definition_of(reference)?)
}

/// Names of Rust types are no part of a schema, and definitions that nobody uses neither.
fn rename_definitions(mut schema: Value) -> Value {
    let Some(definitions) = schema.as_object_mut().and_then(|fields| fields.remove("$defs")) else {
        return schema;
    };
    let mut names = Names::default();
    let schema = names.rename(&schema, &definitions);
    let mut renamed = Map::new();
    while let Some(old) = names.to_visit.pop_front() {
        let definition = names.rename(&definitions[&old], &definitions);
        renamed.insert(names.given[&old].clone(), definition);
    }
    match schema {
        Value::Object(mut fields) if !renamed.is_empty() => {
            fields.insert("$defs".to_owned(), Value::Object(renamed));
            Value::Object(fields)
        }
        other => other,
    }
}

#[derive(Default)]
struct Names {
    given: BTreeMap<String, String>,
    to_visit: VecDeque<String>,
}

impl Names {
    fn rename(&mut self, schema: &Value, definitions: &Value) -> Value {
        match schema {
            Value::Object(fields) => {
                let mut renamed = Map::new();
                for (key, value) in sorted(fields) {
                    let value = match value {
                        Value::String(reference) if key == "$ref" => {
                            Value::String(self.reference(reference, definitions))
                        }
                        value if matches!(key, "default" | "enum") => value.clone(),
                        value => self.rename(value, definitions),
                    };
                    renamed.insert(key.to_owned(), value);
                }
                Value::Object(renamed)
            }
            Value::Array(items) => {
                items.iter().map(|item| self.rename(item, definitions)).collect()
            }
            other => other.clone(),
        }
    }

    fn reference(&mut self, reference: &str, definitions: &Value) -> String {
        let known = definition_of(reference).filter(|name| definitions.get(name).is_some());
        let Some(old) = known else { return reference.to_owned() };
        let next = self.given.len() + 1;
        let new = self.given.entry(old.clone()).or_insert_with(|| {
            self.to_visit.push_back(old);
            next.to_string()
        });
        format!("{DEFINITION}{new}")
    }
}

#[cfg(test)]
mod tests;
