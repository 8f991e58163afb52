//! Nothing here may depend on `serde_json/preserve_order`; run it with both:
//! `cargo test -p annals-core --lib schema --features serde_json/preserve_order`.

use serde_json::{Value, json};

use super::{canonical, write};

fn text(schema: &Value) -> String {
    write(&canonical(schema))
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).expect("it is JSON")
}

#[test]
fn keys_are_sorted_by_the_writer_itself() {
    // The order in which the keys come is the order of the text with `preserve_order`.
    let one = r#"{"type":"object","b":{"y":1,"x":2},"a":["z","k"]}"#;
    let other = r#"{"a":["z","k"],"b":{"x":2,"y":1},"type":"object"}"#;
    assert_eq!(write(&parsed(one)), r#"{"a":["z","k"],"b":{"x":2,"y":1},"type":"object"}"#);
    assert_eq!(write(&parsed(one)), write(&parsed(other)));
    assert_eq!(write(&json!({"a\"b": "c\n"})), r#"{"a\"b":"c\n"}"#);
}

#[test]
fn prose_does_not_count_but_a_field_called_title_does() {
    let old =
        json!({"type": "object", "description": "old", "properties": {"a": {"type": "string"}}});
    let new = json!({"description": "new", "properties": {"a": {"type": "string", "title": "A",
                     "deprecated": true, "readOnly": true, "writeOnly": true}}, "type": "object"});
    assert_eq!(text(&old), text(&new));
    let with_title =
        json!({"type": "object", "properties": {"a": {"type": "string"}, "title": {}}});
    assert_ne!(text(&old), text(&with_title));
    let by_default = |title| json!({"properties": {"a": {"default": {"title": title}}}});
    assert_ne!(text(&by_default(1)), text(&by_default(2)), "a default is data");
}

#[test]
fn the_order_of_fields_types_and_values_does_not_count() {
    let old = json!({"required": ["b", "a"], "properties": {"a": {"type": ["string", "null"]},
                     "b": {"enum": ["x", "y"]}}});
    let new = json!({"required": ["a", "b"], "properties": {"b": {"enum": ["y", "x"]},
                     "a": {"type": ["null", "string"]}}});
    assert_eq!(text(&old), text(&new));
}

#[test]
fn what_says_nothing_is_left_out() {
    assert_eq!(text(&json!({})), "true");
    assert_eq!(text(&json!({"title": "Any"})), "true");
    let empty = json!({"type": ["object"], "properties": {}, "required": []});
    assert_eq!(text(&empty), r#"{"type":"object"}"#);
    assert_eq!(text(&json!({"minimum": 0.0})), r#"{"minimum":0}"#);
    assert_eq!(text(&json!({"minimum": 0.5})), r#"{"minimum":0.5}"#);
}

#[test]
fn a_comment_on_a_variant_does_not_count() {
    let without = json!({"type": "string", "enum": ["low", "high"]});
    let with = json!({"oneOf": [{"type": "string", "const": "high", "description": "Run."},
                                {"type": "string", "enum": ["low"]}]});
    assert_eq!(text(&without), text(&with));
}

#[test]
fn the_order_of_variants_with_data_does_not_count() {
    let card =
        json!({"type": "object", "properties": {"Card": {"type": "string"}}, "required": ["Card"]});
    let cash = json!({"type": "string", "const": "Cash"});
    let (one, other) = (json!({"oneOf": [card, cash]}), json!({"oneOf": [cash, card]}));
    assert_eq!(text(&one), text(&other));
    let (one, other) = (json!({"anyOf": [card, cash]}), json!({"anyOf": [cash, card]}));
    assert_ne!(text(&one), text(&other), "of untagged variants the first that fits is read");
}

#[test]
fn names_of_definitions_do_not_count() {
    let tree = |tree: &str, leaf: &str| {
        json!({"$ref": format!("#/$defs/{tree}"), "$defs": {
            leaf: {"type": "string"},
            tree: {"type": "object", "properties": {
                "children": {"type": "array", "items": {"$ref": format!("#/$defs/{tree}")}},
                "value": {"$ref": format!("#/$defs/{leaf}")}}},
            "Unused": {"type": "null"}}})
    };
    assert_eq!(text(&tree("Tree", "Leaf")), text(&tree("ANode", "Z")));
    assert!(!text(&tree("Tree", "Leaf")).contains("Tree"));
    let unknown = json!({"$ref": "https://example.com/a.json"});
    assert_eq!(text(&unknown), r#"{"$ref":"https://example.com/a.json"}"#);
}

/// What the store keeps today is compared with what is written for ever after.
#[test]
fn the_text_of_a_type_is_pinned() {
    #[derive(schemars::JsonSchema)]
    #[allow(dead_code)]
    struct Order {
        /// How many.
        lines: u32,
        #[deprecated]
        note: Option<String>,
        impact: Impact,
        parts: Vec<Part>,
    }
    #[derive(schemars::JsonSchema)]
    #[allow(dead_code)]
    enum Impact {
        /// Hardly any.
        Low,
        High,
    }
    #[derive(schemars::JsonSchema)]
    #[allow(dead_code)]
    struct Part {
        parts: Vec<Self>,
    }
    let schema = crate::schema::schema_of::<Order>();
    assert_eq!(text(&schema), include_str!("order.json").trim_end());
    assert_eq!(text(&canonical(&schema)), text(&schema), "twice changes nothing");
    assert_eq!(text(&parsed(&text(&schema))), text(&schema), "nor does reading it back");
}
