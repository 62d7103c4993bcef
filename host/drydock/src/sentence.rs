//! Other people's words, made fit for a sentence of ours.

/// Characters shown of a text that may be of any length.
const SHOWN: usize = 300;

/// On one line, without control characters, and not too long.
pub fn printable(text: &str) -> String {
    let mut shown = String::new();
    for (index, c) in text.chars().enumerate() {
        if index == SHOWN {
            shown.push('…');
            break;
        }
        match c.is_control() {
            true => shown.extend(c.escape_default()),
            false => shown.push(c),
        }
    }
    shown
}

/// What a deserializer says of what people get wrong most. `thing` is what the format calls a name with a value: a key,
/// a field, a parameter.
pub fn of_serde(message: &str, thing: &str) -> String {
    let message = printable(message);
    if let Some((name, known)) = message.strip_prefix("unknown field ").and_then(|rest| rest.split_once(", expected "))
    {
        let known = known.strip_prefix("one of ").unwrap_or(known);
        return format!("there is no {thing} {name} here; there are: {known}");
    }
    match message.strip_prefix("missing field ") {
        Some(name) => format!("the {thing} {name} is missing"),
        None => without_types(message),
    }
}

/// A number's type says nothing to who does not know Rust.
fn without_types(message: String) -> String {
    let Some((found, expected)) = message.rsplit_once(", expected ") else { return message };
    match expected {
        "u8" | "u16" | "u32" | "u64" => format!("{found}, expected a whole number, 0 or more"),
        "i32" | "i64" => format!("{found}, expected a whole number"),
        _ => message,
    }
}
