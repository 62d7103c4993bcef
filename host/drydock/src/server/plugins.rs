//! Finding plugins and checking blueprints against them.

use super::bundled;
use super::nesting::{Nesting, cycle};
use crate::config::{Config, ConfigError, Segment, default_cache};
use crate::exit::{self, Exit};
use crate::sentence::printable;
use drydock_core::config::BlueprintConfig;
use drydock_core::plugin::Plugin;
use drydock_runtime::commands::Runner;
use drydock_runtime::{Cache, HttpClient, Limits, Loader, Schemas, covers};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// Bytes of a component at most.
const LIMIT: u64 = 256 * 1024 * 1024;

/// What the blueprints' plugins are.
#[derive(Default)]
pub struct Loaded {
    /// By the blueprint's name.
    pub plugins: BTreeMap<String, Arc<dyn Plugin>>,
    /// Components by the digest of their plugin.
    pub components: BTreeMap<String, Arc<Vec<u8>>>,
}

/// What was compiled before need not be compiled again. Without a folder for it, every start takes a few seconds more.
pub fn loader(config: &Config, runner: Runner) -> Result<Arc<Loader>, Exit> {
    let mut http = HttpClient::new(config.credentials.clone());
    if let Some(file) = &config.ca_file {
        http = http.with_authorities(file).map_err(|e| Exit::new(exit::INVALID, format!("ca_file: {e}")))?;
    }
    let loader = Loader::with_http(Arc::new(runner), Arc::new(http), Limits::default());
    let loader = loader.map_err(|e| Exit::new(exit::FAILURE, e.to_string()))?;
    let Some(folder) = default_cache() else { return Ok(Arc::new(loader)) };
    Ok(Arc::new(match Cache::open(&folder) {
        Ok(cache) => loader.with_cache(cache),
        Err(why) => {
            tracing::warn!("compiled components are not kept: {why}");
            loader
        }
    }))
}

/// Loads the plugin of every blueprint, each component once, and checks each blueprint's `config` against its schema.
pub async fn load(config: &Config, loader: &Loader) -> Result<Loaded, ConfigError> {
    let mut loaded = Loaded::default();
    let mut known: BTreeMap<&str, Arc<dyn Plugin>> = BTreeMap::new();
    for blueprint in &config.blueprints {
        let plugin = match known.get(blueprint.plugin.as_str()) {
            Some(plugin) => Arc::clone(plugin),
            None => {
                let (name, component) = find(config, blueprint)?;
                let plugin = loader.load(&name, &component).await.map_err(|e| wrong(config, blueprint, "plugin", e))?;
                loaded.components.insert(plugin.digest().to_string(), Arc::new(component.into_owned()));
                known.insert(&blueprint.plugin, Arc::clone(&plugin));
                plugin
            }
        };
        check(config, blueprint, plugin.as_ref())?;
        loaded.plugins.insert(blueprint.name.clone(), plugin);
    }
    no_cycle(config, &loaded)?;
    Ok(loaded)
}

fn no_cycle(config: &Config, loaded: &Loaded) -> Result<(), ConfigError> {
    let of = |blueprint: &BlueprintConfig| {
        let descriptor = loaded.plugins.get(&blueprint.name)?.descriptor();
        Some(Nesting { name: blueprint.name.clone(), kind: &descriptor.kind, may_lease: &descriptor.may_lease })
    };
    let all: Vec<Nesting<'_>> = config.blueprints.iter().filter_map(of).collect();
    let Some(way) = cycle(&all) else { return Ok(()) };
    let Some(first) = config.blueprints.iter().find(|blueprint| way.first() == Some(&blueprint.name)) else {
        return Ok(());
    };
    let problem = format!(
        "what it makes may stand, by way of {}, on more of the same: each could wait for the other for ever; take one of \
         these blueprints out",
        way.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ")
    );
    Err(wrong(config, first, "plugin", problem))
}

fn wrong(config: &Config, blueprint: &BlueprintConfig, key: &str, problem: impl std::fmt::Display) -> ConfigError {
    let mut path = config.blueprint_path(&blueprint.name);
    path.push(Segment::Key(key.into()));
    ConfigError::at(&config.document, &path, problem)
}

/// A plugin's name for messages, and its component.
fn find(config: &Config, blueprint: &BlueprintConfig) -> Result<(String, Cow<'static, [u8]>), ConfigError> {
    let name = &blueprint.plugin;
    let problem = |problem: String| wrong(config, blueprint, "plugin", problem);
    if name.contains('/') || name.ends_with(".wasm") {
        let path = config.document.resolve(name);
        return Ok((path.display().to_string(), Cow::Owned(read(&path).map_err(problem)?)));
    }
    let candidates = || config.plugins.iter().map(|folder| folder.join(format!("{name}.wasm")));
    if let Some(path) = candidates().find(|path| path.exists()) {
        return Ok((path.display().to_string(), Cow::Owned(read(&path).map_err(problem)?)));
    }
    if let Some(component) = bundled::component(name) {
        return Ok((name.clone(), Cow::Borrowed(component)));
    }
    let looked: Vec<String> = candidates().map(|path| path.display().to_string()).collect();
    Err(problem(format!(
        "there is no plugin {:?}; {}; the program brings: {}",
        printable(name),
        match looked.is_empty() {
            true => "the list `plugins` names no folder".to_string(),
            false => format!("looked for {}", looked.join(", ")),
        },
        bundled::names().join(", ")
    )))
}

fn read(path: &PathBuf) -> Result<Vec<u8>, String> {
    let unreadable = |e: std::io::Error| format!("{} can't be read: {e}", path.display());
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    if size > LIMIT {
        return Err(format!("{} is {size} bytes large; a plugin is at most {LIMIT}", path.display()));
    }
    std::fs::read(path).map_err(unreadable)
}

fn check(config: &Config, blueprint: &BlueprintConfig, plugin: &dyn Plugin) -> Result<(), ConfigError> {
    let descriptor = plugin.descriptor();
    // The loader has looked at the schemas already.
    let schemas = Schemas::new(descriptor).map_err(|e| wrong(config, blueprint, "plugin", e))?;
    if let Err(problem) = schemas.check_config(&blueprint.config) {
        let mut path = config.blueprint_path(&blueprint.name);
        path.push(Segment::Key("config".into()));
        path.extend(Segment::of_pointer(&problem.path));
        return Err(ConfigError::at(&config.document, &path, problem.sentence));
    }
    if let Err(problem) = schemas.check_request(&Value::Object(blueprint.warm.attributes.clone()))
        && blueprint.min_resources > 0
    {
        let mut path = config.blueprint_path(&blueprint.name);
        path.extend(["warm", "attributes"].map(|key| Segment::Key(key.into())));
        path.extend(Segment::of_pointer(&problem.path));
        let why = format!("{}; it is what min_resources are made for", problem.sentence);
        return Err(ConfigError::at(&config.document, &path, why));
    }
    for ask in &descriptor.asks {
        let asked = if ask.scope.is_empty() { ask.what.clone() } else { format!("{}:{}", ask.what, ask.scope) };
        if !blueprint.grants.iter().any(|grant| covers(grant, ask)) {
            tracing::info!(
                blueprint = blueprint.name,
                "the plugin asks for {}, which is not granted ({}); if you need it, add it to `grants`",
                printable(&asked),
                printable(&ask.reason)
            );
        }
    }
    Ok(())
}
