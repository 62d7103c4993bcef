//! moto servers, for this crate's tests and for those of the component. They end when the process of the tests does, however
//! that ends.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// Runs the server until the other end of its input is closed.
const WATCHED: &str = r#""$1" -H 127.0.0.1 -p 0 < /dev/null & moto=$!; cat > /dev/null; kill "$moto""#;

pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its input stays open as long as this.
    _process: Child,
}

fn program() -> PathBuf {
    let folders = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let mut made = folders.map(|folder| folder.join("plugins/target/moto/bin/moto_server"));
    let named = std::env::var_os("DRYDOCK_MOTO").map(PathBuf::from);
    let program = named.or_else(|| made.find(|file| file.is_file())).unwrap_or_default();
    assert!(
        program.is_file(),
        "there is no moto server at {:?}. `bash tests/run` installs it; or install plugins/ec2/tests/moto/requirements.txt \
         into a virtual environment, and name its bin/moto_server by DRYDOCK_MOTO",
        program
    );
    program
}

/// That of a server for all tests of this process.
pub fn address() -> SocketAddr {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| start(&[])).address
}

/// Starts one, with further variables, and waits until it listens.
pub fn start(variables: &[(&str, &str)]) -> Server {
    let mut process = Command::new("sh")
        .args(["-c", WATCHED, "sh"])
        .arg(program())
        .envs(variables.iter().copied())
        .env("MOTO_ENABLE_AMI_VALIDATION", "1")
        .env("MOTO_ENABLE_KEYPAIR_VALIDATION", "1")
        .env("MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("sh runs");
    let mut lines = BufReader::new(process.stderr.take().expect("it is piped")).lines().map_while(Result::ok);
    let mut said = String::new();
    let address = lines.by_ref().find_map(|line| {
        said += &format!("{line}\n");
        line.split_once("http://")?.1.trim().parse().ok()
    });
    let address = address.unwrap_or_else(|| panic!("the moto server did not say where it listens:\n{said}"));
    // What it says of each request is read and forgotten, so that it never waits for a reader.
    std::thread::spawn(move || lines.for_each(drop));
    Server { address, _process: process }
}
