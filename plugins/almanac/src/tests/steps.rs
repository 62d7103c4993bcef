//! Each step, tried on real directories and cut off at each of its calls.

use super::*;
use crate::attributes::Attributes;
use crate::listing;

#[test]
fn every_step_may_be_cut_off_and_made_again() {
    let attributes = |path: &std::path::Path| {
        let binding = json!({ "device": { "name": "one" }, "interface": { "address": "192.0.2.1" } });
        let b = blueprint(json!({ "path": path, "services": [{ "name": "pool", "bindings": [binding] }] }));
        let binding = listing::bindings(b.config.services.as_deref().unwrap_or_default()).remove(0);
        let attributes = Attributes::of(binding, &b.config);
        (b, attributes)
    };
    let access = attributes("/srv".as_ref()).1.access();
    let host = |path: &std::path::Path| {
        let (b, attributes) = attributes(path);
        (b, fake::resource("r-1", attributes))
    };
    fake::Lender::<Almanac, _>::new(access, host).try_every_step();
}
