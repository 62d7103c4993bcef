//! Working copies on machines of a cloud, from a request to nothing left: the configuration of the README, with a moto server
//! for EC2 and one SSH server behind all of its instances.

#[path = "fixture/house/mod.rs"]
mod house;
#[path = "fixture/sshd.rs"]
mod sshd;

#[path = "cloud/box.rs"]
mod boxed;
#[path = "cloud/lookout.rs"]
mod lookout;
#[path = "cloud/moto.rs"]
mod moto;
#[path = "cloud/outage.rs"]
mod outage;
