//! Who looks at what exists outside, when daemons come and go.

use crate::boxed::{eventually, farm_with};
use crate::house::House;
use crate::moto::Moto;
use serde_json::Value;

/// When the last look at the machines began.
fn looked(house: &House) -> Option<i64> {
    let listed = house.run(&["blueprints", "--json"]);
    let listed: Value = serde_json::from_str(&listed.stdout).expect("JSON");
    let blueprints = listed["blueprints"].as_array().expect("a list");
    let builders = blueprints.iter().find(|blueprint| blueprint["name"] == "builders");
    builders.expect("it is configured")["observed"]["began"].as_i64()
}

/// Between two looks there is more time than the test waits.
#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_looks_soon_after_it_has_started_whoever_looked_before() {
    let moto = Moto::start();
    let mut house = farm_with(&moto, |config| {
        let builders = config["blueprint"][0].as_table_mut().expect("a table");
        builders.insert("observe_every".to_owned(), 300.into());
    })
    .await;
    eventually("it looks", || looked(&house).is_some());
    let before = looked(&house);
    house.kill();
    house.start().await;
    eventually("it looks again", || looked(&house) > before);
}
