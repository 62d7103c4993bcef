//! A node: it asks, looks, plans, commits and acts.

pub mod api;
