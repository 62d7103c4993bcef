//! What runs on a host, and which paths there are for it.

use crate::{JsonSchema, Platform};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Paths that are absolute, by platform. What is reserved on Windows is in no name there.
const POSIX: &str = r"^/[^\u0000-\u001f]{0,1023}$";
const WINDOWS: &str = r#"^[A-Za-z]:\\[^\u0000-\u001f<>:"/|?*]{0,255}$"#;

/// What runs there. Commands run on POSIX systems only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum System {
    #[default]
    Posix,
    Windows,
    Other,
}

impl System {
    pub fn name(self) -> &'static str {
        match self {
            System::Posix => "posix",
            System::Windows => "windows",
            System::Other => "other",
        }
    }

    /// Shares of a host, where a configuration does not say how many: one, where all leases would get the same directory.
    pub fn shares(self, path: Option<&str>) -> Option<u32> {
        (self != System::Posix && path.is_some()).then_some(1)
    }

    /// What is wrong with the path and the shares of such a host, in a sentence that names the keys. A schema says the same
    /// with [`rules`](System::rules), but shorter.
    pub fn check(self, path: Option<&str>, shares: Option<u32>) -> Result<(), String> {
        let Some(path) = path else { return Ok(()) };
        let drive =
            path.strip_prefix(|first: char| first.is_ascii_alphabetic()).is_some_and(|rest| rest.starts_with(r":\"));
        match self {
            System::Posix if !path.starts_with('/') => Err(format!(
                "its `path`, {path}, is none of a POSIX system, which begins with /: correct it or its `platform`"
            )),
            System::Windows if !drive => Err(format!(
                r"its `path`, {path}, is none of Windows, which begins with a drive, as C:\ does: correct it or its `platform`"
            )),
            System::Windows if shares.is_some_and(|shares| shares > 1) => Err(
                "its `shares` can only be 1: no directory can be made for each lease on Windows, so one lease at a time \
                 gets `path` itself"
                    .to_owned(),
            ),
            System::Other => Err("its `path` can't be given: there is no path that its `platform` is known to have".to_owned()),
            System::Posix | System::Windows => Ok(()),
        }
    }

    /// The same of an object with the keys `platform`, `path` and `shares`, as members of its schema's `allOf`.
    pub fn rules() -> Vec<Value> {
        let platform =
            |names: &[&str]| json!({ "properties": { "platform": { "enum": names } }, "required": ["platform"] });
        vec![
            json!({ "if": platform(&["windows", "other"]), "else": { "properties": { "path": { "pattern": POSIX } } } }),
            json!({
                "if": platform(&["windows"]),
                "then": {
                    "properties": { "path": { "if": { "pattern": WINDOWS }, "else": false } },
                    "dependentSchemas": { "path": { "properties": { "shares": { "maximum": 1 } } } }
                }
            }),
            json!({ "if": platform(&["other"]), "then": { "properties": { "path": false } } }),
        ]
    }
}

impl From<System> for Platform {
    fn from(system: System) -> Platform {
        match system {
            System::Posix => Platform::Posix,
            System::Windows => Platform::Windows,
            System::Other => Platform::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_of_its_platform() {
        for (system, path, shares) in [
            (System::Posix, "/srv/x", Some(9)),
            (System::Windows, r"C:\work", None),
            (System::Windows, r"d:\", Some(1)),
        ] {
            assert_eq!(system.check(Some(path), shares), Ok(()));
        }
        for (system, path, shares, part) in [
            (System::Posix, r"C:\work", None, r"its `path`, C:\work, is none of a POSIX system"),
            (System::Windows, "/srv", None, "its `path`, /srv, is none of Windows"),
            (System::Windows, "C:/work", None, "is none of Windows"),
            (System::Windows, r"é:\x", None, "is none of Windows"),
            (System::Windows, r"C:\x", Some(2), "its `shares` can only be 1"),
            (System::Other, "/srv", None, "its `path` can't be given"),
        ] {
            let why = system.check(Some(path), shares).expect_err(part);
            assert!(why.contains(part), "{why}");
        }
        for system in [System::Posix, System::Windows, System::Other] {
            assert_eq!(system.check(None, Some(7)), Ok(()));
        }
    }
}
