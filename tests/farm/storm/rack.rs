//! Hosts that fail together: behind one SSH server, on one disk.

use super::schedule::Trouble;
use crate::disk::Disk;
use crate::house::House;
use crate::sshd::Sshd;
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;

/// For the files of leases, which are empty.
const MEGABYTES: u64 = 1;

/// Stands before every command on the rack: `gate FOLDER`. While there is a file `hang` in the folder, commands do not
/// begin, or do not end, as it says.
const GATE: &str = r#"
hang() { while [ -e "$1/hang" ]; do sleep 0.2; done; }
if [ -e "$1/hang" ]; then
    if [ "$(cat "$1/hang")" = after ]; then
        sh -c "$SSH_ORIGINAL_COMMAND"
        code=$?
    else
        code=255
    fi
    hang "$1"
    exit $code
fi
eval "$SSH_ORIGINAL_COMMAND"
"#;

pub struct Rack {
    pub name: String,
    hosts: Vec<String>,
    folder: PathBuf,
    sshd: Sshd,
    disk: Option<Disk>,
    /// Logins when a key was changed that nobody should accept.
    logins: usize,
}

impl Rack {
    /// With some of the house's hosts. Without a disk of its own where none can be mounted.
    pub fn new(house: &House, number: usize, hosts: &[String]) -> Rack {
        let name = format!("rack{number}");
        let folder = house.path(&name);
        let disk = folder.join("disk");
        fs::create_dir_all(&disk).expect("the rack's folder");
        let mounted = Disk::mount(&disk, MEGABYTES);
        for host in hosts {
            fs::create_dir(disk.join(host)).expect("a host's folder");
            fs::remove_dir(house.host_path(host)).expect("a host's folder elsewhere");
            std::os::unix::fs::symlink(disk.join(host), house.host_path(host)).expect("a link to it");
        }
        let gate = folder.join("gate");
        fs::write(&gate, GATE).expect("the gate");
        let force = format!("ForceCommand=sh {} {}", gate.display(), folder.display());
        let sshd = Sshd::start_with(&[&force]);
        Rack { name, hosts: hosts.to_vec(), folder, sshd, disk: mounted.ok(), logins: 0 }
    }

    pub fn has_disk(&self) -> bool {
        self.disk.is_some()
    }

    pub fn has(&self, host: &str) -> bool {
        self.hosts.iter().any(|mine| mine == host)
    }

    pub fn credential(&self) -> Value {
        json!({ "private_key": self.sshd.private_key(), "known_hosts": self.sshd.known_hosts() })
    }

    /// Of the plugin's configuration.
    pub fn hosts(&self, house: &House) -> Vec<Value> {
        let host = |name: &String| {
            json!({ "name": name, "address": "127.0.0.1", "port": self.sshd.port, "user": Sshd::user(),
                "credential": self.name, "path": house.host_path(name) })
        };
        self.hosts.iter().map(host).collect()
    }

    pub fn begin(&mut self, trouble: Trouble) {
        match trouble {
            Trouble::Down => self.sshd.down(),
            Trouble::OtherKey => {
                self.sshd.down();
                self.sshd.move_host_key("host", "right-host");
                self.sshd.change_host_key();
                self.logins = self.logins();
                self.sshd.up();
            }
            Trouble::HangsBefore => fs::write(self.folder.join("hang"), "before").expect("the gate is shut"),
            Trouble::HangsAfter => fs::write(self.folder.join("hang"), "after").expect("the gate is shut"),
            Trouble::FullDisk => self.disk().fill(),
            Trouble::FullStore => unreachable!("the store is on no rack"),
        }
    }

    /// Keeps it up.
    pub fn go_on(&mut self, trouble: Trouble) {
        if trouble == Trouble::FullDisk {
            self.disk().fill();
        }
    }

    pub fn end(&mut self, trouble: Trouble) {
        match trouble {
            Trouble::Down => self.sshd.up(),
            Trouble::OtherKey => {
                self.sshd.down();
                assert_eq!(
                    self.logins(),
                    self.logins,
                    "somebody logs in where another key is shown: {}",
                    self.sshd.log()
                );
                self.sshd.move_host_key("right-host", "host");
                self.sshd.up();
            }
            Trouble::HangsBefore | Trouble::HangsAfter => {
                fs::remove_file(self.folder.join("hang")).expect("the gate is opened");
            }
            Trouble::FullDisk => self.disk().free(),
            Trouble::FullStore => unreachable!("the store is on no rack"),
        }
    }

    /// What still runs on its hosts.
    pub fn processes(&self) -> Vec<u32> {
        self.sshd.started()
    }

    fn disk(&mut self) -> &mut Disk {
        self.disk.as_mut().expect("a disk of its own")
    }

    fn logins(&self) -> usize {
        self.sshd.log().matches("Accepted publickey").count()
    }
}
