//! A secret, and where it is read from.

use super::kind::in_home;
use std::fmt;
use std::io::Read;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// Bytes that a secret can have.
const LONGEST: u64 = 64 << 10;

/// Text that nobody sees: it is shown as `***`, and its memory is wiped when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    pub fn new(text: String) -> Secret {
        Secret(Zeroizing::new(text))
    }

    /// The secret itself, for where it is used.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

/// Where a secret is read from, whenever it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A variable of the daemon's environment.
    Env(String),
    /// A file. A line end after its text does not count.
    File(PathBuf),
}

/// Why a secret can't be used now: a sentence for the operator, without the credential's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("its environment variable {0} is not set; start the daemon with it")]
    Unset(String),
    #[error("its file {file} can't be read: {why}; make it a file that the daemon's user can read")]
    File { file: String, why: String },
    #[error("{0} is empty; put the secret there")]
    Empty(Source),
    #[error("{0} is no text in UTF-8; put the secret there as text")]
    NoText(Source),
    #[error("{0} has more than 64 KiB; put nothing but the secret there")]
    TooLong(Source),
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Env(variable) => write!(formatter, "its environment variable {variable}"),
            Source::File(file) => write!(formatter, "its file {}", file.display()),
        }
    }
}

impl Source {
    /// The secret as it is now. A file is read while the caller waits.
    pub fn read(&self) -> Result<Secret, Unreadable> {
        let mut bytes = match self {
            Source::Env(variable) => {
                let value = std::env::var_os(variable).ok_or_else(|| Unreadable::Unset(variable.clone()))?;
                Zeroizing::new(value.into_encoded_bytes())
            }
            Source::File(file) => {
                let file = in_home(file);
                let failed = |error: std::io::Error| Unreadable::File {
                    file: file.display().to_string(),
                    why: error.to_string(),
                };
                let mut bytes = Zeroizing::new(Vec::new());
                let opened = std::fs::File::open(&file).map_err(failed)?;
                opened.take(LONGEST + 1).read_to_end(&mut bytes).map_err(failed)?;
                if bytes.last() == Some(&b'\n') {
                    bytes.pop();
                    if bytes.last() == Some(&b'\r') {
                        bytes.pop();
                    }
                }
                bytes
            }
        };
        if bytes.len() as u64 > LONGEST {
            return Err(Unreadable::TooLong(self.clone()));
        }
        if bytes.is_empty() {
            return Err(Unreadable::Empty(self.clone()));
        }
        match String::from_utf8(std::mem::take(&mut *bytes)) {
            Ok(text) => Ok(Secret::new(text)),
            Err(error) => {
                drop(Zeroizing::new(error.into_bytes()));
                Err(Unreadable::NoText(self.clone()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_anew_and_its_line_end_is_not_part_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        let source = Source::File(file.clone());
        for (written, read) in [("one\n", "one"), ("two", "two"), ("three\r\n", "three"), ("four\n\n", "four\n")] {
            std::fs::write(&file, written).unwrap();
            assert_eq!(source.read().unwrap().expose(), read);
        }
        for (written, says) in [(&b""[..], "is empty"), (b"\n", "is empty"), (b"\xff\xfe", "UTF-8")] {
            std::fs::write(&file, written).unwrap();
            assert!(source.read().unwrap_err().to_string().contains(says));
        }
        std::fs::write(&file, vec![b'x'; 65 << 10]).unwrap();
        assert!(source.read().unwrap_err().to_string().contains("64 KiB"));
        std::fs::remove_file(&file).unwrap();
        assert!(source.read().unwrap_err().to_string().contains("can't be read"));
        let unset = Source::Env("DRYDOCK_TEST_IS_NEVER_SET".to_owned()).read().unwrap_err();
        assert!(unset.to_string().contains("DRYDOCK_TEST_IS_NEVER_SET"));
    }

    #[test]
    fn it_is_never_shown() {
        let secret = Secret::new("xyzzy".to_owned());
        assert_eq!(format!("{secret} {secret:?} {:#?}", Some(&secret)), "*** *** Some(\n    ***,\n)");
    }
}
