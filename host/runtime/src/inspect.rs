//! A look at a file before it is compiled, so that what is wrong with it can be said in a sentence.

use semver::Version;
use std::collections::BTreeSet;
use wit_parser::decoding::{DecodedWasm, decode};
use wit_parser::{Resolve, WorldId, WorldItem, WorldKey};

/// The contract that this host serves.
pub const CONTRACT: &str = "drydock:blueprint@0.1.0";

const PACKAGE: &str = "drydock:blueprint";
const SERVED: Version = Version::new(0, 1, 0);

/// What a plugin exports.
const EXPORTS: [&str; 2] = ["planning", "lifecycle"];

/// What it may import of the contract.
const IMPORTS: [&str; 8] = ["types", "log", "view", "commands", "jobs", "files", "credentials", "leases"];

/// What it may import of WASI 0.2: what the standard libraries of most languages can't do without. The rest of them is
/// there, but empty.
const WASI: [&str; 22] = [
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:filesystem/preopens",
    "wasi:filesystem/types",
    "wasi:http/outgoing-handler",
    "wasi:http/types",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:random/random",
];

/// Whether the bytes of `name` are a plugin for this host. The error is a sentence that names the file, says what is
/// wrong, and what to do.
pub(crate) fn inspect(name: &str, bytes: &[u8]) -> Result<(), String> {
    is_component(name, bytes)?;
    let (resolve, world) = match decode(bytes) {
        Ok(DecodedWasm::Component(resolve, world)) => (resolve, world),
        Ok(DecodedWasm::WitPackage(..)) => {
            return Err(format!(
                "{name} is a WIT package: it describes an interface, and has no code. Load the component that your \
                 build makes from it"
            ));
        }
        Err(error) => {
            return Err(format!(
                "{name} begins like a WebAssembly component, but can't be read as one: {error:#}. Build it again"
            ));
        }
    };
    right_version(name, &resolve, world)?;
    all_exports(name, &resolve, world)?;
    only_served_imports(name, &resolve, world)
}

/// Tells what a file is by its first eight bytes.
fn is_component(name: &str, bytes: &[u8]) -> Result<(), String> {
    let build = "Build the plugin as a component, for example by `cargo build --release --target wasm32-wasip2`";
    match bytes {
        [0, b'a', b's', b'm', 0x0d, 0, 1, 0, ..] => Ok(()),
        [0, b'a', b's', b'm', 1, 0, 0, 0, ..] => Err(format!(
            "{name} is a WebAssembly core module, and not a component. {build}, or wrap the module by `wasm-tools \
             component new`"
        )),
        [0, b'a', b's', b'm', ..] => {
            Err(format!("{name} is WebAssembly of a version that this host does not know. {build}"))
        }
        [] => Err(format!("{name} is empty. {build}")),
        _ if std::str::from_utf8(bytes).is_ok() => {
            Err(format!("{name} is a text file, and not a WebAssembly component. {build}"))
        }
        _ => Err(format!("{name} is not WebAssembly at all. {build}")),
    }
}

/// An interface of the component's world: `drydock:blueprint/planning`, and its version.
struct Interface {
    package: String,
    name: String,
    version: Option<Version>,
}

impl Interface {
    fn is_ours(&self) -> bool {
        self.package == PACKAGE
    }

    fn full(&self) -> String {
        format!("{}/{}", self.package, self.name)
    }
}

/// Interfaces, and the names of the items that are in none.
fn items<'a>(
    resolve: &Resolve,
    items: impl IntoIterator<Item = (&'a WorldKey, &'a WorldItem)>,
) -> (Vec<Interface>, Vec<String>) {
    let (mut interfaces, mut others) = (Vec::new(), Vec::new());
    for (key, item) in items {
        let id = match (key, item) {
            (WorldKey::Interface(id), _) => *id,
            (WorldKey::Name(name), WorldItem::Function(_) | WorldItem::Interface { .. }) => {
                others.push(name.clone());
                continue;
            }
            (WorldKey::Name(_), _) => continue,
        };
        let interface = &resolve.interfaces[id];
        if let (Some(name), Some(package)) = (&interface.name, interface.package) {
            let package = &resolve.packages[package].name;
            interfaces.push(Interface {
                package: format!("{}:{}", package.namespace, package.name),
                name: name.clone(),
                version: package.version.clone(),
            });
        }
    }
    (interfaces, others)
}

fn exports(resolve: &Resolve, world: WorldId) -> Vec<Interface> {
    items(resolve, &resolve.worlds[world].exports).0
}

fn imports(resolve: &Resolve, world: WorldId) -> (Vec<Interface>, Vec<String>) {
    items(resolve, &resolve.worlds[world].imports)
}

/// A plugin for an earlier patch of the same contract is fine: those only add.
fn is_served(version: &Option<Version>) -> bool {
    version.as_ref().is_some_and(|v| {
        (v.major, v.minor) == (SERVED.major, SERVED.minor) && v.cmp_precedence(&SERVED).is_le() && v.pre.is_empty()
    })
}

fn right_version(name: &str, resolve: &Resolve, world: WorldId) -> Result<(), String> {
    let ours: Vec<Interface> =
        exports(resolve, world).into_iter().chain(imports(resolve, world).0).filter(Interface::is_ours).collect();
    let Some(other) = ours.iter().find(|interface| !is_served(&interface.version)) else {
        return Ok(());
    };
    let asked = match &other.version {
        Some(version) => format!("{PACKAGE}@{version}"),
        None => format!("{PACKAGE} without a version"),
    };
    let newer = other.version.as_ref().is_some_and(|v| *v > SERVED);
    let advice = if newer {
        "Use a newer Drydock, or build the plugin against this one's wit/"
    } else {
        "Build the plugin against this Drydock's wit/"
    };
    Err(format!("{name} is for {asked}, and this host serves {CONTRACT}. {advice}"))
}

fn all_exports(name: &str, resolve: &Resolve, world: WorldId) -> Result<(), String> {
    let exports = exports(resolve, world);
    let has = |wanted: &str| exports.iter().any(|export| export.is_ours() && export.name == wanted);
    let missing: Vec<_> = EXPORTS.iter().filter(|wanted| !has(wanted)).map(|wanted| format!("`{wanted}`")).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if missing.len() == EXPORTS.len() {
        return Err(format!(
            "{name} is a component, but no plugin of Drydock: it exports nothing of {CONTRACT}. Build it for the world \
             `plugin` of wit/"
        ));
    }
    Err(format!(
        "{name} does not export {} of {CONTRACT}, which every plugin must. Build it for the world `plugin` of wit/",
        missing.join(" and ")
    ))
}

fn only_served_imports(name: &str, resolve: &Resolve, world: WorldId) -> Result<(), String> {
    let (interfaces, others) = imports(resolve, world);
    let mut missing = BTreeSet::new();
    for import in interfaces {
        let full = import.full();
        if import.is_ours() && IMPORTS.contains(&import.name.as_str()) || WASI.contains(&full.as_str()) {
            continue;
        }
        missing.insert(match (import.package.as_str(), import.name.as_str()) {
            _ if import.is_ours() => format!("`{}` ({full})", import.name),
            ("wasi:http", _) => format!("of HTTP, what is not for sending requests ({full})"),
            ("wasi:sockets", _) => format!("sockets ({full}), which no plugin gets"),
            _ => full,
        });
    }
    missing.extend(others);
    if missing.is_empty() {
        return Ok(());
    }
    let missing: Vec<String> = missing.into_iter().collect();
    Err(format!(
        "{name} imports what this host does not serve: {}. Use a version of the plugin that does without, or a Drydock \
         that serves it",
        missing.join(", ")
    ))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::inspect;

    pub(crate) const PLANNING: &str = "drydock:blueprint/planning@0.1.0";
    pub(crate) const LIFECYCLE: &str = "drydock:blueprint/lifecycle@0.1.0";

    /// The bytes of a component that imports and exports instances of these names, all of them empty.
    pub(crate) fn component(imports: &[&str], exports: &[&str]) -> Vec<u8> {
        let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
        // The type of an empty instance; then the imports, each of that type.
        section(&mut bytes, 7, &[1, 0x42, 0]);
        let import = |name: &&str| [vec![0], text(name), vec![5, 0]].concat();
        section(&mut bytes, 10, &list(imports.iter().map(import).collect()));
        // One empty instance; then the exports, each of them that one.
        section(&mut bytes, 5, &[1, 1, 0]);
        let export = |name: &&str| [vec![0], text(name), vec![5, imports.len() as u8, 0]].concat();
        section(&mut bytes, 11, &list(exports.iter().map(export).collect()));
        bytes
    }

    fn section(bytes: &mut Vec<u8>, id: u8, content: &[u8]) {
        bytes.push(id);
        // A length of two bytes, least significant seven bits first.
        bytes.extend([content.len() as u8 & 0x7f | 0x80, (content.len() >> 7) as u8]);
        bytes.extend(content);
    }

    fn list(items: Vec<Vec<u8>>) -> Vec<u8> {
        [vec![items.len() as u8], items.concat()].concat()
    }

    fn text(text: &str) -> Vec<u8> {
        [vec![text.len() as u8], text.as_bytes().to_vec()].concat()
    }

    /// That the file is refused, by a sentence that has its name and these parts in it.
    fn refused(bytes: &[u8], parts: &[&str]) {
        let sentence = inspect("x.wasm", bytes).unwrap_err();
        for part in ["x.wasm"].iter().chain(parts) {
            assert!(sentence.contains(part), "{part:?} is not in {sentence:?}");
        }
    }

    #[test]
    fn what_is_no_component_is_told_apart() {
        refused(b"", &["is empty"]);
        refused(b"[[blueprint]]\nname = \"a\"\n", &["text file"]);
        refused(b"\x7fELF\x02\x01\x01\xff", &["not WebAssembly"]);
        refused(b"\0asm\x01\0\0\0", &["core module", "wasm-tools component new"]);
        refused(b"\0asm\x07\0\0\0", &["version"]);
        refused(b"\0asm\x0d\0\x01\0\xff\xff", &["can't be read"]);
        refused(b"\0asm\x0d\0\x01\0", &["exports nothing", "drydock:blueprint@0.1.0"]);
        refused(&component(&[], &["wasi:cli/run@0.2.0"]), &["exports nothing"]);
    }

    #[test]
    fn versions_are_compared_before_anything_else() {
        inspect("x.wasm", &component(&[], &[PLANNING, LIFECYCLE])).unwrap();
        refused(
            &component(&[], &["drydock:blueprint/planning@0.2.0"]),
            &["is for drydock:blueprint@0.2.0", "serves drydock:blueprint@0.1.0", "newer Drydock"],
        );
        refused(&component(&["drydock:blueprint/log@0.1.7"], &[PLANNING, LIFECYCLE]), &["0.1.7", "newer Drydock"]);
        refused(&component(&[], &["drydock:blueprint/planning@0.0.3"]), &["0.0.3", "against this Drydock's wit/"]);
        refused(&component(&[], &["drydock:blueprint/planning"]), &["drydock:blueprint without a version"]);
    }

    #[test]
    fn missing_exports_are_named() {
        refused(&component(&[], &[PLANNING]), &["`lifecycle`"]);
        refused(&component(&[], &[LIFECYCLE]), &["`planning`"]);
        inspect("x.wasm", &component(&[], &[PLANNING, LIFECYCLE, "a:b/c@1.0.0", "init"])).unwrap();
    }

    #[test]
    fn imports_that_are_not_served_are_named() {
        let with = |imports: &[&str]| component(imports, &[PLANNING, LIFECYCLE]);
        inspect("x.wasm", &with(&["drydock:blueprint/view@0.1.0", "wasi:io/poll@0.2.6"])).unwrap();
        for served in ["leases", "jobs", "files", "credentials"] {
            inspect("x.wasm", &with(&[&format!("drydock:blueprint/{served}@0.1.0")])).unwrap();
        }
        refused(&with(&["drydock:blueprint/ships@0.1.0", "drydock:blueprint/docks@0.1.0"]), &["`docks`", "`ships`"]);
        inspect("x.wasm", &with(&["wasi:http/types@0.2.3", "wasi:http/outgoing-handler@0.2.3"])).unwrap();
        refused(&with(&["wasi:http/incoming-handler@0.2.3"]), &["HTTP", "(wasi:http/incoming-handler)"]);
        refused(&with(&["wasi:sockets/tcp@0.2.3"]), &["sockets (wasi:sockets/tcp)"]);
        refused(&with(&["other:thing/there@1.0.0", "bare"]), &["other:thing/there", "bare"]);
    }
}
