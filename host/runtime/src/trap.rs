//! What a call that went wrong is told as.

use crate::call::{Function, OutOfMemory};
use crate::imports::Misuse;
use crate::translate::escaped;
use drydock_core::plugin::Fault;
use std::time::Duration;
use wasmtime::{PoolConcurrencyLimitError, Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

/// The guest used up its processor time.
#[derive(Debug, thiserror::Error)]
#[error("it computed for more than {} ms in one call", limit.as_millis())]
pub(crate) struct OutOfCompute {
    pub(crate) limit: Duration,
}

/// Functions that a trap's sentence names, innermost first.
const FRAMES: usize = 4;

/// Names that say nothing about the plugin: what a language's runtime does once it has given up.
const RUNTIMES: [&str; 8] = ["std::", "core::", "alloc::", "rust_", "__rust", "_R", "abort", "__"];

pub(crate) fn fault(function: Function, error: &wasmtime::Error, printed: &str) -> Fault {
    let name = function.name();
    if let Some(out) = error.downcast_ref::<OutOfCompute>() {
        return Fault::CutOff(format!("in `{name}` {out}{}", place(error)));
    }
    if let Some(out) = error.downcast_ref::<OutOfMemory>() {
        return Fault::Trapped(format!("in `{name}` {out}{}", place(error)));
    }
    if let Some(misuse) = error.downcast_ref::<Misuse>() {
        return Fault::BrokeContract(misuse.to_string());
    }
    if error.downcast_ref::<PoolConcurrencyLimitError>().is_some() {
        return Fault::Host(format!(
            "no instance was free for `{name}`: {}",
            escaped(&error.root_cause().to_string(), 500)
        ));
    }
    if let Some(exit) = error.downcast_ref::<I32Exit>() {
        return Fault::Trapped(format!("in `{name}` it ended itself with exit status {}{}", exit.0, said(printed)));
    }
    let cause = escaped(&error.root_cause().to_string(), 500);
    if error.downcast_ref::<Trap>().is_some() || error.downcast_ref::<WasmBacktrace>().is_some() {
        let place = place(error);
        return Fault::Trapped(format!("in `{name}`: {cause}{place}{}", said(printed)));
    }
    Fault::BrokeContract(format!("what `{name}` answered can't be read: {cause}"))
}

pub(crate) fn out_of_time(function: Function, time: Duration) -> Fault {
    Fault::CutOff(format!("`{}` gave no answer within {} ms", function.name(), time.as_millis()))
}

/// Puts what a guest printed into the log.
pub(crate) fn report(blueprint: &str, function: Function, printed: &str) {
    let function = function.name();
    for line in printed.lines().filter(|line| !line.trim().is_empty()) {
        let line = escaped(line, 1 << 10);
        tracing::info!(target: "drydock::plugin", blueprint, function, "printed: {line}");
    }
}

/// Which functions were running, innermost first.
fn place(error: &wasmtime::Error) -> String {
    let Some(trace) = error.downcast_ref::<WasmBacktrace>() else {
        return String::new();
    };
    let mut names: Vec<String> = Vec::new();
    for frame in trace.frames() {
        let Some(name) = frame.func_name() else { continue };
        let name = escaped(&format!("{:#}", rustc_demangle::demangle(name)), 120);
        if RUNTIMES.iter().all(|prefix| !name.starts_with(prefix)) && names.last() != Some(&name) {
            names.push(name);
        }
        if names.len() == FRAMES {
            break;
        }
    }
    if names.is_empty() { String::new() } else { format!(", in {}", names.join(", called by ")) }
}

/// The last that a guest printed: in most languages the reason why it gave up.
fn said(printed: &str) -> String {
    let start = printed.find("panicked at").unwrap_or(0);
    let text = printed[start..].trim();
    if text.is_empty() { String::new() } else { format!("; it printed \"{}\"", escaped(text, 1000)) }
}
