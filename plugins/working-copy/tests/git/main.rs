//! The plugin with real git, and with a folder of this machine in the place of a host.

mod clean;
mod cut;
mod lock;
mod logins;
mod machine;
mod planning;
mod remote;
mod reuse;
mod server;
mod several;
mod trouble;
mod wanted;
mod world;
