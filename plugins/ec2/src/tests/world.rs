//! The outside of the plugin's tests, and a host that calls the steps until they are done.

use super::proxy::{Proxy, between};
use super::wire::Message;
use crate::Ec2;
use crate::attributes::Attributes;
use drydock_sdk::commands::{Command, Error, Exit, Output};
use drydock_sdk::serde_json::{self, Value, json};
use drydock_sdk::{Access, Blueprint, Context, Failure, Plugin, Progress, Resource, fake, http};
use std::cell::RefCell;
use std::sync::Arc;

pub const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG1KIu46/pmRKDs0y1iyn81kQ7b6H77l4zaOyxbXm2SY";
pub const IMAGE: &str = "ami-12c6146b";

/// EC2 through the proxy, and instances whose commands end well.
pub struct World {
    pub proxy: Arc<Proxy>,
    /// What comes of the next commands.
    pub commands: Vec<Result<i32, Error>>,
    /// What was run, and where.
    pub ran: Vec<String>,
    pub key: Result<String, String>,
}

impl World {
    pub fn new(proxy: &Arc<Proxy>) -> World {
        World { proxy: proxy.clone(), commands: Vec::new(), ran: Vec::new(), key: Ok(KEY.to_owned()) }
    }
}

impl fake::Outside for World {
    fn run(&mut self, on: &Access, command: &Command) -> Result<Output, Error> {
        let Access::Ssh(ssh) = on else { panic!("an instance is reached by SSH, and not by {on:?}") };
        self.ran.push(format!("{}@{}:{} {}", ssh.user, ssh.host, ssh.port, command.argv.join(" ")));
        let code = if self.commands.is_empty() { 0 } else { self.commands.remove(0)? };
        let stderr = if code == 0 { "" } else { "System is booting up." };
        Ok(Output { exit: Exit::Code(code), stdout: vec![], stderr: stderr.into(), truncated: false })
    }

    fn send(&mut self, request: &http::Request) -> Result<http::Response, http::Error> {
        assert_eq!(request.aws, Some(("eu-central-1".to_owned(), "ec2".to_owned())));
        let mut message = Message::new(format!("{} / HTTP/1.1", request.method), request.body.clone())
            .header("x-signed-with", request.credential.as_deref().unwrap_or_default());
        message.headers.extend(request.headers.clone());
        let answer =
            message.exchange(self.proxy.address).map_err(|error| http::Error::Unreachable(error.to_string()))?;
        Ok(http::Response { status: answer.status(), headers: answer.headers.clone(), body: answer.body })
    }

    fn public_key(&mut self, name: &str) -> Result<String, String> {
        assert_eq!(name, "instances");
        self.key.clone()
    }
}

/// What a configuration has beside what each must have.
pub fn blueprint(proxy: &Proxy, more: Value) -> Blueprint<Ec2> {
    let mut config = json!({
        "region": "eu-central-1",
        "endpoint": format!("http://{}", proxy.address),
        "credential": "cloud",
        "image": IMAGE,
        "instance_type": "t3.micro",
        "key": "instances",
        "user": "admin",
    });
    let all = config.as_object_mut().expect("an object");
    all.extend(more.as_object().expect("an object").clone());
    fake::blueprint(config)
}

/// A step of the plugin.
type Step = fn(&Context, &Blueprint<Ec2>, &Resource<Ec2>) -> Result<Progress, Failure>;

/// A resource as the host keeps it: what steps answer is saved.
pub struct Kept(RefCell<Resource<Ec2>>);

impl Kept {
    pub fn new(b: &Blueprint<Ec2>, id: &str) -> Kept {
        Kept(RefCell::new(fake::resource(id, Attributes::from(&b.config))))
    }

    pub fn forget(&self, b: &Blueprint<Ec2>) {
        let id = self.0.borrow().id.clone();
        *self.0.borrow_mut() = fake::resource(&id, Attributes::from(&b.config));
    }

    pub fn resource(&self) -> std::cell::Ref<'_, Resource<Ec2>> {
        self.0.borrow()
    }

    pub fn attributes(&self) -> Attributes {
        self.0.borrow().attributes.clone()
    }

    /// One call.
    pub fn call(&self, b: &Blueprint<Ec2>, step: Step) -> Result<Progress, Failure> {
        let progress = step(&fake::context("key"), b, &self.0.borrow())?;
        let mut on = self.0.borrow_mut();
        if let Some(saved) = progress.saved() {
            on.state = Some(saved.to_string());
        }
        if let Some(added) = progress.added() {
            let mut all = serde_json::to_value(&on.attributes).expect("attributes are JSON");
            let all = all.as_object_mut().expect("an object");
            for (key, value) in added.as_object().expect("an object") {
                let before = all.insert(key.clone(), value.clone());
                assert_eq!(before, None, "{key} was promised");
            }
            on.attributes = serde_json::from_value(Value::Object(all.clone())).expect("attributes");
        }
        Ok(progress)
    }

    /// Calls until it is done or has failed.
    fn step(&self, b: &Blueprint<Ec2>, step: Step) -> Result<(), Failure> {
        for _ in 0..100 {
            if self.call(b, step)?.is_done() {
                return Ok(());
            }
        }
        panic!("a step is not done after a hundred calls: {:?}", self.0.borrow().state)
    }

    /// What is saved of it.
    pub fn saved(&self) -> Value {
        self.0.borrow().state.as_deref().map_or(Value::Null, |state| serde_json::from_str(state).expect("it is JSON"))
    }

    /// Calls `open` until it is at that stage.
    pub fn open_to(&self, b: &Blueprint<Ec2>, stage: &str) {
        for _ in 0..100 {
            if self.saved()["stage"] == stage {
                return;
            }
            self.call(b, Ec2::open).expect("on its way");
        }
        panic!("it does not come to {stage}: {}", self.saved());
    }

    /// Calls `open` until an instance was asked for, whatever came of that.
    pub fn open_to_launch(&self, b: &Blueprint<Ec2>, proxy: &Proxy) {
        for _ in 0..100 {
            if asked(proxy, "RunInstances") > 0 {
                return;
            }
            self.call(b, Ec2::open).expect("on its way");
        }
        panic!("no instance is asked for: {}", self.saved());
    }

    pub fn open(&self, b: &Blueprint<Ec2>) -> Result<(), Failure> {
        self.step(b, Ec2::open)
    }

    pub fn close(&self, b: &Blueprint<Ec2>) -> Result<(), Failure> {
        self.step(b, Ec2::close)
    }
}

/// What there is in the account, whoever made it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Existing {
    pub instances: usize,
    pub addresses: usize,
    pub spot_requests: usize,
}

impl Existing {
    pub fn of(proxy: &Proxy) -> Existing {
        let alive = "Filter.1.Name=instance-state-name&Filter.1.Value.1=pending&Filter.1.Value.2=running";
        let instances = between(&proxy.moto("DescribeInstances", alive), "instanceId").len();
        let addresses = between(&proxy.moto("DescribeAddresses", ""), "allocationId").len();
        let spot = &proxy.state().spot.0;
        let spot_requests = spot.iter().filter(|request| matches!(request.state, "open" | "active")).count();
        Existing { instances, addresses, spot_requests }
    }

    pub fn nothing() -> Existing {
        Existing::default()
    }
}

/// How often an action was asked for.
pub fn asked(proxy: &Proxy, action: &str) -> usize {
    proxy.state().asked.iter().filter(|asked| *asked == action).count()
}
