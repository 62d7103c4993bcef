use super::{Credential, CredentialConfig};

fn read(text: &str) -> Result<Credential, String> {
    toml::from_str::<CredentialConfig>(text).unwrap_or_else(|error| panic!("{text}: {error}")).check()
}

#[test]
fn every_kind_is_made_of_its_keys() {
    for (kind, text) in [
        ("ssh", "private_key = '/k'"),
        ("ssh", "agent = true\npublic_key = '/k.pub'"),
        ("ssh", "agent = '/run/agent'\npublic_key = 'ssh-ed25519 AAAA me'"),
        ("secret", "kind = 'secret'\nvalue_env = 'V'"),
        ("bearer", "kind = 'bearer'\nhosts = ['a.example']\nvalue_file = '/v'"),
        ("header", "kind = 'header'\nhosts = ['*.a.example:8443']\nheader = 'X-Token'\nvalue_env = 'V'"),
        ("query", "kind = 'query'\nhosts = ['http://a.example']\nparameter = 'key'\nvalue_env = 'V'"),
        ("form", "kind = 'form'\nhosts = ['a.example']\nparameter = 'key'\nvalue_env = 'V'"),
        ("basic", "kind = 'basic'\nhosts = ['a.example']\nuser = 'u'\nvalue_env = 'V'"),
        ("aws", "kind = 'aws'\nhosts = ['*.amazonaws.com']\naccess_key_env = 'A'\nsecret_key_file = '/s'"),
        ("aws", "kind = 'aws'\nhosts = ['*.amazonaws.com']\ninstance_role = true\nregion = 'eu-central-1'"),
    ] {
        let credential = read(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(credential.kind(), kind);
        assert_eq!(credential.hosts().is_empty(), ["ssh", "secret"].contains(&kind));
    }
}

#[test]
fn what_is_wrong_is_said_with_the_key() {
    for (text, says) in [
        ("kind = 'bearer'\nhosts = ['a']", "needs value_env or value_file"),
        ("kind = 'bearer'\nvalue_env = 'V'", "needs hosts"),
        ("kind = 'bearer'\nvalue_env = 'V'\nhosts = ['*']", "is everybody"),
        ("kind = 'bearer'\nvalue_env = 'V'\nhosts = ['a/b']", "is no host"),
        ("kind = 'bearer'\nvalue_env = 'V'\nvalue_file = '/v'\nhosts = ['a']", "two places"),
        ("kind = 'bearer'\nvalue_env = ''\nhosts = ['a']", "value_env"),
        ("kind = 'bearer'\nvalue_env = 'V'\nhosts = ['a']\nuser = 'u'", "has no key user; it has: hosts"),
        ("kind = 'header'\nvalue_env = 'V'\nhosts = ['a']", "needs the key header"),
        ("kind = 'header'\nvalue_env = 'V'\nhosts = ['a']\nheader = 'Host'", "set by Drydock itself"),
        ("kind = 'header'\nvalue_env = 'V'\nhosts = ['a']\nheader = 'a b'", "no name of a header"),
        ("kind = 'query'\nvalue_env = 'V'\nhosts = ['a']", "needs the key parameter"),
        ("kind = 'basic'\nvalue_env = 'V'\nhosts = ['a']\nuser = 'a:b'", "user"),
        ("kind = 'aws'\nhosts = ['a']\naccess_key_env = 'A'", "secret_key_env"),
        ("kind = 'aws'\nhosts = ['a']\naccess_key_env = 'A'\ninstance_role = true", "take the other keys out"),
        ("kind = 'aws'\nhosts = ['a']\ninstance_role = true\nendpoint = 'https://a'", "metadata service"),
        ("kind = 'aws'\nhosts = ['a']\ninstance_role = true\nregion = 'A B'", "region"),
        ("kind = 'secret'\nvalue_env = 'V'\nhosts = ['a']", "has no key hosts"),
        ("value_env = 'V'", "has no key value_env"),
        ("passphrase_env = 'P'", "needs the key private_key"),
        ("agent = false", "needs the key private_key"),
        ("agent = true", "needs public_key"),
        ("agent = true\nprivate_key = '/k'", "two places"),
        ("private_key = '/k'\npublic_key = '/k.pub'", "add agent"),
        ("agent = true\npublic_key = '/k.pub'\npassphrase_env = 'P'", "passphrase_env"),
    ] {
        let problem = read(text).expect_err(text);
        assert!(problem.contains(says), "{text}: {problem}");
    }
}
