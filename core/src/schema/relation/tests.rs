use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Relation, changes, relation};

fn order(properties: &Value, required: &[&str]) -> Value {
    json!({"type": "object", "properties": properties, "required": required})
}

/// Both ways round, with the one place that is named.
#[track_caller]
fn widens(old: &Value, new: &Value, place: &str, what: &str) {
    assert_eq!(relation(old, new), Relation::Widened, "{:?}", changes(old, new));
    assert_eq!(relation(new, old), Relation::Narrowed, "{:?}", changes(new, old));
    named(old, new, place, what);
}

#[track_caller]
fn breaks(old: &Value, new: &Value, place: &str, what: &str) {
    assert_eq!(relation(old, new), Relation::Other, "{:?}", changes(old, new));
    assert_eq!(relation(new, old), Relation::Other, "{:?}", changes(new, old));
    named(old, new, place, what);
}

#[track_caller]
fn named(old: &Value, new: &Value, place: &str, what: &str) {
    let changes = changes(old, new);
    let found = changes.iter().any(|change| change.pointer == place && change.what.contains(what));
    assert!(found, "{changes:?} lacks {what} at {place}");
}

#[test]
fn a_new_optional_field_widens() {
    let old = order(&json!({"a": {"type": "integer"}}), &["a"]);
    let new = order(&json!({"a": {"type": "integer"}, "b": {"type": "string"}}), &["a"]);
    widens(&old, &new, "/b", "optional");
}

#[test]
fn a_new_required_field_breaks() {
    let old = order(&json!({"a": {"type": "integer"}}), &["a"]);
    let new = order(&json!({"a": {"type": "integer"}, "b": {"type": "string"}}), &["a", "b"]);
    breaks(&old, &new, "/b", "required");
}

#[test]
fn a_renamed_optional_field_breaks() {
    let old = order(&json!({"a": {"type": "integer"}}), &[]);
    let new = order(&json!({"b": {"type": "integer"}}), &[]);
    assert_eq!(relation(&old, &new), Relation::Other);
}

#[test]
fn another_type_breaks_and_is_shown() {
    let old = order(&json!({"lines": {"type": "integer"}}), &["lines"]);
    let new = order(&json!({"lines": {"type": "string"}}), &["lines"]);
    breaks(&old, &new, "/lines", r#"`type` was `"integer"`, and is `"string"`"#);
}

#[test]
fn required_and_optional_are_not_the_same() {
    let old = order(&json!({"a": {"type": "integer"}}), &["a"]);
    let new = order(&json!({"a": {"type": "integer"}}), &[]);
    breaks(&old, &new, "/a", "was required, and is optional");
}

#[test]
fn a_reader_that_denies_unknown_fields_is_hurt_by_a_new_one() {
    let mut old = order(&json!({}), &[]);
    let mut new = order(&json!({"b": {"type": "string"}}), &[]);
    old["additionalProperties"] = json!(false);
    new["additionalProperties"] = json!(false);
    breaks(&old, &new, "/b", "refused");
}

#[test]
fn a_new_field_among_flattened_ones_breaks() {
    let mut old = order(&json!({}), &[]);
    let mut new = order(&json!({"b": {"type": "string"}}), &[]);
    old["additionalProperties"] = json!(true);
    new["additionalProperties"] = json!(true);
    breaks(&old, &new, "/b", "kept");
}

#[test]
fn a_new_value_widens_wherever_it_stands() {
    let old = json!({"type": "string", "enum": ["low", "high"]});
    let new = json!({"type": "string", "enum": ["critical", "high", "low"]});
    widens(&old, &new, "/", r#"`"critical"` is a new value"#);
    let in_field = |impact: &Value| order(&json!({"impact": impact}), &["impact"]);
    widens(&in_field(&old), &in_field(&new), "/impact", "new value");
    let in_list = |impact: &Value| json!({"type": "array", "items": impact});
    widens(&in_list(&old), &in_list(&new), "/*", "new value");
    let in_option = |impact: &Value| json!({"anyOf": [impact, {"type": "null"}]});
    widens(&in_option(&old), &in_option(&new), "/", "new value");
}

#[test]
fn a_value_more_and_a_value_less_break() {
    let (old, new) = (json!({"enum": ["low"]}), json!({"enum": ["high"]}));
    breaks(&old, &new, "/", "gone");
}

#[test]
fn a_new_tagged_variant_widens() {
    let variant =
        |tag: &str| order(&json!({"kind": {"const": tag}, "n": {"type": "integer"}}), &["kind"]);
    let old = json!({"oneOf": [variant("card"), variant("cash")]});
    let new = json!({"oneOf": [variant("bank"), variant("card"), variant("cash")]});
    widens(&old, &new, "/", "`kind=bank` is a new variant");
}

#[test]
fn a_changed_variant_breaks_at_its_field() {
    let variant = |kind: &str| {
        json!({"type": "object", "properties": {"Card": {"type": kind}}, "required": ["Card"],
               "additionalProperties": false})
    };
    let cash = json!({"type": "string", "const": "Cash"});
    let old = json!({"oneOf": [variant("string"), cash]});
    let new = json!({"oneOf": [variant("integer"), cash]});
    breaks(&old, &new, "/Card", "type");
}

#[test]
fn the_first_untagged_variant_that_fits_is_read_so_a_new_one_breaks() {
    let old = json!({"anyOf": [{"type": "string"}]});
    let new = json!({"anyOf": [{"type": "string"}, {"type": "integer"}]});
    breaks(&old, &new, "/", "anyOf");
}

#[test]
fn nullable_breaks_because_an_older_reader_needs_the_value() {
    let (old, new) = (json!({"type": "string"}), json!({"type": ["string", "null"]}));
    breaks(&old, &new, "/", "type");
}

#[test]
fn another_default_breaks_because_old_events_would_mean_something_else() {
    let old = order(&json!({"a": {"type": "integer", "default": 5}}), &[]);
    let new = order(&json!({"a": {"type": "integer", "default": 10}}), &[]);
    breaks(&old, &new, "/a", "default");
}

#[test]
fn recursive_types_are_compared_to_their_end() {
    let tree = |name: &str, value: &Value| {
        json!({"$ref": format!("#/$defs/{name}"), "$defs": {name: {"type": "object", "properties": {
            "children": {"type": "array", "items": {"$ref": format!("#/$defs/{name}")}},
            "value": value}}}})
    };
    let (low, more) = (json!({"enum": ["low"]}), json!({"enum": ["low", "high"]}));
    assert_eq!(relation(&tree("A", &low), &tree("B", &low)), Relation::Same);
    widens(&tree("A", &low), &tree("B", &more), "/value", "new value");
    breaks(&tree("A", &low), &tree("A", &json!({"type": "string"})), "/value", "type");
}

#[test]
fn what_is_long_is_cut() {
    let long = "ä".repeat(1_000);
    let changes = changes(&json!({"pattern": long}), &json!({"pattern": "a"}));
    assert!(changes[0].to_string().chars().count() < 200, "{changes:?}");
}

/// Real types, through serde and schemars, in both directions.
mod types {
    #![allow(dead_code)]
    use super::*;

    macro_rules! program {
        ($name:ident { $($variant:ident $({ $($field:ident: $ty:ty),* })?),* } $($more:tt)*) => {
            pub(super) mod $name {
                use super::*;
                #[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
                pub(crate) enum Impact { $($variant $({ $($field: $ty),* })?),* }
                #[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
                pub(crate) struct Opened { pub(crate) impact: Impact $($more)* }
            }
        };
    }
    program!(old { Low, Data { n: u8 } });
    program!(new { Low, Critical, Data { n: u8, why: Option<String> } }, pub(crate) by: Option<String>);
}

#[test]
fn readers_of_both_versions_do_what_the_relation_says() {
    use types::{new, old};
    let (before, after) =
        (crate::schema::schema_of::<old::Opened>(), crate::schema::schema_of::<new::Opened>());
    assert_eq!(relation(&before, &after), Relation::Widened, "{:?}", changes(&before, &after));
    let stored =
        serde_json::to_string(&old::Opened { impact: old::Impact::Data { n: 1 } }).unwrap();
    serde_json::from_str::<new::Opened>(&stored).expect("the new program reads old events");
    let with = |impact| new::Opened { impact, by: Some("ann".to_owned()) };
    let data = with(new::Impact::Data { n: 1, why: Some("x".to_owned()) });
    let stored = serde_json::to_string(&data).unwrap();
    serde_json::from_str::<old::Opened>(&stored).expect("the old program passes over new fields");
    let stored = serde_json::to_string(&with(new::Impact::Critical)).unwrap();
    let error = serde_json::from_str::<old::Opened>(&stored).expect_err("a variant it never saw");
    assert!(error.to_string().contains("unknown variant"), "{error}");
}

fn field_schema() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!({"type": "integer"})),
        Just(json!({"type": "string"})),
        proptest::sample::subsequence(vec!["a", "b", "c"], 1..=3)
            .prop_map(|values| json!({"type": "string", "enum": values})),
    ]
}

prop_compose! {
    fn object()(
        fields in proptest::collection::btree_map("[a-d]", (field_schema(), any::<bool>()), 0..4),
        denies in proptest::bool::weighted(0.1),
    ) -> Value {
        let required: Vec<&String> = fields.iter().filter(|(_, (_, r))| *r).map(|(n, _)| n).collect();
        let properties: serde_json::Map<_, _> =
            fields.iter().map(|(name, (schema, _))| (name.clone(), schema.clone())).collect();
        let mut schema = json!({"type": "object", "properties": properties, "required": required});
        if denies {
            schema["additionalProperties"] = json!(false);
        }
        schema
    }
}

/// A payload that the schema accepts: as few or as many fields as it allows.
fn payload(schema: &Value, full: bool) -> Value {
    let properties = schema["properties"].as_object().expect("an object");
    let required = schema["required"].as_array().expect("a list");
    properties
        .iter()
        .filter(|(name, _)| full || required.contains(&json!(name)))
        .map(|(name, field)| {
            let value = match field.get("enum") {
                Some(values) => values.as_array().and_then(|all| all.last()).cloned().unwrap(),
                None if field["type"] == "integer" => json!(1),
                None => json!("text"),
            };
            (name.clone(), value)
        })
        .collect()
}

proptest! {
    #[test]
    fn a_schema_is_the_same_as_itself_and_the_relation_turns_round(old in object(), new in object()) {
        prop_assert_eq!(relation(&old, &old), Relation::Same);
        let turned = match relation(&old, &new) {
            Relation::Widened => Relation::Narrowed,
            Relation::Narrowed => Relation::Widened,
            same => same,
        };
        prop_assert_eq!(relation(&new, &old), turned);
    }

    #[test]
    fn what_was_written_under_the_narrower_is_accepted_by_the_wider(old in object(), new in object(), full: bool) {
        if matches!(relation(&old, &new), Relation::Same | Relation::Widened) {
            let wider = jsonschema::validator_for(&new).expect("a schema");
            prop_assert!(wider.is_valid(&payload(&old, full)));
        }
    }
}
