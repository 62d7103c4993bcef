//! What another configuration would change, without changing anything.

use super::api::{AskError, BlueprintChange, Difference, Preview, Stranded, What};
use super::farm::{Farm, InForce};
use super::node::Node;
use super::{client, questions, revision};
use crate::config::{EDIT_GRACE, Order};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

impl Node {
    /// Compares a farm with what is in force, and asks its blueprints about everybody who waits.
    pub async fn preview(&self, mut farm: Farm) -> Result<Preview, AskError> {
        farm.note_digests();
        let last = self.read("the last revision", self.store.config(None)).await?;
        farm.config.follow(revision::read_last(&last)?.as_ref());
        let current = self.farm();
        let next = InForce::new(farm, current.revision + 1, current.installation.clone());
        let rows = self.read("blueprints", self.store.blueprints()).await?;
        let rows: BTreeMap<&str, _> = rows.iter().map(|row| (row.name.as_str(), row)).collect();
        let used = |name: &str| rows.get(name).map_or(0, |row| row.used);
        let mut changes = Vec::new();
        for (name, blueprint) in &next.blueprints {
            let kind = &blueprint.plugin.descriptor().kind;
            if let Some(row) = rows.get(name.as_str())
                && row.used > 0
                && row.kind != *kind
            {
                let (name, makes, kind) = (name.clone(), row.kind.clone(), kind.clone());
                return Err(AskError::OtherType { name, makes, kind, resources: row.used });
            }
            let was = next.was(name).filter(|was| !next.blueprints.contains_key(*was) && rows.contains_key(was));
            if let Some((was, row)) = was.zip(rows.get(name.as_str())) {
                let (name, was) = (name.clone(), was.to_owned());
                return Err(AskError::NameTaken { name, was, resources: row.used });
            }
            let before = current.blueprints.get(was.unwrap_or(name));
            let mut differences = Vec::new();
            if let Some(before) = before {
                let json = |blueprint: &super::Configured| {
                    let mut json = serde_json::to_value(&*blueprint.config).unwrap_or_default();
                    json["name"] = Value::Null;
                    json["was"] = Value::Null;
                    json["slots"] = Value::from(blueprint.config.slot_space());
                    // What it runs, and not only what that is called.
                    json["plugin digest"] =
                        Value::from(&blueprint.plugin.digest()[..12.min(blueprint.plugin.digest().len())]);
                    json
                };
                differ("", Some(&json(before)), Some(&json(blueprint)), &mut differences);
                if differences.is_empty() && was.is_none() {
                    continue;
                }
            }
            changes.push(BlueprintChange {
                name: name.clone(),
                kind: kind.clone(),
                what: match (before, was) {
                    (_, Some(_)) => What::Renamed,
                    (Some(_), None) => What::Changes,
                    (None, None) => What::New,
                },
                was: was.map(str::to_owned),
                differences,
                resources: used(was.unwrap_or(name)),
            });
        }
        let renamed: Vec<String> = changes.iter().filter_map(|change| change.was.clone()).collect();
        let stays = |name: &String| next.blueprints.contains_key(name) || renamed.contains(name);
        for (name, blueprint) in current.blueprints.iter().filter(|(name, _)| !stays(name)) {
            changes.push(BlueprintChange {
                name: name.clone(),
                kind: blueprint.plugin.descriptor().kind.clone(),
                what: What::Retires,
                was: None,
                differences: Vec::new(),
                resources: used(name),
            });
        }
        changes.sort_by(|a, b| a.name.cmp(&b.name));
        let mut order = Vec::new();
        let json = |order: &Order| serde_json::json!({ "ageing": order.ageing, "fair_share": order.fair_share, "every_owner": order.every_owner, "owner": order.owners });
        differ("", Some(&json(&current.order)), Some(&json(&next.order)), &mut order);
        let stranded = self.stranded(&next).await?;
        Ok(Preview { base: current.revision, changes, order, stranded, grace: EDIT_GRACE })
    }

    /// Those who wait for what no blueprint of it could ever serve.
    async fn stranded(&self, next: &InForce) -> Result<Vec<Stranded>, AskError> {
        let mut stranded = Vec::new();
        for class in self.read("who waits", self.store.waiting()).await? {
            let request = class.request.0;
            let mut every = Some(Vec::new());
            for way in std::iter::once(request.clone()).chain(request.alternatives()) {
                let considered = questions::answers(self, next, &way).await;
                let (answers, _) = considered.map_err(|fault| AskError::Store(fault.to_string()))?;
                every = every.zip(client::never(&answers)).map(|(all, reasons)| [all, vec![reasons]].concat());
            }
            if let Some(reasons) = every {
                let reasons = reasons.into_iter().filter(|reasons| !reasons.is_empty()).collect::<Vec<_>>().join("; ");
                let reasons = if reasons.is_empty() { "nothing makes it any more".to_owned() } else { reasons };
                stranded.push(Stranded { request, leases: class.waiting, reasons, since: class.never_since });
            }
        }
        Ok(stranded)
    }
}

/// Where two values differ, by the names that lead there.
fn differ(path: &str, was: Option<&Value>, now: Option<&Value>, out: &mut Vec<Difference>) {
    if was == now {
        return;
    }
    match (was.and_then(fields), now.and_then(fields)) {
        (Some(was), Some(now)) => {
            let keys: std::collections::BTreeSet<&String> = was.keys().chain(now.keys()).collect();
            for key in keys {
                let below = match (path, key.starts_with('[')) {
                    ("", _) => key.clone(),
                    (path, true) => format!("{path}{key}"),
                    (path, false) => format!("{path}.{key}"),
                };
                differ(&below, was.get(key), now.get(key), out);
            }
        }
        _ => out.push(Difference {
            key: path.to_owned(),
            was: was.filter(|was| !was.is_null()).cloned(),
            now: now.filter(|now| !now.is_null()).cloned(),
        }),
    }
}

/// What a value is made of: an object's fields; an array of things with names by these.
fn fields(value: &Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(object) => Some(object.clone()),
        Value::Array(items) if !items.is_empty() => {
            let named = |item: &Value| Some((format!("[{}]", item.get("name")?.as_str()?), item.clone()));
            let all: Option<Map<String, Value>> = items.iter().map(named).collect();
            all.filter(|all| all.len() == items.len())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn differences_are_named_by_what_leads_there() {
        let was = json!({ "a": 1, "hosts": [{ "name": "x", "port": 1 }, { "name": "y" }], "list": [1, 2], "gone": 1 });
        let now = json!({ "a": 1, "hosts": [{ "name": "z" }, { "name": "x", "port": 2 }], "list": [1], "new": null });
        let mut found = Vec::new();
        differ("", Some(&was), Some(&now), &mut found);
        let found: Vec<_> = found.iter().map(|d| (d.key.as_str(), d.was.clone(), d.now.clone())).collect();
        assert_eq!(
            found,
            [
                ("gone", Some(json!(1)), None),
                ("hosts[x].port", Some(json!(1)), Some(json!(2))),
                ("hosts[y]", Some(json!({ "name": "y" })), None),
                ("hosts[z]", None, Some(json!({ "name": "z" }))),
                ("list", Some(json!([1, 2])), Some(json!([1]))),
                ("new", None, None),
            ]
        );
    }
}
