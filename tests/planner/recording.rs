//! What the log has of a decision.

use crate::pool::*;

#[test]
fn a_record_of_many_resources_has_those_that_count() {
    let mut pool = Pool_::new().waits("c", &[(10, "l-1")]);
    for n in 0..60 {
        pool = pool.resource(&format!("r-{n:02}"), Active, 0, 1);
    }
    let pool = pool.acquires("c", "r-00", Ok(acquisition()));
    let planned = pool.plan();
    assert_eq!(items(&planned), ["l-1 on r-00"]);
    let record = pool.record(&planned);
    assert_eq!(record.decided, ["l-1 goes on r-00"]);
    let left: Vec<&str> = record.look.classes[0].candidates["bp"].iter().map(|one| one.id.as_str()).collect();
    assert_eq!((left, record.left_out), (vec!["r-00", "r-01", "r-02"], 57));
    let text = record.text();
    assert!(text.len() <= LARGEST, "{}", text.len());
    assert_eq!(serde_json::from_str::<Recorded>(&text).unwrap(), Recorded::Whole(Box::new(record)));
}

#[test]
fn a_record_that_is_too_large_says_how_large_it_is() {
    let leases: Vec<String> = (0..60).map(|n| format!("l-{n:02}")).collect();
    let heads: Vec<(i64, &str)> = leases.iter().map(|lease| (10, lease.as_str())).collect();
    let mut pool = Pool_::new().waits("c", &heads);
    for n in 0..60 {
        pool = pool.resource(&format!("r-{n:02}"), Active, 0, 1);
    }
    for n in 0..60 {
        pool = pool.acquires("c", &format!("r-{n:02}"), Ok(acquisition()));
    }
    let planned = pool.plan();
    assert_eq!(items(&planned).len(), 60);
    let Recorded::Truncated { truncated } = serde_json::from_str(&pool.record(&planned).text()).unwrap() else {
        panic!("it is recorded")
    };
    assert!(truncated > LARGEST);
}

#[test]
fn another_world_is_decided_otherwise() {
    let pool = Pool_::new().waits("c", &[(10, "l-1")]).resource("r-1", Active, 0, 1);
    let pool = pool.acquires("c", "r-1", Ok(acquisition()));
    let mut record = pool.record(&pool.plan());
    record.look.classes[0].candidates.clear();
    assert_eq!(record.again(), Vec::<String>::new());
}

#[test]
fn everything_that_is_remembered_is_recorded() {
    let of = |class: &str| (class.to_owned(), "bp".to_owned());
    let pool = Pool_::new()
        .waits("c", &[(10, "l-1")])
        .resource("r-1", Active, 0, 1)
        .acquires("c", "r-1", Ok(acquisition()))
        .aside("bp", "b/1", NOW + 1)
        .open(allocate("c"), NOW)
        .with(|pool| {
            pool.answers.useless.insert(of("c"), (1, 2));
            pool.answers.exhausted.insert(of("c"), (2, Some(NOW + 5)));
            pool.answers.exhausted.insert(of("of another time"), (2, None));
            pool.answers.keeps = Some(("s-1".to_owned(), NOW - 1));
            pool.answers.full.insert("bp".to_owned());
        });
    let record = pool.record(&pool.plan());
    let Ok(Recorded::Whole(read)) = serde_json::from_str(&record.text()) else { panic!("{}", record.text()) };
    let mut known = pool.answers.clone();
    known.exhausted.remove(&of("of another time"));
    assert_eq!((&read.answers, &read.look), (&known, &pool.look));
}
