//! Which blueprints may stand on which.

use std::collections::BTreeSet;

/// What a blueprint makes, and the types that it may lease for that.
#[derive(Clone, Debug)]
pub struct Nesting<'a> {
    pub name: String,
    pub kind: &'a str,
    pub may_lease: &'a [String],
}

/// The names of blueprints by way of which a type stands on itself, if there are any: the first makes that type.
pub fn cycle(all: &[Nesting<'_>]) -> Option<Vec<String>> {
    all.iter().find_map(|start| {
        let mut ways = vec![(start, vec![start.name.clone()])];
        let mut seen = BTreeSet::new();
        while let Some((from, way)) = ways.pop() {
            if from.may_lease.iter().any(|kind| kind == start.kind) {
                return Some(way);
            }
            for next in all.iter().filter(|next| from.may_lease.iter().any(|kind| kind == next.kind)) {
                if seen.insert(&next.name) {
                    ways.push((next, way.iter().cloned().chain([next.name.clone()]).collect()));
                }
            }
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Blueprints, each with the type that it makes and those that it may lease.
    fn found(blueprints: &[(&str, &str, &[&str])]) -> Option<String> {
        let texts = |kinds: &&[&str]| kinds.iter().map(|kind| (*kind).to_owned()).collect::<Vec<String>>();
        let may_lease: Vec<Vec<String>> = blueprints.iter().map(|(.., kinds)| texts(kinds)).collect();
        let all = blueprints.iter().zip(&may_lease);
        let all = all.map(|((name, kind, _), may_lease)| Nesting { name: (*name).to_owned(), kind, may_lease });
        cycle(&all.collect::<Vec<_>>()).map(|way| way.join(" "))
    }

    #[test]
    fn towers_are_no_cycles() {
        assert_eq!(
            found(&[("lab", "host", &[]), ("copies", "copy", &["host"]), ("sets", "set", &["copy", "host"])]),
            None
        );
    }

    #[test]
    fn a_type_that_stands_on_itself_is_found() {
        assert_eq!(found(&[("a", "host", &["host"])]).as_deref(), Some("a"));
        assert_eq!(found(&[("lab", "host", &[]), ("other", "host", &["host"])]).as_deref(), Some("other"));
    }

    #[test]
    fn the_way_round_is_named() {
        let round: &[(&str, &str, &[&str])] =
            &[("lab", "disk", &[]), ("a", "host", &["copy", "disk"]), ("b", "copy", &["set"]), ("c", "set", &["host"])];
        assert_eq!(found(round).as_deref(), Some("a b c"));
    }
}
