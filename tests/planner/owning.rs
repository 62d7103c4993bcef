//! What owners may have.

use crate::pool::*;

/// Gives leases to an owner that has so many of so many.
fn owned(mut pool: Pool_, leases: &[&str], used: i64, limit: i64) -> Pool_ {
    let heads = pool.look.classes.iter_mut().flat_map(|class| &mut class.heads);
    for head in heads.filter(|head| leases.contains(&head.lease.as_str())) {
        head.quota = Some(Held { owner: "ci".to_owned(), used, limit });
    }
    pool
}

#[test]
fn who_has_all_that_the_owner_may_is_passed() {
    let pool = Pool_::new()
        .waits("a", &[(10, "l-1"), (20, "l-2"), (40, "l-4")])
        .waits("b", &[(15, "l-3"), (30, "l-5")])
        .resource("r-1", Active, 0, 9);
    let pool = pool.acquires("a", "r-1", Ok(acquisition())).acquires("b", "r-1", Ok(acquisition()));
    let planned = owned(pool, &["l-1", "l-2", "l-3"], 3, 4).plan();
    assert_eq!(items(&planned), ["l-1 on r-1", "l-5 on r-1", "l-4 on r-1"], "one more of that owner, over all classes");
    let quotas: Vec<Option<i64>> = planned
        .plan
        .items
        .iter()
        .map(|item| match item {
            Item::Place(placement) => placement.quota.as_ref().map(|quota| quota.limit),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(quotas, [Some(4), None, None]);
}

#[test]
fn what_is_built_is_for_those_who_may_have_it() {
    let pool = Pool_::new()
        .blueprint("bp", |terms| terms.leases_per_resource = 3)
        .waits("c", &[(10, "l-1"), (20, "l-2"), (30, "l-3"), (40, "l-4")])
        .offers("c", "bp", &[("r-1", "b/1")]);
    let planned = owned(pool, &["l-1", "l-2"], 0, 1).plan();
    assert_eq!(items(&planned), ["r-1 for l-1+l-3+l-4"]);
}
