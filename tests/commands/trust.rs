//! Who trusts whom over SSH, and what is said when they don't.

use super::sshd::Sshd;
use super::{access, assert_printed, assert_says, command, credential, on, runner};
use drydock_core::contract::{Access, SshAccess};
use drydock_runtime::commands::{CommandError, Output, Runner};
use drydock_runtime::credentials::{Credential, CredentialConfig, Credentials, SshKey};
use std::fs;
use std::process::Command as Process;

fn with(credential: SshKey) -> Runner {
    Runner::new(Credentials::from([("lab".to_string(), credential.into())]))
}

async fn hello(runner: &Runner, sshd: &Sshd) -> Result<Output, CommandError> {
    runner.run(&on(sshd), command(["echo", "hello"])).await
}

async fn refusal(runner: &Runner, sshd: &Sshd) -> String {
    match hello(runner, sshd).await {
        Err(CommandError::Refused(why)) => why,
        other => panic!("expected Refused, got {other:?}"),
    }
}

async fn denial(runner: &Runner, sshd: &Sshd) -> String {
    match hello(runner, sshd).await {
        Err(CommandError::Denied(why)) => why,
        other => panic!("expected Denied, got {other:?}"),
    }
}

/// As ssh-keygen prints it.
fn fingerprint(sshd: &Sshd, name: &str) -> String {
    let printed = Process::new("ssh-keygen").arg("-lf").arg(sshd.path(name)).output().expect("ssh-keygen");
    let line = String::from_utf8(printed.stdout).expect("text");
    line.split_whitespace().nth(1).expect("a fingerprint").to_string()
}

#[tokio::test]
async fn a_wrong_key_is_refused_and_a_corrected_one_works_without_restart() {
    let sshd = Sshd::start();
    let private_key = sshd.make_key("stranger", "ed25519", "");
    let runner = with(SshKey { private_key: private_key.clone().into(), ..credential(&sshd) });
    let why = refusal(&runner, &sshd).await;
    let place = format!("{}@127.0.0.1:{}", Sshd::user(), sshd.port);
    assert_says(&why, &[&place, "lab", "stranger", &fingerprint(&sshd, "stranger"), "authorized_keys"]);
    let secret = fs::read_to_string(&private_key).expect("key");
    assert!(!why.contains(secret.lines().nth(1).expect("a line of the key")));

    fs::copy(sshd.private_key(), &private_key).expect("the right key");
    assert_printed(hello(&runner, &sshd).await, "hello\n");
}

#[tokio::test]
async fn a_key_that_cannot_be_used_is_named() {
    let sshd = Sshd::start();
    let missing = sshd.path("no-such-key");
    let runner = with(SshKey { private_key: missing.clone().into(), ..credential(&sshd) });
    assert_says(&denial(&runner, &sshd).await, &["lab", missing.to_str().expect("text"), "No such file"]);

    let public = with(SshKey { private_key: sshd.path("user.pub").into(), ..credential(&sshd) });
    assert_says(&denial(&public, &sshd).await, &["lab", "user.pub", "private half"]);

    let unset = "DRYDOCK_TEST_NO_SUCH_VARIABLE".to_string();
    let locked = with(SshKey { passphrase_env: Some(unset.clone()), ..credential(&sshd) });
    assert_says(&denial(&locked, &sshd).await, &["lab", &unset]);

    let private_key = sshd.make_key("locked", "ed25519", env!("CARGO_PKG_NAME"));
    sshd.authorize("locked");
    // Cargo sets these two for every test.
    let passphrase = |variable: &str| {
        let passphrase_env = Some(variable.to_string());
        with(SshKey { private_key: private_key.clone().into(), passphrase_env, ..credential(&sshd) })
    };
    assert_printed(hello(&passphrase("CARGO_PKG_NAME"), &sshd).await, "hello\n");
    assert_says(&denial(&passphrase("CARGO_PKG_VERSION"), &sshd).await, &["lab", "locked", "passphrase"]);
}

#[tokio::test]
async fn an_unknown_credential_names_those_that_exist() {
    let sshd = Sshd::start();
    let runner = Runner::new(["lab", "farm"].map(|name| (name.to_string(), credential(&sshd).into())).into());
    let on = Access::Ssh(SshAccess { credential: "lap".into(), ..access(&sshd) });
    match runner.run(&on, command(["true"])).await {
        Err(CommandError::Denied(why)) => assert_says(&why, &["\"lap\"", "farm, lab", "[credentials.lap]"]),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_unknown_host_key_is_refused_with_its_fingerprint() {
    let sshd = Sshd::start();
    let known_hosts = sshd.known_hosts();
    fs::remove_file(&known_hosts).expect("known hosts");
    let runner = runner(&sshd);
    let file = known_hosts.to_str().expect("text");
    let scan = format!("ssh-keyscan -p {} 127.0.0.1 >> {file}", sshd.port);
    let name = format!("[127.0.0.1]:{}", sshd.port);
    let why = refusal(&runner, &sshd).await;
    assert_says(&why, &["not known", &fingerprint(&sshd, "host.pub"), &name, &scan]);

    // What the sentence proposes helps.
    assert!(Process::new("sh").arg("-c").arg(&scan).output().expect("ssh-keyscan").status.success());
    assert_printed(hello(&runner, &sshd).await, "hello\n");
}

#[tokio::test]
async fn a_changed_host_key_is_told_apart_from_an_unknown_one() {
    let mut sshd = Sshd::start();
    let runner = runner(&sshd);
    assert_printed(hello(&runner, &sshd).await, "hello\n");
    let before = fingerprint(&sshd, "host.pub");
    sshd.down();
    sshd.change_host_key();
    sshd.up();
    let why = refusal(&runner, &sshd).await;
    assert_says(&why, &["another host key", "line 1", &before, &fingerprint(&sshd, "host.pub"), "ssh-keygen -R"]);

    let proposed = why.split("if the new key is right: ").nth(1).expect("a proposal");
    assert!(Process::new("sh").arg("-c").arg(proposed).output().expect("sh").status.success(), "{proposed}");
    assert_printed(hello(&runner, &sshd).await, "hello\n");
}

#[tokio::test]
async fn a_key_of_another_kind_than_the_known_one_is_a_change() {
    let sshd = Sshd::start();
    sshd.make_key("other", "ecdsa", "");
    let other = fs::read_to_string(sshd.path("other.pub")).expect("key");
    fs::write(sshd.known_hosts(), format!("# mine\n\n[127.0.0.1]:{} {other}", sshd.port)).expect("known hosts");
    assert_says(&refusal(&runner(&sshd), &sshd).await, &["another host key", "line 3"]);
}

#[tokio::test]
async fn the_known_kind_of_key_is_asked_for() {
    let sshd_key = |sshd: &Sshd, name: &str| fs::read_to_string(sshd.path(name)).expect("key");
    for kind in ["ecdsa", "rsa"] {
        let mut sshd = Sshd::start();
        sshd.down();
        let second = sshd.make_key("second", kind, "");
        sshd.add_option(&format!("HostKey={}", second.display()));
        sshd.up();
        fs::write(sshd.known_hosts(), format!("[127.0.0.1]:{} {}", sshd.port, sshd_key(&sshd, "second.pub")))
            .expect("known hosts");
        assert_printed(hello(&runner(&sshd), &sshd).await, "hello\n");
    }
}

#[tokio::test]
async fn hashed_and_revoked_lines_are_understood() {
    let sshd = Sshd::start();
    let file = sshd.known_hosts();
    let hashed = Process::new("ssh-keygen").arg("-Hf").arg(&file).output().expect("ssh-keygen");
    assert!(hashed.status.success());
    let line = fs::read_to_string(&file).expect("known hosts");
    assert!(line.starts_with("|1|") && !line.contains("127.0.0.1"), "{line}");
    assert_printed(hello(&runner(&sshd), &sshd).await, "hello\n");

    let key = fs::read_to_string(sshd.path("host.pub")).expect("key");
    fs::write(&file, format!("{line}@revoked * {key}")).expect("known hosts");
    assert_says(&refusal(&runner(&sshd), &sshd).await, &["revoked", "line 2"]);
}

#[tokio::test]
async fn checking_can_be_switched_off() {
    let sshd = Sshd::start();
    fs::write(sshd.known_hosts(), "").expect("known hosts");
    let runner = with(SshKey { check_host_key: false, ..credential(&sshd) });
    assert_printed(hello(&runner, &sshd).await, "hello\n");
}

#[test]
fn a_credential_is_a_table_of_the_configuration() {
    let ssh = |text: &str| {
        let config: CredentialConfig = toml::from_str(text).expect("keys that there are");
        match config.check().expect("keys that fit") {
            Credential::Ssh(key) => key,
            other => panic!("not a key for SSH, but {other:?}"),
        }
    };
    let full =
        ssh("kind = 'ssh'\nprivate_key = '/k'\npassphrase_env = 'P'\nknown_hosts = '/h'\ncheck_host_key = false\n");
    assert_eq!(full.passphrase_env.as_deref(), Some("P"));
    assert!(!full.check_host_key);
    let short = ssh("private_key = '/k'");
    assert_eq!((&short.passphrase_env, &short.known_hosts, short.check_host_key), (&None, &None, true));
    let home = std::env::home_dir().expect("a home");
    assert_eq!(short.known_hosts_file(), home.join(".ssh/known_hosts"));
    assert_eq!(ssh("private_key = '~/k~'").private_key_file(), Some(home.join("k~")));
    let missing = toml::from_str::<CredentialConfig>("known_hosts = '/h'").expect("keys that there are").check();
    assert_says(&missing.expect_err("no key"), &["\"ssh\"", "needs the key private_key"]);
    let error = toml::from_str::<CredentialConfig>("private_key = '/k'\nprivate_keys = '/l'").expect_err("unknown key");
    assert_says(&error.to_string(), &["private_keys"]);
}
