//! The configuration as a JSON Schema, for editors that complete and check TOML.

use serde_json::{Map, Value, json};

use super::{Config, KEYS, Key, Kind};

/// The schema of the user's file and of a workspace's `.halfline.toml`.
pub fn schema() -> Value {
    let defaults = serde_json::to_value(Config::default()).unwrap_or(Value::Null);
    let mut sections: Map<String, Value> = Map::new();
    for key in KEYS {
        let mut property = property(key);
        property["default"] = key.value_in(&defaults).cloned().unwrap_or_default();
        put(&mut sections, key.name, property);
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Halfline",
        "description": "Settings of Halfline: the user's config.toml, and a workspace's .halfline.toml.",
        "type": "object",
        "additionalProperties": false,
        "properties": sections,
    })
}

/// Puts a property where its dotted name says.
fn put(properties: &mut Map<String, Value>, dotted: &str, property: Value) {
    let Some((section, inner)) = dotted.split_once('.') else {
        properties.insert(dotted.to_owned(), property);
        return;
    };
    let entry = properties
        .entry(section)
        .or_insert_with(|| json!({ "type": "object", "additionalProperties": false, "properties": {} }));
    if let Some(Value::Object(inside)) = entry.get_mut("properties") {
        put(inside, inner, property);
    }
}

fn property(key: &Key) -> Value {
    let mut property = match key.kind {
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::Integer(low, high) => json!({ "type": "integer", "minimum": low, "maximum": high }),
        Kind::Number(low, high) => json!({ "type": "number", "minimum": low, "maximum": high }),
        Kind::Text => json!({ "type": "string" }),
        Kind::Model => json!({ "type": "string", "minLength": 1 }),
        Kind::OneOf(words) => json!({ "enum": words }),
        Kind::Texts => json!({ "type": "array", "items": { "type": "string" } }),
        Kind::Languages => {
            let names: Vec<&str> = halfline_grammars::all().iter().map(|language| language.name()).collect();
            json!({ "type": "array", "items": { "type": "string", "examples": names } })
        }
        Kind::Tables(fields) => {
            let properties: Map<String, Value> =
                fields.fields.iter().map(|field| (field.name.to_owned(), self::property(field))).collect();
            json!({ "type": "array", "items": {
                "type": "object", "additionalProperties": false, "required": fields.required, "properties": properties,
            }})
        }
    };
    property["description"] = key.about.into();
    property
}
