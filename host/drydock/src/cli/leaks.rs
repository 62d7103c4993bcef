//! `leaks` and `resource forget`: what can't be closed, and what it has left.

use super::args::{ClearArgs, ForgetArgs, LeaksArgs, LeaksCommand};
use super::client::{Client, path};
use super::moment::{now, relative};
use super::output::{print, print_json, table, width};
use crate::api::types::{ForgetRequest, LeakView, Leaks, ResourceView};
use crate::exit::{self, Exit};

pub async fn leaks(client: &Client, args: &LeaksArgs) -> Result<u8, Exit> {
    if let Some(LeaksCommand::Clear(args)) = &args.command {
        return clear(client, args).await;
    }
    let list: Leaks = client.get("/v1/leaks", &()).await?;
    if args.json {
        print_json(&list)?;
    } else {
        print(&leak_table(&list.leaks, now(), width()))?;
    }
    Ok(exit::OK)
}

async fn clear(client: &Client, args: &ClearArgs) -> Result<u8, Exit> {
    let body = ForgetRequest { reason: args.reason.clone() };
    let leak: LeakView = client.post(&(path("leaks", &args.leak) + "/clear"), &body).await?;
    if args.json {
        print_json(&leak)?;
    }
    Ok(exit::OK)
}

pub async fn forget(client: &Client, args: &ForgetArgs) -> Result<ResourceView, Exit> {
    let body = ForgetRequest { reason: args.reason.clone() };
    Ok(client.post(&(path("resources", &args.resource) + "/forget"), &body).await?)
}

fn leak_table(leaks: &[LeakView], now: i64, width: Option<u16>) -> String {
    if leaks.is_empty() {
        return "no leaks\n".to_owned();
    }
    let rows: Vec<Vec<String>> = leaks
        .iter()
        .map(|leak| {
            vec![
                leak.id.clone(),
                leak.blueprint.clone(),
                leak.resource.clone(),
                leak.name.clone(),
                relative(now, leak.at),
                leak.state.clone().unwrap_or_default(),
                leak.reason.clone(),
            ]
        })
        .collect();
    table(&["LEAK", "BLUEPRINT", "RESOURCE", "NAME", "SINCE", "STATE", "REASON"], &rows, width)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaks_say_what_is_known_of_them() {
        let leak = LeakView {
            id: "k-1".to_owned(),
            blueprint: "cloud".to_owned(),
            resource: "r-1".to_owned(),
            name: "big".to_owned(),
            state: Some("i-0123".to_owned()),
            reason: "given up".to_owned(),
            at: 100_000,
        };
        assert_eq!(
            leak_table(&[leak], 105_000, None),
            "LEAK  BLUEPRINT  RESOURCE  NAME  SINCE    STATE   REASON\n\
             k-1   cloud      r-1       big   5 s ago  i-0123  given up\n"
        );
        assert_eq!(leak_table(&[], 0, None), "no leaks\n");
    }
}
