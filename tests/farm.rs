//! The whole program against a real SSH server: crowds of clients that look for themselves whether they are alone, on a
//! daemon that is left in peace, on one that is killed over and over, and on one around which everything else fails too.

#[path = "fixture/house/mod.rs"]
mod house;
#[path = "fixture/sshd.rs"]
mod sshd;

#[path = "farm/crowd.rs"]
mod crowd;
#[path = "farm/disk.rs"]
mod disk;
#[path = "farm/full.rs"]
mod full;
#[path = "farm/killing.rs"]
mod killing;
#[path = "farm/ledger.rs"]
mod ledger;
#[path = "farm/moments.rs"]
mod moments;
#[path = "farm/storm/mod.rs"]
mod storm;
#[path = "farm/visitor.rs"]
mod visitor;
