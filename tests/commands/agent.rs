//! Keys that an SSH agent keeps.

use super::sshd::{Sshd, wait_for};
use super::{assert_printed, assert_says, command, credential, on};
use drydock_runtime::commands::{CommandError, Runner};
use drydock_runtime::credentials::{Credentials, KeyAgent, PublicKey, SshKey};
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

struct Agent {
    socket: PathBuf,
    process: Child,
}

impl Agent {
    fn start(sshd: &Sshd) -> Agent {
        let socket = sshd.path("agent");
        let mut agent = Command::new("ssh-agent");
        agent.arg("-D").arg("-a").arg(&socket).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let process = agent.spawn().expect("ssh-agent comes with the SSH client");
        wait_for("the agent listens", || socket.exists());
        Agent { socket, process }
    }

    fn add(&self, arguments: &[&str]) {
        let mut add = Command::new("ssh-add");
        let done =
            add.args(arguments).env("SSH_AUTH_SOCK", &self.socket).stdin(Stdio::null()).output().expect("ssh-add");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn runner(sshd: &Sshd, socket: PathBuf, public_key: PublicKey) -> Runner {
    let agent = KeyAgent { socket: Some(socket), public_key };
    let key = SshKey { private_key: drydock_runtime::credentials::KeyPlace::Agent(agent), ..credential(sshd) };
    Runner::new(Credentials::from([("lab".to_string(), key.into())]))
}

async fn refused(runner: &Runner, sshd: &Sshd) -> String {
    match runner.run(&on(sshd), command(["true"])).await {
        Err(CommandError::Denied(why) | CommandError::Refused(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_agent_signs_with_the_key_that_is_meant() {
    let sshd = Sshd::start();
    let agent = Agent::start(&sshd);
    // Others are in the agent too, and would not be let in.
    for (name, kind) in [("stranger", "ed25519"), ("rsa", "rsa"), ("ecdsa", "ecdsa")] {
        let file = sshd.make_key(name, kind, "");
        agent.add(&["-q", file.to_str().expect("text")]);
    }
    agent.add(&["-q", sshd.private_key().to_str().expect("text")]);
    sshd.authorize("rsa");
    sshd.authorize("ecdsa");
    // The daemon has the public half only.
    for name in ["user", "rsa", "ecdsa"] {
        fs::remove_file(sshd.path(name)).expect("the private half");
        let file = sshd.path(&format!("{name}.pub"));
        let line = fs::read_to_string(&file).expect("the public half").trim().to_string();
        assert_eq!(PublicKey::from(line.clone()), PublicKey::Line(line.clone()));
        for public_key in [PublicKey::File(file), PublicKey::Line(line)] {
            let runner = runner(&sshd, agent.socket.clone(), public_key);
            assert_printed(runner.run(&on(&sshd), command(["echo", name])).await, &format!("{name}\n"));
        }
    }
    let stranger = runner(&sshd, agent.socket.clone(), PublicKey::File(sshd.path("stranger.pub")));
    let why = refused(&stranger, &sshd).await;
    assert_says(&why, &["lab", "authorized_keys", "the agent at", agent.socket.to_str().expect("text")]);
}

#[tokio::test]
async fn an_agent_that_cannot_help_is_named() {
    let sshd = Sshd::start();
    let mut agent = Agent::start(&sshd);
    let public = || PublicKey::File(sshd.path("user.pub"));
    let with = |public_key: PublicKey| runner(&sshd, agent.socket.clone(), public_key);
    let socket = agent.socket.to_str().expect("text").to_string();
    let runner = with(public());
    assert_says(&refused(&runner, &sshd).await, &["lab", &socket, "does not have the key", "SHA256:", "ssh-add"]);
    assert_says(
        &refused(&with(PublicKey::File(sshd.path("nothing"))), &sshd).await,
        &["lab", "nothing", "can't be read"],
    );
    assert_says(&refused(&with(PublicKey::Line("ssh-ed25519 x".into())), &sshd).await, &["lab", "no public key"]);

    // What was added works without a restart.
    agent.add(&["-q", sshd.private_key().to_str().expect("text")]);
    assert_printed(runner.run(&on(&sshd), command(["echo", "in"])).await, "in\n");

    agent.process.kill().expect("killed");
    agent.process.wait().expect("ended");
    let late = self::runner(&sshd, agent.socket.clone(), public());
    assert_says(&refused(&late, &sshd).await, &["lab", &socket, "can't be reached"]);
}
