//! What `observe` makes of a server.

use super::server::{Server, Trouble, binding, service};
use super::*;
use drydock_sdk::{Absence, Blame, Failure, Inventory, Next, Observation, Thing, ThingState};

const SERVICES: &str = include_str!("../../tests/data/almanac.service.search.json");
const DISABLED: &str = include_str!("../../tests/data/almanac.service.search.disabled-binding.json");
const BAD_CONSTRAINT: &str = include_str!("../../tests/data/error.bad-constraint.json");
const BAD_TOKEN: &str = include_str!("../../tests/data/error.bad-token.json");

fn observe(b: &Blueprint<Almanac>, wire: Wire) -> Result<Observation, Failure> {
    fake::with(wire, || Almanac::observe(&fake::context("k-1"), b)).1
}

/// A server that gives this answer once.
fn recorded(answer: &str) -> Server {
    let server = Server::start(Vec::new());
    server.state().troubles.push_back(Trouble::Http(200, "content-type: application/json", answer.to_owned()));
    server
}

fn failure(trouble: Trouble) -> Failure {
    let server = Server::start(vec![service(1, "a.example.com", json!([binding(1)]))]);
    server.state().troubles.push_back(trouble);
    observe(&blueprint(conduit(&server.uri())), Wire::new()).expect_err("a failure")
}

fn ids(seen: &Observation) -> Vec<&str> {
    seen.things.iter().map(|thing| thing.id.as_str()).collect()
}

fn of<'a>(seen: &'a Observation, id: &str) -> &'a Thing {
    seen.things.iter().find(|thing| thing.id == id).unwrap_or_else(|| panic!("no {id} in {:?}", ids(seen)))
}

#[test]
fn what_phorge_answers_becomes_things() {
    let server = recorded(SERVICES);
    let b = blueprint(conduit(&server.uri()));
    let seen = observe(&b, Wire::new()).expect("a view");
    assert_eq!((seen.complete, seen.began, seen.absence), (true, b.now, Absence::Leaving));
    assert_eq!(seen.things.len(), 5);
    let thing = of(&seen, "PHID-ABND-kuudrcqvtilzatwd56wd");
    assert_eq!(thing.slot.as_deref(), Some("binding/PHID-ABND-kuudrcqvtilzatwd56wd"));
    assert_eq!((&thing.resource, &thing.state), (&None, &ThingState::Present));
    let labels = [
        ("almanac/device", "h05.p5.example.com"),
        ("almanac/network", "loopback"),
        ("almanac/service", "p5.pool.example.com"),
        ("property/cores", "2"),
        ("property/platform", "linux"),
    ];
    let expected = labels.map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(thing.labelled().into_iter().collect::<Vec<_>>(), expected);
    let known: Value = thing.known().expect("an object");
    assert_eq!(
        known,
        json!({
            "service": "p5.pool.example.com", "type": "drydock.pool", "phid": "PHID-ASRV-m4bfmlr3hgfndz3fc5hs",
            "device": "h05.p5.example.com", "network": "loopback", "address": "127.0.0.1", "port": 32222
        })
    );
}

#[test]
fn a_disabled_binding_is_leaving() {
    let server = recorded(DISABLED);
    let seen = observe(&blueprint(conduit(&server.uri())), Wire::new()).expect("a view");
    let thing = of(&seen, "PHID-ABND-xfh32pjm6nrqlrdxv37d");
    let why = "the binding of json.pool.example.com to j01.json.example.com is disabled";
    assert_eq!(thing.state, ThingState::Leaving(why.to_owned()));
}

#[test]
fn what_is_disabled_takes_its_bindings_along() {
    let mut device = binding(1);
    device["interface"]["device"]["disabled"] = json!(true);
    let mut whole = service(2, "b.example.com", json!([binding(2)]));
    whole["fields"]["disabled"] = json!(true);
    let server = Server::start(vec![service(1, "a.example.com", json!([device, binding(3)])), whole]);
    let seen = observe(&blueprint(conduit(&server.uri())), Wire::new()).expect("a view");
    let state = |why: &str| ThingState::Leaving(why.to_owned());
    assert_eq!(of(&seen, "PHID-ABND-1").state, state("the device h1.example.com is disabled"));
    assert_eq!(of(&seen, "PHID-ABND-2").state, state("the service b.example.com is disabled"));
    assert_eq!(of(&seen, "PHID-ABND-3").state, ThingState::Present);
}

#[test]
fn all_pages_are_read() {
    let services = (1..=7).map(|n| service(n, &format!("s{n}.example.com"), json!([binding(n)]))).collect();
    let server = Server::start(services);
    let mut config = conduit(&server.uri());
    config["conduit"]["page_size"] = json!(3);
    let seen = observe(&blueprint(config), Wire::new()).expect("a view");
    assert_eq!(seen.things.len(), 7);
    let state = server.state();
    let asked: Vec<_> = state.asked.iter().map(|form| (form["limit"].as_str(), form.get("after").cloned())).collect();
    assert_eq!(asked, [("3", None), ("3", Some("5".to_owned())), ("3", Some("2".to_owned()))]);
}

#[test]
fn only_the_services_that_are_meant_are_asked_for() {
    let mut other = service(3, "pool.c", json!([binding(3)]));
    other["fields"]["serviceType"] = json!("almanac.custom");
    let services = vec![service(1, "pool.a", json!([binding(1)])), service(2, "web.b", json!([binding(2)])), other];
    let server = Server::start(services);
    for (key, value, expected) in [
        ("services", json!(["pool.a", "web.b", "gone"]), vec!["PHID-ABND-1", "PHID-ABND-2"]),
        ("prefixes", json!(["pool."]), vec!["PHID-ABND-1", "PHID-ABND-3"]),
        ("types", json!(["almanac.custom"]), vec!["PHID-ABND-3"]),
        ("phids", json!(["PHID-ASRV-2"]), vec!["PHID-ABND-2"]),
    ] {
        let mut config = conduit(&server.uri());
        config["conduit"][key] = value;
        let seen = observe(&blueprint(config), Wire::new()).expect("a view");
        assert_eq!(ids(&seen), expected, "{key}");
    }
    let state = server.state();
    assert_eq!(state.asked[0]["constraints[names][1]"], "web.b");
    assert_eq!(state.asked[0]["attachments[bindings]"], "1");
    assert!(!state.asked[1].keys().any(|key| key.starts_with("constraints")), "prefixes are none of its constraints");
}

#[test]
fn what_php_makes_of_lists_and_maps_is_read() {
    let mut gaps = service(1, "a.example.com", json!({ "0": binding(1), "2": binding(2) }));
    gaps["attachments"]["properties"] = json!([]);
    let mut empty = service(2, "b.example.com", json!([]));
    empty["attachments"]["bindings"] = json!([]);
    let mut texts = binding(3);
    texts["interface"]["port"] = json!("2222");
    texts["properties"] = json!({ "1": { "key": "cores", "value": 4 } });
    let server = Server::start(vec![gaps, empty, service(3, "c.example.com", json!([texts]))]);
    let seen = observe(&blueprint(conduit(&server.uri())), Wire::new()).expect("a view");
    assert_eq!(ids(&seen), ["PHID-ABND-1", "PHID-ABND-2", "PHID-ABND-3"]);
    let thing = of(&seen, "PHID-ABND-3");
    assert_eq!(thing.known::<Value>().expect("an object")["port"], 2222);
    assert_eq!(thing.labelled()["property/cores"], "4");

    // A cursor may be a number, too.
    let page = json!({ "result": { "data": [], "cursor": { "after": 7 } }, "error_code": null, "error_info": null });
    let server = recorded(&page.to_string());
    assert!(observe(&blueprint(conduit(&server.uri())), Wire::new()).is_ok());
    assert_eq!(server.state().asked[1]["after"], "7");
}

#[test]
fn properties_that_are_no_labels_are_left_out() {
    let property = |key: &str, value: Value| json!({ "key": key, "value": value, "builtin": false });
    let mut row = binding(1);
    row["interface"]["device"]["properties"] = json!([
        property("os", json!("debian")),
        property("gpu", json!(true)),
        property("load", json!(1.5)),
        property("has space", json!("x")),
        property("", json!("x")),
        property("list", json!(["x"])),
        property("none", json!(null)),
        property("long", json!("x".repeat(256))),
        property("line", json!("a\nb")),
        property(&"k".repeat(60), json!("x")),
    ]);
    row["properties"] = json!([property("os", json!("fedora"))]);
    let mut all = service(1, "a.example.com", json!([row]));
    all["attachments"]["properties"]["properties"] =
        json!([property("os", json!("any")), property("tier", json!("gold"))]);
    let server = Server::start(vec![all]);
    let seen = observe(&blueprint(conduit(&server.uri())), Wire::new()).expect("a view");
    let labels = of(&seen, "PHID-ABND-1").labelled();
    let properties: Vec<_> = labels.iter().filter(|(key, _)| key.starts_with("property/")).collect();
    let expected = [("gpu", "true"), ("load", "1.5"), ("os", "fedora"), ("tier", "gold")];
    let expected = expected.map(|(key, value)| (format!("property/{key}"), value.to_owned()));
    assert_eq!(properties, expected.iter().map(|(key, value)| (key, value)).collect::<Vec<_>>());

    // There are not more labels than an answer may have.
    let mut row = binding(1);
    row["properties"] = (0..100).map(|n| property(&format!("p{n}"), json!(n))).collect();
    let server = Server::start(vec![service(1, "a.example.com", json!([row]))]);
    let seen = observe(&blueprint(conduit(&server.uri())), Wire::new()).expect("a view");
    assert_eq!(seen.things[0].labels.len(), 64);
}

#[test]
fn a_binding_that_no_host_can_be_reached_by_is_left_out() {
    let row = |number: u64, key: &str, value: Value| {
        let mut row = binding(number);
        row["interface"][key] = value;
        row
    };
    let mut hidden = binding(1);
    hidden["interface"] = json!(null);
    let rows = json!([
        hidden,
        row(2, "device", json!(null)),
        row(3, "port", json!(0)),
        row(4, "port", json!(70_000)),
        row(5, "address", json!("not a host")),
        row(6, "network", json!(null)),
        row(7, "device", json!({ "name": "" })),
    ]);
    let server = Server::start(vec![service(1, "a.example.com", rows)]);
    let seen = observe(&blueprint(conduit(&server.uri())), Wire::new()).expect("a view");
    assert_eq!(ids(&seen), ["PHID-ABND-6"]);
    assert!(!seen.things[0].labelled().contains_key("almanac/network"));
}

/// A server whose services change after the first page.
fn changing(change: impl FnOnce(&mut Vec<Value>) + Send + 'static) -> Result<Observation, Failure> {
    let services = (1..=4).map(|n| service(n, &format!("s{n}.example.com"), json!([binding(n)]))).collect();
    let server = Server::start(services);
    server.state().changes.push_back(Box::new(change));
    let mut config = conduit(&server.uri());
    config["conduit"]["page_size"] = json!(2);
    observe(&blueprint(config), Wire::new())
}

#[test]
fn what_changes_between_two_pages_is_there_once() {
    // The binding of a service of the first page moves to one of the second, and is disabled there.
    let seen = changing(|services| {
        let mut moved = binding(4);
        moved["disabled"] = json!(true);
        services[0] = service(1, "s1.example.com", json!([binding(1), moved]));
    });
    let seen = seen.expect("a view");
    assert_eq!(ids(&seen), ["PHID-ABND-1", "PHID-ABND-2", "PHID-ABND-3", "PHID-ABND-4"]);
    assert!(seen.complete);
    assert!(matches!(of(&seen, "PHID-ABND-4").state, ThingState::Leaving(_)), "the later page is right");

    // A service that is made meanwhile is not missed by who looks again; one that goes brings nothing else into disorder.
    let seen = changing(|services| {
        services.push(service(9, "s9.example.com", json!([binding(9)])));
        services.remove(2);
    });
    assert_eq!(ids(&seen.expect("a view")), ["PHID-ABND-1", "PHID-ABND-2", "PHID-ABND-3", "PHID-ABND-4"]);

    // All of it is put into another order, so that the first page comes a second time, and the other one never.
    let seen = changing(|services| {
        for (number, service) in services.iter_mut().enumerate() {
            service["id"] = json!(if number < 2 { number + 3 } else { number - 1 });
        }
    });
    let seen = seen.expect("a view");
    assert_eq!(ids(&seen), ["PHID-ABND-3", "PHID-ABND-4"]);
    assert!(!seen.complete);
}

#[test]
fn a_server_that_goes_round_in_circles_is_left() {
    let page = json!({ "result": { "data": [], "cursor": { "after": "7" } }, "error_code": null, "error_info": null });
    let server = Server::start(Vec::new());
    let again = || Trouble::Http(200, "content-type: application/json", page.to_string());
    server.state().troubles.extend([again(), again(), again()]);
    let failure = observe(&blueprint(conduit(&server.uri())), Wire::new()).expect_err("a failure");
    assert_eq!((failure.blame, failure.next), (Blame::Provider, Next::BackOff));
    assert!(failure.reason.ends_with("gives the page after 7 again and again"), "{failure:?}");
    assert_eq!(server.state().asked.len(), 2);
}

#[test]
fn what_has_too_many_pages_is_left() {
    let config = |server: &Server| {
        let mut config = conduit(&server.uri());
        config["conduit"]["page_size"] = json!(1);
        blueprint(config)
    };
    let mut services: Vec<Value> = (1..=64).map(|n| service(n, "s.example.com", json!([binding(n)]))).collect();
    let server = Server::start(services.clone());
    assert_eq!(observe(&config(&server), Wire::new()).expect("a view").things.len(), 64);
    services.push(service(65, "s.example.com", json!([])));
    let server = Server::start(services);
    let failure = observe(&config(&server), Wire::new()).expect_err("a failure");
    assert_eq!(failure.blame, Blame::Operator);
    assert!(failure.reason.contains("more than 64 pages"), "{failure:?}");
    assert_eq!(server.state().asked.len(), 64);
}

#[test]
fn errors_that_an_operator_has_to_act_on() {
    let http = |status, header| Trouble::Http(status, header, "<!DOCTYPE html>".to_owned());
    let recorded = |answer: &str| Trouble::Http(200, "content-type: application/json", answer.to_owned());
    for (trouble, part) in [
        (recorded(BAD_CONSTRAINT), "Constraint \"nope\" is not a valid constraint"),
        (recorded(BAD_TOKEN), "ERR-INVALID-AUTH"),
        (Trouble::Error("ERR-INVALID-SESSION", "Session key is not present."), "refuses the `credential`"),
        (Trouble::Error("ERR-USER-DISABLED", ""), "refuses the `credential`"),
        (Trouble::Error("ERR-CONDUIT-CORE", "Conduit method \"x\" does not exist."), "look at `conduit`"),
        (http(301, "location: https://elsewhere.example"), "redirects to https://elsewhere.example"),
        (http(403, ""), "lets nobody in"),
        (http(404, ""), "correct `uri`"),
    ] {
        let failure = failure(trouble);
        assert_eq!((failure.blame, failure.next), (Blame::Operator, Next::Attention), "{failure:?}");
        assert!(failure.reason.contains(part), "{part:?} is not in {failure:?}");
    }
    // What is refused is named to nobody.
    assert!(!failure(recorded(BAD_TOKEN)).reason.contains("api-bad"));
    let server = Server::start(Vec::new());
    for token in [None, Some("api-bad")] {
        let failure = observe(&blueprint(conduit(&server.uri())), Wire { token }).expect_err("a failure");
        assert_eq!(failure.next, Next::Attention);
        assert!(!failure.reason.contains("api-bad"), "{failure:?}");
    }
}

#[test]
fn errors_that_time_may_heal() {
    let json = |body: Value| Trouble::Http(200, "content-type: application/json", body.to_string());
    let html = || "<!DOCTYPE html><title>Setup</title>".to_owned();
    let mut no_attachments = service(1, "a.example.com", json!([]));
    no_attachments["attachments"] = json!([]);
    let page = |data: Value| json!({ "result": { "data": data, "cursor": { "after": null } }, "error_code": null });
    for (trouble, part) in [
        (Trouble::Error("ERR-CONDUIT-CORE", "#2002: Connection refused"), "#2002"),
        (Trouble::Error("ERR-UNKNOWN", ""), "ERR-UNKNOWN"),
        (Trouble::Http(500, "", String::new()), "HTTP 500"),
        (Trouble::Http(503, "", html()), "HTTP 503"),
        (Trouble::Http(200, "content-type: text/html", html()), "something else than JSON (text/html)"),
        (Trouble::Truncated, "no answer"),
        (Trouble::Http(200, "", SERVICES[..SERVICES.len() / 2].to_owned()), "ends too early"),
        (Trouble::Http(200, "", String::new()), "ends too early"),
        (json(json!({})), "neither a result nor an error"),
        (json(json!({ "result": { "data": [] }, "error_code": null })), "missing field `cursor`"),
        (json(json!({ "result": { "data": [], "cursor": {} }, "error_code": null })), "missing field `after`"),
        // An answer without what was asked for is no answer that says there is none.
        (json(page(json!([no_attachments]))), "none of its answers"),
        (json(page(json!([{ "phid": "PHID-ASRV-1" }]))), "missing field `fields`"),
    ] {
        let failure = failure(trouble);
        assert_eq!((failure.blame, failure.next), (Blame::Provider, Next::BackOff), "{failure:?}");
        assert!(failure.reason.contains(part), "{part:?} is not in {failure:?}");
    }
    let failure = failure(Trouble::Http(429, "retry-after: 90", String::new()));
    assert_eq!((failure.blame, failure.next), (Blame::Provider, Next::BackOff));
    assert_eq!(failure.after.map(|after| after.as_secs()), Some(90));
}

#[test]
fn what_the_wire_says_is_said_to_who_can_act() {
    struct Answer(http::Error);
    impl fake::Outside for Answer {
        fn send(&mut self, _: &http::Request) -> Result<http::Response, http::Error> {
            Err(self.0.clone())
        }
    }
    let b = blueprint(conduit("https://phorge.example.org/"));
    for (error, blame) in [
        (http::Error::TimedOut("slow".to_owned()), Blame::Provider),
        (http::Error::Unreachable("away".to_owned()), Blame::Provider),
        (http::Error::TooLarge("much".to_owned()), Blame::Operator),
        (http::Error::Invalid("odd".to_owned()), Blame::Operator),
    ] {
        let (_, answer) = fake::with(Answer(error), || Almanac::observe(&fake::context("k-1"), &b));
        assert_eq!(answer.expect_err("a failure").blame, blame);
    }
}

#[test]
fn it_can_be_cut_off_at_every_call() {
    let services = (1..=5).map(|n| service(n, &format!("s{n}.example.com"), json!([binding(n)]))).collect();
    let server = Server::start(services);
    let mut config = conduit(&server.uri());
    config["conduit"]["page_size"] = json!(2);
    let b = blueprint(config);
    let calls = fake::cut_at_every_call(
        Wire::new,
        || Almanac::observe(&fake::context("k-1"), &b),
        |_, answer, _, _| assert_eq!(answer.expect("a view").things.len(), 5),
    );
    assert_eq!(calls, 3);
}

#[test]
fn nothing_is_ever_removed() {
    let b = blueprint(conduit("https://phorge.example.org"));
    let failure = Almanac::remove(&fake::context("k-1"), &b, &Thing::new("PHID-ABND-1")).expect_err("a failure");
    assert_eq!((failure.blame, failure.next), (Blame::Operator, Next::Attention));
    assert!(failure.reason.starts_with("PHID-ABND-1 is a binding"), "{failure:?}");
}
