//! Fields of queries and forms: `name=value`, parted by `&`.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The fields without those of this name, and with this one at the end.
pub(super) fn with(fields: &str, name: &str, value: &str) -> String {
    let mut kept: Vec<String> = without(fields, |known| known == name);
    kept.push(format!("{}={}", utf8_percent_encode(name, KEPT), utf8_percent_encode(value, KEPT)));
    kept.join("&")
}

/// The fields without those whose name is such.
pub(super) fn without(fields: &str, is: impl Fn(&str) -> bool) -> Vec<String> {
    let of = |field: &str| {
        let name = field.split('=').next().unwrap_or_default().replace('+', " ");
        percent_decode_str(&name).decode_utf8_lossy().into_owned()
    };
    let fields = fields.split('&').filter(|field| !field.is_empty());
    fields.filter(|field| !is(&of(field))).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_replaces_those_of_its_name() {
        assert_eq!(with("", "k", "a b&c"), "k=a%20b%26c");
        assert_eq!(with("a=1&k=2&%6B=3&b=%20&k", "k", "v"), "a=1&b=%20&k=v");
        assert_eq!(with("a+b=1", "a b", "v"), "a%20b=v");
    }
}
