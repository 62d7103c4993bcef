//! `key=value` as flags give it.

use crate::api::types::Otherwise;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::Path;

/// One `-a key=value`. What reads as JSON is that JSON, anything else is a string.
pub fn parse_attribute(text: &str) -> Result<(String, Value), String> {
    let (key, value) = split(text)?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.into()));
    Ok((key.into(), value))
}

/// One `--label key=value`. The value is text, whatever it looks like.
pub fn parse_label(text: &str) -> Result<(String, String), String> {
    split(text).map(|(key, value)| (key.into(), value.into()))
}

/// One `--else {…}`.
pub fn parse_otherwise(text: &str) -> Result<Otherwise, String> {
    serde_json::from_str(text).map_err(|error| {
        let why = crate::sentence::of_serde(&error.to_string(), "key");
        format!("{why}; write it as {{\"attributes\": {{…}}, \"labels\": {{…}}, \"blueprint\": \"…\"}}")
    })
}

/// All attributes as one object. A key that is given twice is an error: one of the values would be lost unseen.
pub fn attributes(given: &[(String, Value)]) -> Result<Map<String, Value>, String> {
    let mut object = Map::new();
    for (key, value) in given {
        if object.insert(key.clone(), value.clone()).is_some() {
            return Err(format!("-a {key}=… is given twice; give each attribute once"));
        }
    }
    Ok(object)
}

/// The object in a file, or on stdin for `-`, with single attributes instead of or beside what it has.
pub fn attributes_with(file: Option<&Path>, given: &[(String, Value)]) -> Result<Map<String, Value>, String> {
    let mut object = match file {
        Some(file) => parse_object(&read(file)?, file)?,
        None => Map::new(),
    };
    object.extend(attributes(given)?);
    Ok(object)
}

fn read(file: &Path) -> Result<String, String> {
    let text = match file.as_os_str() == "-" {
        true => std::io::read_to_string(std::io::stdin()),
        false => std::fs::read_to_string(file),
    };
    text.map_err(|error| format!("--attributes {}: it can't be read: {error}", file.display()))
}

fn parse_object(text: &str, file: &Path) -> Result<Map<String, Value>, String> {
    let name = file.display();
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(format!("--attributes {name}: it is no JSON object; write {{\"key\": value, …}}")),
        Err(error) => Err(format!("--attributes {name}: it is no JSON: {error}")),
    }
}

/// All labels. A key that is given twice is an error.
pub fn labels(given: &[(String, String)]) -> Result<BTreeMap<String, String>, String> {
    let mut map = BTreeMap::new();
    for (key, value) in given {
        if map.insert(key.clone(), value.clone()).is_some() {
            return Err(format!("--label {key}=… is given twice; give each label once"));
        }
    }
    Ok(map)
}

fn split(text: &str) -> Result<(&str, &str), String> {
    match text.split_once('=') {
        Some(("", _)) => Err("the key before = is missing".into()),
        Some(pair) => Ok(pair),
        None => Err("write key=value".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_reads_as_json_is_json() {
        for (text, key, value) in [
            ("commit=abc123", "commit", json!("abc123")),
            ("count=3", "count", json!(3)),
            ("ratio=-0.5", "ratio", json!(-0.5)),
            ("clean=true", "clean", json!(true)),
            ("on={\"os\":\"linux\"}", "on", json!({"os": "linux"})),
            ("merges=[\"a\",\"b\"]", "merges", json!(["a", "b"])),
            ("version=\"12\"", "version", json!("12")),
            ("version=012", "version", json!("012")),
            ("query=a=b", "query", json!("a=b")),
            ("empty=", "empty", json!("")),
            ("half={\"os\":", "half", json!("{\"os\":")),
        ] {
            assert_eq!(parse_attribute(text), Ok((key.into(), value)), "{text}");
        }
    }

    #[test]
    fn single_attributes_come_before_those_of_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("wish.json");
        let with = |text: &str| {
            std::fs::write(&file, text).unwrap();
            attributes_with(Some(&file), &[("a".to_owned(), json!(1)), ("c".to_owned(), json!(3))])
        };
        let all = with(r#"{"a": {"deep": true}, "b": [2]}"#);
        assert_eq!(all.map(Value::Object), Ok(json!({"a": 1, "b": [2], "c": 3})));
        assert!(with("[1]").is_err_and(|why| why.contains("--attributes") && why.contains("no JSON object")));
        assert!(with("{\n\"a\" 1}").is_err_and(|why| why.contains("line 2 column 5")));
        let missing = attributes_with(Some(&folder.path().join("none")), &[]);
        assert!(missing.is_err_and(|why| why.contains("none: it can't be read")));
    }

    #[test]
    fn a_pair_has_a_key() {
        assert!(parse_attribute("commit").is_err_and(|why| why.contains("key=value")));
        assert!(parse_label("=linux").is_err_and(|why| why.contains("key before =")));
        assert_eq!(parse_label("slots=4"), Ok(("slots".into(), "4".into())));
    }

    #[test]
    fn nothing_is_given_twice() {
        let twice = [("a".to_owned(), json!(1)), ("b".to_owned(), json!(2)), ("a".to_owned(), json!(1))];
        assert!(attributes(&twice).is_err_and(|why| why.contains("-a a=")));
        assert_eq!(attributes(&twice[..2]).map(Value::Object), Ok(json!({"a": 1, "b": 2})));
        let twice = [("os".to_owned(), "linux".to_owned()), ("os".to_owned(), "bsd".to_owned())];
        assert!(labels(&twice).is_err_and(|why| why.contains("--label os=")));
    }
}
