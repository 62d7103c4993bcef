//! Whether a host is the one that it says, by a known_hosts file of OpenSSH.

use super::super::error::{CommandError, printable};
use super::super::quote::readable_word;
use super::Target;
use crate::credentials::SshKey;
use hmac::{Hmac, KeyInit, Mac};
use russh::keys::ssh_key::known_hosts::{Entry, HostPatterns, Marker};
use russh::keys::{Algorithm, HashAlg, PublicKey};
use sha1::Sha1;
use std::io::ErrorKind;
use std::path::PathBuf;

const SSH_PORT: u16 = 22;

/// What a known_hosts file says of one host.
#[derive(Clone, Debug)]
pub struct KnownHost {
    /// As the file writes it: `host`, or `[host]:port` for a port other than 22.
    name: String,
    file: PathBuf,
    /// With their lines, from 1.
    keys: Vec<(usize, PublicKey)>,
    revoked: Vec<(usize, PublicKey)>,
    /// Keys of the host under its bare name, where the port is not 22: they identify it too, but other keys there do not
    /// speak against it.
    elsewhere: Vec<PublicKey>,
}

impl KnownHost {
    pub async fn read(target: &Target, credential: &SshKey) -> Result<KnownHost, CommandError> {
        let file = credential.known_hosts_file();
        let text = match tokio::fs::read(&file).await {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            Err(error) => {
                return Err(CommandError::Denied(format!(
                    "credential {}: the known hosts in {} can't be read: {error}; make the file readable for the \
                     daemon's user",
                    target.credential,
                    file.display()
                )));
            }
        };
        Ok(KnownHost::parse(&target.host, target.port, file, &text))
    }

    fn parse(host: &str, port: u16, file: PathBuf, text: &str) -> KnownHost {
        let bare = host.to_lowercase();
        let name = if port == SSH_PORT { bare.clone() } else { format!("[{bare}]:{port}") };
        let mut known = KnownHost { name, file, keys: vec![], revoked: vec![], elsewhere: vec![] };
        for (index, line) in text.lines().enumerate() {
            // Fields may be parted by several blanks, which the parser does not expect.
            let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let Ok(entry) = line.parse::<Entry>() else { continue };
            let key = entry.public_key().clone();
            let matches = is_match(entry.host_patterns(), &known.name);
            match entry.marker() {
                Some(Marker::CertAuthority) => {}
                Some(Marker::Revoked) if matches || is_match(entry.host_patterns(), &bare) => {
                    known.revoked.push((index + 1, key));
                }
                Some(Marker::Revoked) => {}
                None if matches => known.keys.push((index + 1, key)),
                None if is_match(entry.host_patterns(), &bare) => known.elsewhere.push(key),
                None => {}
            }
        }
        known
    }

    /// The algorithms to ask for, in this order: those that the host is known by first, so that it shows that key.
    pub fn prefer(&self, algorithms: &[Algorithm]) -> Vec<Algorithm> {
        let is_known = |algorithm: &Algorithm| {
            let mut keys = self.keys.iter().map(|(_, key)| key).chain(&self.elsewhere);
            keys.any(|key| {
                key.algorithm() == *algorithm
                    || (key.algorithm().is_rsa() && matches!(algorithm, Algorithm::Rsa { .. }))
            })
        };
        let (mut first, others): (Vec<_>, Vec<_>) = algorithms.iter().cloned().partition(is_known);
        first.extend(others);
        first
    }

    pub fn check(&self, shown: &PublicKey, target: &Target) -> Result<(), CommandError> {
        let same = |key: &PublicKey| key.key_data() == shown.key_data();
        let refuse = |why: String| Err(CommandError::Refused(why));
        let file = self.file.display();
        if let Some((line, _)) = self.revoked.iter().find(|(_, key)| same(key)) {
            return refuse(format!(
                "{target} shows a host key that is revoked, {}: line {line} of {file}; do not use the host before its \
                 owner has given it a new key",
                describe(shown)
            ));
        }
        if self.keys.iter().any(|(_, key)| same(key)) || (self.keys.is_empty() && self.elsewhere.iter().any(same)) {
            return Ok(());
        }
        let add = self.keyscan(target);
        if let Some((line, key)) = self.keys.first() {
            return refuse(format!(
                "{target} shows another host key than the known one: {}, where line {line} of {file} has {}. Either \
                 somebody sits in between, or the host was set up anew. Ask its owner; if the new key is right: \
                 ssh-keygen -R {} -f {} && {add}",
                describe(shown),
                describe(key),
                readable_word(&self.name),
                self.file_word()
            ));
        }
        refuse(format!(
            "the host key of {target} is not known: it shows {}, and {file} has no line for {}. Compare this fingerprint \
             with the one that the host's owner names, then add it: {add}",
            describe(shown),
            printable(&self.name)
        ))
    }

    fn keyscan(&self, target: &Target) -> String {
        format!("ssh-keyscan -p {} {} >> {}", target.port, readable_word(&target.host), self.file_word())
    }

    /// The file as a shell takes it.
    fn file_word(&self) -> String {
        readable_word(&self.file.to_string_lossy())
    }
}

fn describe(key: &PublicKey) -> String {
    format!("{} {}", key.algorithm(), key.fingerprint(HashAlg::Sha256))
}

fn is_match(patterns: &HostPatterns, name: &str) -> bool {
    match patterns {
        HostPatterns::HashedName { salt, hash } => Hmac::<Sha1>::new_from_slice(salt)
            .is_ok_and(|digest| digest.chain_update(name.as_bytes()).verify_slice(hash).is_ok()),
        HostPatterns::Patterns(patterns) => {
            let mut found = false;
            for pattern in patterns {
                match pattern.strip_prefix('!') {
                    Some(pattern) if is_glob_match(pattern, name) => return false,
                    Some(_) => {}
                    None => found |= is_glob_match(pattern, name),
                }
            }
            found
        }
    }
}

/// `*` stands for any characters, `?` for one; brackets stand for themselves. Case does not matter.
fn is_glob_match(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.to_lowercase().into_bytes(), name.as_bytes());
    let (mut at, mut in_name) = (0, 0);
    let mut star = None;
    while in_name < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, in_name));
                at += 1;
            }
            Some(&byte) if byte == b'?' || byte == name[in_name] => {
                at += 1;
                in_name += 1;
            }
            _ => match star {
                Some((star_at, taken)) => {
                    star = Some((star_at, taken + 1));
                    at = star_at + 1;
                    in_name = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";

    fn lines_for(host: &str, port: u16, text: &str) -> Vec<usize> {
        let known = KnownHost::parse(host, port, "/hosts".into(), text);
        known.keys.iter().map(|(line, _)| *line).collect()
    }

    #[test]
    fn names_patterns_and_ports_are_told_apart() {
        let text = format!(
            "# comment\n\nlab {KEY}\n[lab]:2222 {KEY} a comment\nother,*.farm,!bad.farm\t {KEY}\nbroken line\n\
             h?st {KEY}\n@cert-authority lab {KEY}\n[*.farm]:* {KEY}\n"
        );
        assert_eq!(lines_for("lab", 22, &text), [3]);
        assert_eq!(lines_for("LAB", 22, &text), [3]);
        assert_eq!(lines_for("lab", 2222, &text), [4]);
        assert_eq!(lines_for("lab", 2223, &text), [0; 0]);
        assert_eq!(lines_for("other", 22, &text), [5]);
        assert_eq!(lines_for("a.b.farm", 22, &text), [5]);
        assert_eq!(lines_for("bad.farm", 22, &text), [0; 0]);
        assert_eq!(lines_for("farm", 22, &text), [0; 0]);
        assert_eq!(lines_for("host", 22, &text), [7]);
        assert_eq!(lines_for("hoost", 22, &text), [0; 0]);
        assert_eq!(lines_for("x.farm", 2222, &text), [9]);
    }

    #[test]
    fn a_key_under_the_bare_name_counts_for_every_port_but_against_none() {
        let target = Target { host: "lab".into(), port: 2222, user: "u".into(), credential: "c".into() };
        let key: PublicKey = KEY.parse().expect("a key");
        let known = KnownHost::parse("lab", 2222, "/hosts".into(), &format!("lab {KEY}"));
        assert_eq!(known.check(&key, &target), Ok(()));

        let other = "AAAAC3NzaC1lZDI1NTE5AAAAILIG2T/B0l0gaqj3puu510tu9N1OkQ4znY3LYuEm5zCF";
        let known = KnownHost::parse("lab", 2222, "/hosts".into(), &format!("lab ssh-ed25519 {other}"));
        let refusal = known.check(&key, &target).expect_err("unknown").to_string();
        assert!(refusal.contains("not known"), "{refusal}");
    }
}
