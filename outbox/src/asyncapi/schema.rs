//! A JSON Schema of draft 2020-12 in the dialect of AsyncAPI, which is that of draft 7 with a little more.

use annals_core::schemars::Schema;
use annals_core::schemars::transform::transform_subschemas;
use serde_json::{Map, Value, json};

use crate::escape::key;

/// Where the definitions of a schema stand.
const DEFINITIONS: &str = "$defs";

/// What draft 7 does not know. Without it a schema allows more.
const NEWER: [&str; 10] = [
    "dependentRequired",
    "dependentSchemas",
    "unevaluatedItems",
    "unevaluatedProperties",
    "minContains",
    "maxContains",
    "contentSchema",
    "$anchor",
    "$dynamicAnchor",
    "$dynamicRef",
];

/// Puts a schema among the components under a key, and each of its definitions under a key of its own.
pub(super) fn place(name: &str, schema: &Value, components: &mut Map<String, Value>) {
    // What is no schema says nothing.
    let mut schema = Schema::try_from(schema.clone()).unwrap_or_default();
    for about_the_document in ["$schema", "$id"] {
        schema.remove(about_the_document);
    }
    if let Some(Value::Object(definitions)) = schema.remove(DEFINITIONS) {
        for (definition, schema) in definitions {
            let schema = Schema::try_from(schema).unwrap_or_default();
            components.insert(of_definition(name, &definition), older(schema, name));
        }
    }
    components.insert(name.to_owned(), older(schema, name));
}

fn older(mut schema: Schema, name: &str) -> Value {
    make_older(&mut schema, name);
    schema.to_value()
}

fn make_older(schema: &mut Schema, name: &str) {
    transform_subschemas(&mut |inner: &mut Schema| make_older(inner, name), schema);
    // `true` is `{}`, and `false` `{"not": {}}`: not everywhere may they stand.
    let fields = schema.ensure_object();
    fields.retain(|keyword, _| !NEWER.contains(&keyword.as_str()));
    if let Some(first) = fields.remove("prefixItems")
        && let Some(others) = fields.insert("items".to_owned(), first)
    {
        fields.insert("additionalItems".to_owned(), others);
    }
    let Some(Value::String(to)) = fields.get("$ref") else { return };
    let reference = json!({ "$ref": within_document(to, name) });
    if fields.len() == 1 {
        *schema = reference.try_into().unwrap_or_default();
        return;
    }
    // In draft 7 nothing counts that stands beside a reference.
    fields.remove("$ref");
    match fields.entry("allOf").or_insert_with(|| json!([])) {
        Value::Array(all) => all.push(reference),
        other => *other = json!([reference]),
    }
}

/// Where a reference within a schema leads in the document. Others lead where they did.
fn within_document(to: &str, name: &str) -> String {
    let Some(pointer) = to.strip_prefix('#') else { return to.to_owned() };
    let definition = pointer.strip_prefix('/').and_then(|rest| rest.strip_prefix(DEFINITIONS));
    match definition.and_then(|rest| rest.strip_prefix('/')) {
        Some(rest) => {
            let (definition, rest) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            let definition = definition.replace("~1", "/").replace("~0", "~");
            format!("#/components/schemas/{}{rest}", of_definition(name, &definition))
        }
        None => format!("#/components/schemas/{name}{pointer}"),
    }
}

fn of_definition(name: &str, definition: &str) -> String {
    format!("{name}.{}", key(definition))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_become_components() {
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {
                "$ref": { "$ref": "#/$defs/Money", "description": "in cents" },
                "pair": { "prefixItems": [{ "$ref": "#/$defs/a~1b" }, true], "items": false },
                "again": { "$ref": "#" },
                "const": { "const": { "$ref": "#/$defs/Money" } },
            },
            "unevaluatedProperties": false,
            "$defs": { "Money": { "type": "integer" }, "a/b": { "$ref": "#/$defs/Money" } },
        });
        let mut components = Map::new();
        place("paid.v1", &schema, &mut components);
        let money = json!({ "$ref": "#/components/schemas/paid.v1.Money" });
        let expected = json!({
            "paid.v1": {
                "type": "object",
                "properties": {
                    "$ref": { "allOf": [money], "description": "in cents" },
                    "pair": {
                        "items": [{ "$ref": "#/components/schemas/paid.v1.a_x2Fb" }, {}],
                        "additionalItems": { "not": {} },
                    },
                    "again": { "$ref": "#/components/schemas/paid.v1" },
                    "const": { "const": { "$ref": "#/$defs/Money" } },
                },
            },
            "paid.v1.Money": { "type": "integer" },
            "paid.v1.a_x2Fb": money,
        });
        assert_eq!(Value::Object(components), expected);
    }

    #[test]
    fn whatever_stands_there_becomes_an_object() {
        let mut components = Map::new();
        for (name, schema) in [("all", json!(true)), ("none", json!(false)), ("odd", json!(7))] {
            place(name, &schema, &mut components);
        }
        let expected = json!({ "all": {}, "none": { "not": {} }, "odd": {} });
        assert_eq!(Value::Object(components), expected);
    }
}
