//! How a secret that comes back is blotted out.

use super::Secret;
use hyper::header::{HeaderMap, HeaderValue};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use zeroize::Zeroizing;

/// What stands where a secret was.
const BLOT: &[u8] = b"***";

/// What RFC 3986 leaves as it is.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The secrets that must not be seen in some text, in the spellings in which others commonly give them back: as they
/// are, as strings of JSON, and percent-encoded. What else could be done to a secret, nobody can look for.
#[derive(Clone, Default)]
pub struct Redaction {
    /// The longest first, so that of two that begin alike the longer one is found.
    words: Vec<Zeroizing<Vec<u8>>>,
}

impl Redaction {
    /// Adds a secret.
    pub fn hide(&mut self, secret: &Secret) {
        let text = secret.expose();
        let json = Zeroizing::new(serde_json::Value::String(text.to_owned()).to_string());
        let json = json.strip_prefix('"').and_then(|json| json.strip_suffix('"')).unwrap_or_default();
        let percent = Zeroizing::new(percent_encode(text.as_bytes(), RESERVED).to_string());
        for word in [
            text.to_owned(),
            json.to_owned(),
            json.replace('/', "\\/"),
            percent.replace("%20", "+"),
            percent.to_lowercase(),
            percent.to_string(),
        ] {
            let word = Zeroizing::new(word.into_bytes());
            if !word.is_empty() && !self.words.contains(&word) {
                self.words.push(word);
            }
        }
        self.words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    }

    /// Whether there is nothing to hide.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Whether any of the secrets is in there.
    pub fn finds(&self, bytes: &[u8]) -> bool {
        self.words.iter().any(|word| is_in(word, bytes))
    }

    pub fn bytes(&self, bytes: &[u8]) -> Vec<u8> {
        let mut scrubber = self.clone().scrubber();
        let mut clean = scrubber.push(bytes);
        clean.extend(scrubber.finish());
        clean
    }

    /// Headers without them. One whose name has a secret in it, where all letters are small, is left out.
    pub(crate) fn headers(&self, headers: &HeaderMap) -> HeaderMap {
        let mut clean = HeaderMap::with_capacity(headers.len());
        for (name, value) in headers {
            if self.words.iter().any(|word| is_in(&word.to_ascii_lowercase(), name.as_str().as_bytes())) {
                continue;
            }
            if let Ok(value) = HeaderValue::from_bytes(&self.bytes(value.as_bytes())) {
                clean.append(name.clone(), value);
            }
        }
        clean
    }

    pub fn text(&self, text: &str) -> String {
        String::from_utf8_lossy(&self.bytes(text.as_bytes())).into_owned()
    }

    /// For what comes in pieces.
    pub fn scrubber(self) -> Scrubber {
        Scrubber { redaction: self, held: Zeroizing::default() }
    }
}

fn is_in(word: &[u8], bytes: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

/// Blots secrets out of a stream, also where one is parted between two pieces.
pub struct Scrubber {
    redaction: Redaction,
    /// What may be the beginning of a secret.
    held: Zeroizing<Vec<u8>>,
}

enum Look {
    /// A secret of this length begins here.
    Found(usize),
    /// One may begin here: the next piece tells.
    Open,
    No,
}

impl Scrubber {
    /// What can be seen of everything up to the end of this piece.
    pub fn push(&mut self, piece: &[u8]) -> Vec<u8> {
        if self.redaction.is_empty() {
            return piece.to_vec();
        }
        self.held.extend_from_slice(piece);
        self.scrub(false)
    }

    /// What was held back of the last piece.
    pub fn finish(&mut self) -> Vec<u8> {
        self.scrub(true)
    }

    fn scrub(&mut self, last: bool) -> Vec<u8> {
        let mut clean = Vec::with_capacity(self.held.len());
        let mut at = 0;
        while at < self.held.len() {
            match self.look(&self.held[at..], last) {
                Look::Found(length) => {
                    clean.extend_from_slice(BLOT);
                    at += length;
                }
                Look::Open => break,
                Look::No => {
                    clean.push(self.held[at]);
                    at += 1;
                }
            }
        }
        let rest = Zeroizing::new(self.held[at..].to_vec());
        self.held = rest;
        clean
    }

    fn look(&self, rest: &[u8], last: bool) -> Look {
        for word in &self.redaction.words {
            if word[0] != rest[0] {
                continue;
            }
            if rest.starts_with(word) {
                return Look::Found(word.len());
            }
            if !last && word.starts_with(rest) {
                return Look::Open;
            }
        }
        Look::No
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hiding(secrets: &[&str]) -> Redaction {
        let mut redaction = Redaction::default();
        for secret in secrets {
            redaction.hide(&Secret::new((*secret).to_owned()));
        }
        redaction
    }

    #[test]
    fn secrets_are_blotted_out_in_every_common_spelling() {
        let redaction = hiding(&["a/b \"c"]);
        for spelling in ["a/b \"c", "a/b \\\"c", "a\\/b \\\"c", "a%2Fb%20%22c", "a%2fb%20%22c", "a%2Fb+%22c"] {
            assert_eq!(redaction.text(&format!("<{spelling}>")), "<***>", "{spelling}");
            assert!(redaction.finds(spelling.as_bytes()));
        }
        assert_eq!(hiding(&["ab", "abcd"]).text("abc abcd ab a"), "***c *** *** a");
        assert_eq!(hiding(&[]).text("abc"), "abc");
    }

    #[test]
    fn a_secret_in_pieces_is_found_wherever_it_is_cut() {
        let text = "the sesame sesesame ses";
        let whole = hiding(&["sesame", "ses"]).text(text);
        assert_eq!(whole, "the *** ***esame ***");
        for cut in 0..=text.len() {
            let mut scrubber = hiding(&["sesame", "ses"]).scrubber();
            let mut clean = scrubber.push(&text.as_bytes()[..cut]);
            clean.extend(scrubber.push(&text.as_bytes()[cut..]));
            clean.extend(scrubber.finish());
            assert_eq!(String::from_utf8(clean).unwrap(), whole, "cut at {cut}");
        }
    }
}
