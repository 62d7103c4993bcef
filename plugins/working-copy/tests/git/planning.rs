//! What could be served, and by which copies.

use crate::world::allocated;
use drydock_sdk::serde_json::{Value, json};
use drydock_sdk::{Labels, Plugin, Refusal, fake};
use working_copy::{Config, WorkingCopy};

fn config() -> Value {
    json!({
        "repositories": {
            "app": { "url": "https://git.example.org/app.git" },
            "lib": { "url": "ssh://git@git.example.org/lib.git" },
        },
        "host_labels": { "os": "linux" },
    })
}

fn refusal(request: Value, labels: &[(&str, &str)]) -> String {
    let b = fake::blueprint::<WorkingCopy>(config());
    let labels: Labels = labels.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
    match WorkingCopy::consider(&b, &fake::request(request.clone(), labels)) {
        Err(Refusal::Never(why)) => why,
        other => panic!("{request} is answered with {other:?}"),
    }
}

#[test]
fn requests_that_can_never_be_served_are_told_why() {
    let commit = "a".repeat(40);
    let rows = [
        (json!({ "repository": "other" }), "no repository \"other\" is configured; there are app, lib"),
        (json!({}), "names no repository; there are app, lib"),
        (json!({ "branch": "main" }), "names no repository"),
        (json!({ "repository": "../app" }), "no repository \"../app\""),
        (json!({ "repositories": { "../../etc": {} } }), "no repository"),
        (json!({ "repository": "app", "branch": "-x" }), "begins with -"),
        (json!({ "repository": "app", "branch": "--upload-pack=touch x" }), "begins with -"),
        (json!({ "repository": "app", "ref": "--exec=x" }), "begins with -"),
        (json!({ "repository": "app", "branch": "a..b" }), "contains .."),
        (json!({ "repository": "app", "branch": "../../x" }), "can't name a branch"),
        (json!({ "repository": "app", "commit": "HEAD" }), "no full commit id"),
        (json!({ "repository": "app", "commit": "abc1234" }), "no full commit id"),
        (json!({ "repository": "app", "commit": commit, "branch": "main" }), "more than one of"),
        (json!({ "repositories": { "app": {}, "lib": {} } }), "none of its repositories has `default = true`"),
        (
            json!({ "repositories": { "app": { "default": true }, "lib": { "default": true } } }),
            "both app and lib have `default = true`",
        ),
        (json!({ "repositories": { "app": {} }, "branch": "main" }), "beside them"),
        (json!({ "repository": "app", "merges": [{}] }), "says neither"),
        (json!({ "repository": "app", "merges": [{ "branch": "-x" }] }), "begins with -"),
        (json!({ "repository": "app", "merges": [{ "from": "https://x/y", "branch": "a" }] }), "to merge from"),
    ];
    for (request, text) in rows {
        let why = refusal(request.clone(), &[]);
        assert!(why.contains(text), "{request}: {why}");
    }
    assert!(refusal(json!({ "repository": "app" }), &[("os", "plan9")]).contains("no label os"));
    assert!(refusal(json!({ "repository": "app" }), &[("repo/lib", "x")]).contains("no label repo/lib"));
}

#[test]
fn a_copy_serves_those_who_want_a_part_of_it() {
    let b = fake::blueprint::<WorkingCopy>(config());
    let both = allocated(&b, json!({ "repositories": { "app": { "default": true }, "lib": {} } }));
    let one = allocated(&b, json!({ "repository": "app" }));
    assert_eq!(both.name, "app+lib");
    assert_eq!(both.labels.get("os").map(String::as_str), Some("linux"));
    let asks = |request| {
        let labels = Labels::from([("os".to_owned(), "linux".to_owned())]);
        let asked = fake::request::<WorkingCopy>(request, labels);
        let needs = WorkingCopy::consider(&b, &asked).unwrap();
        assert_eq!(needs.share, 1);
        [&both, &one].map(|on| {
            let carries = needs.labels.iter().all(|(key, value)| on.labels.get(key) == Some(value));
            assert_eq!(carries, WorkingCopy::acquire(&b, on, &asked).is_ok(), "labels and `acquire` say the same");
            carries
        })
    };
    assert_eq!(asks(json!({ "repository": "app", "branch": "x" })), [true, true]);
    assert_eq!(asks(json!({ "repository": "lib" })), [true, false]);
    assert_eq!(asks(json!({ "repositories": { "app": {}, "lib": { "default": true } } })), [true, false]);

    // Another URL is another copy.
    let mut moved = config();
    moved["repositories"]["app"]["url"] = json!("https://git.example.org/new.git");
    let moved = fake::blueprint::<WorkingCopy>(moved);
    let asked = fake::request::<WorkingCopy>(json!({ "repository": "app" }), Labels::new());
    assert!(matches!(WorkingCopy::acquire(&moved, &one, &asked), Err(Refusal::Never(_))));
}

#[test]
fn only_one_repository_needs_no_name() {
    let b = fake::blueprint::<WorkingCopy>(json!({ "repositories": { "app": { "url": "https://x.example/app" } } }));
    for request in [json!({}), json!({ "branch": "main" }), json!({ "commit": "b".repeat(64) })] {
        assert!(WorkingCopy::consider(&b, &fake::request(request, Labels::new())).is_ok());
    }
}

#[test]
fn configurations_that_mean_nothing_or_harm_are_refused() {
    let wrong = [
        (json!({ "repositories": { "a": { "url": "ext::sh -c date" } } }), "blanks"),
        (json!({ "repositories": { "a": { "url": "ext::date" } } }), "none that is fetched from"),
        (json!({ "repositories": { "a": { "url": "/srv/git/a" } } }), "allow_local"),
        (json!({ "repositories": { "a": { "url": "http://x/a" } } }), "allow_local"),
        (json!({ "repositories": { "a": { "url": "https://me:pw@x/a" } } }), "credential"),
        (json!({ "repositories": { "../a": { "url": "https://x/a" } } }), "can't name a repository"),
        (json!({ "repositories": { ".git": { "url": "https://x/a" } } }), "can't name a repository"),
        (
            json!({ "repositories": { "a.b": { "url": "https://x/a" }, "a-b": { "url": "https://x/b" } } }),
            "same variable",
        ),
        (json!({ "repositories": { "a": { "url": "https://x/a", "default": "-x" } } }), "begins with -"),
        (json!({ "repositories": { "a": { "url": "https://x/a", "user": "me" } } }), "belongs to a `credential`"),
        (json!({ "repositories": {}, "cache": "relative" }), "must be a path"),
        (json!({ "repositories": {}, "cache": "/a/../../etc" }), "must be a path"),
        (json!({ "repositories": {}, "known_hosts": ["a\nb"] }), "known_hosts"),
        (json!({ "repositories": {}, "host_labels": { "repo/a": "x" } }), "repo/"),
    ];
    for (config, text) in wrong {
        let read: Config = drydock_sdk::serde_json::from_value(config.clone()).unwrap();
        let why = WorkingCopy::check_config(&read).expect_err("it is refused");
        assert!(why.contains(text), "{config}: {why}");
    }
}
