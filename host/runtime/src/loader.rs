//! From bytes to plugins.

use crate::bindings::{self, PluginPre};
use crate::cache::Cache;
use crate::call::Call;
use crate::commands::Runner;
use crate::component::Component;
use crate::engine::new_engine;
use crate::http::HttpClient;
use crate::inspect::inspect;
use crate::limits::Limits;
use crate::sandbox::Sandbox;
use crate::translate::escaped;
use drydock_core::plugin::{Fault, Plugin};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use wasmtime::component::{HasSelf, Linker, Resource};
use wasmtime::{Engine, StoreContextMut};

/// Loads plugins. All that one loader loads share an engine; a program needs one.
pub struct Loader {
    engine: Engine,
    linker: Arc<Linker<Call>>,
    sandbox: Arc<Sandbox>,
    /// By digest. A lock for each, so that the same bytes are compiled once and others don't wait for them.
    loaded: Mutex<HashMap<String, Entry>>,
    cache: Option<Cache>,
    compiled: Arc<AtomicU64>,
}

type Entry = Arc<tokio::sync::Mutex<Weak<Component>>>;

/// Why a file can't be used as a plugin. Its text is a sentence for the person who must act.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file is no plugin for this host; found before anything was compiled.
    #[error("{0}")]
    NotAPlugin(String),
    /// It looks like one, but does not compile or link.
    #[error("{name} can't be compiled: {reason}. Build it again, against this Drydock's wit/")]
    Compile { name: String, reason: String },
    /// It compiles, but does not describe itself as the contract says.
    #[error("{name} can't be used: {fault}. Its author has to mend that")]
    Describe { name: String, fault: Fault },
}

/// Why there is no loader.
#[derive(Debug, thiserror::Error)]
#[error("WebAssembly can't be run on this machine: {0}")]
pub struct LoaderError(String);

impl From<wasmtime::Error> for LoaderError {
    fn from(error: wasmtime::Error) -> LoaderError {
        LoaderError(format!("{error:#}"))
    }
}

impl Loader {
    /// With the default limits, and nothing kept.
    pub fn new(runner: Arc<Runner>) -> Result<Loader, LoaderError> {
        Loader::with_limits(runner, Limits::default())
    }

    pub fn with_limits(runner: Arc<Runner>, limits: Limits) -> Result<Loader, LoaderError> {
        let http = Arc::new(HttpClient::new(runner.credentials().clone()));
        Loader::with_http(runner, http, limits)
    }

    /// What guests send by HTTP goes by way of this client.
    pub fn with_http(runner: Arc<Runner>, http: Arc<HttpClient>, limits: Limits) -> Result<Loader, LoaderError> {
        let engine = new_engine()?;
        let linker = Arc::new(link(&engine)?);
        let sandbox = Arc::new(Sandbox::new(engine.clone(), runner, http, limits));
        Ok(Loader { engine, linker, sandbox, loaded: Mutex::default(), cache: None, compiled: Arc::default() })
    }

    /// Keeps what it compiles, and does not compile what is kept there.
    pub fn with_cache(self, cache: Cache) -> Loader {
        Loader { cache: Some(cache), ..self }
    }

    /// How many components were compiled, and not found in the cache.
    pub fn compiled(&self) -> u64 {
        self.compiled.load(Ordering::Relaxed)
    }

    /// Compiles the component in `bytes` and asks it to describe itself. `name` is what errors call it: the file's name.
    /// The same bytes, loaded again while the first plugin is in use, give that one.
    pub async fn load(&self, name: &str, bytes: &[u8]) -> Result<Arc<dyn Plugin>, LoadError> {
        let digest = hex(&Sha256::digest(bytes));
        let entry = {
            let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
            loaded.entry(digest.clone()).or_default().clone()
        };
        let mut entry = entry.lock().await;
        if let Some(component) = entry.upgrade() {
            return Ok(component);
        }
        let instance = self.compile(name, bytes, &digest).await?;
        let component = Component::describe(self.sandbox.clone(), instance, digest)
            .await
            .map_err(|fault| LoadError::Describe { name: name.to_owned(), fault })?;
        let component = Arc::new(component);
        *entry = Arc::downgrade(&component);
        Ok(component)
    }

    /// Compiling takes from a tenth of a second to several seconds: not on the threads that serve everybody.
    async fn compile(&self, name: &str, bytes: &[u8], digest: &str) -> Result<PluginPre<Call>, LoadError> {
        let (engine, linker) = (self.engine.clone(), self.linker.clone());
        let (name, bytes, digest) = (name.to_owned(), bytes.to_vec(), digest.to_owned());
        let (cache, compiled) = (self.cache.clone(), Arc::clone(&self.compiled));
        let failed = |name: &str, reason: String| LoadError::Compile { name: name.to_owned(), reason };
        let task = {
            let name = name.clone();
            move || {
                inspect(&name, &bytes).map_err(LoadError::NotAPlugin)?;
                let kept = cache.as_ref().and_then(|cache| cache.load(&engine, &digest));
                let component = match kept {
                    Some(component) => component,
                    None => {
                        let component = wasmtime::component::Component::from_binary(&engine, &bytes)
                            .map_err(|error| failed(&name, format!("{error:#}")))?;
                        compiled.fetch_add(1, Ordering::Relaxed);
                        if let Some(cache) = &cache {
                            cache.keep(&engine, &digest, &component);
                        }
                        component
                    }
                };
                let linked = linker.instantiate_pre(&component).map_err(|error| failed(&name, format!("{error:#}")))?;
                PluginPre::new(linked).map_err(|error| failed(&name, format!("{error:#}")))
            }
        };
        tokio::task::spawn_blocking(task).await.unwrap_or_else(|error| Err(failed(&name, error.to_string())))
    }
}

/// As wasmtime names it.
const IO_ERROR: &str = "wasi:io/error@0.2.12";

/// Bytes that a guest is told of one error of a stream.
const ERROR_TEXT: usize = 1 << 10;

/// What guests can be linked with: [`inspect`] names what is missing here.
fn link(engine: &Engine) -> wasmtime::Result<Linker<Call>> {
    use wasmtime_wasi::WasiView as _;
    use wasmtime_wasi::cli::{WasiCli, WasiCliView as _};
    use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemView as _};
    use wasmtime_wasi::p2::bindings::{cli, filesystem, random};
    use wasmtime_wasi::random::WasiRandom;

    let mut linker = Linker::<Call>::new(engine);
    let l = &mut linker;
    bindings::types::add_to_linker::<_, HasSelf<Call>>(l, |call| call)?;
    bindings::log::add_to_linker::<_, HasSelf<Call>>(l, |call| call)?;
    bindings::view::add_to_linker::<_, HasSelf<Call>>(l, |call| call)?;
    bindings::commands::add_to_linker::<_, HasSelf<Call>>(l, |call| call)?;
    bindings::jobs::add_to_linker::<_, HasSelf<Call>>(l, |call| call)?;
    bindings::files::add_to_linker::<_, HasSelf<Call>>(l, |call| call)?;
    bindings::credentials::add_to_linker::<_, HasSelf<Call>>(l, |call| call)?;
    bindings::leases::add_to_linker::<_, HasSelf<Call>>(l, |call| call)?;

    wasmtime_wasi_http::p2::add_only_http_to_linker_async(l)?;

    // Clocks, `wasi:io`, `wasi:random/random` and the standard streams.
    wasmtime_wasi::p2::add_to_linker_proxy_interfaces_async(l)?;
    // What it says of an error by itself may have a backtrace of the host in it.
    l.allow_shadowing(true);
    l.instance(IO_ERROR)?.func_wrap(
        "[method]error.to-debug-string",
        |store: StoreContextMut<'_, Call>, (error,): (Resource<wasmtime::Error>,)| {
            Ok((escaped(&format!("{:#}", store.data().table.get(&error)?), ERROR_TEXT),))
        },
    )?;
    l.allow_shadowing(false);
    random::insecure::add_to_linker::<_, WasiRandom>(l, |call| call.ctx().ctx.random())?;
    random::insecure_seed::add_to_linker::<_, WasiRandom>(l, |call| call.ctx().ctx.random())?;
    cli::exit::add_to_linker::<_, WasiCli>(l, Call::cli)?;
    cli::environment::add_to_linker::<_, WasiCli>(l, Call::cli)?;
    cli::terminal_input::add_to_linker::<_, WasiCli>(l, Call::cli)?;
    cli::terminal_output::add_to_linker::<_, WasiCli>(l, Call::cli)?;
    cli::terminal_stdin::add_to_linker::<_, WasiCli>(l, Call::cli)?;
    cli::terminal_stdout::add_to_linker::<_, WasiCli>(l, Call::cli)?;
    cli::terminal_stderr::add_to_linker::<_, WasiCli>(l, Call::cli)?;
    filesystem::preopens::add_to_linker::<_, WasiFilesystem>(l, Call::filesystem)?;
    filesystem::types::add_to_linker::<_, WasiFilesystem>(l, Call::filesystem)?;
    Ok(linker)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::Loader;
    use crate::commands::Runner;
    use crate::credentials::Credentials;
    use crate::inspect::tests::{LIFECYCLE, PLANNING, component};
    use std::sync::Arc;

    /// Its interfaces have the right names, and nothing in them.
    #[tokio::test]
    async fn a_component_with_other_functions_is_refused_by_name() {
        let loader = Loader::new(Arc::new(Runner::new(Credentials::default()))).unwrap();
        let hollow = component(&[], &[PLANNING, LIFECYCLE]);
        let error = loader.load("hollow.wasm", &hollow).await.err().unwrap().to_string();
        for part in ["hollow.wasm can't be compiled", "drydock:blueprint", "against this Drydock's wit/"] {
            assert!(error.contains(part), "{part:?} is not in {error:?}");
        }
    }
}
