//! Leases of a host that is known and connected: each has a directory made and removed.

use super::server::{Programs, Server};
use super::{Options, Samples, compare, lab};
use crate::cli::signals::Signals;
use serde_json::json;
use std::path::Path;

pub const NAME: &str = "lease on a warm host over SSH";

const SAMPLES: usize = 200;

pub async fn measure(
    options: &Options,
    programs: &Programs,
    folder: &Path,
    signals: &mut Signals,
) -> anyhow::Result<Samples> {
    let samples = if options.quick { SAMPLES / 20 } else { SAMPLES };
    let folder = folder.join("warm");
    let server = Server::start(programs, &folder)?;
    let (credentials, hosts) = lab(&server, &folder)?;
    let configuration = json!({ "credentials": credentials, "blueprint": [hosts] });
    compare(programs, server, &folder, configuration, "host", samples, signals).await
}
