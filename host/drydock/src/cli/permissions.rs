//! `plugin explain`.

use super::args::PluginCommand;
use super::client::{Client, path};
use super::output::{plain, print, print_json, table, width};
use crate::api::types::Permissions;
use crate::exit::{self, Exit};

pub async fn plugin(client: &Client, command: &PluginCommand) -> Result<u8, Exit> {
    let PluginCommand::Explain(args) = command;
    let permissions: Permissions = client.get(&(path("blueprints", &args.name) + "/permissions"), &()).await?;
    if args.json {
        print_json(&permissions)?;
    } else {
        print(&page(&permissions, width()))?;
    }
    Ok(exit::OK)
}

fn page(of: &Permissions, width: Option<u16>) -> String {
    let mut page = format!("{} runs {} {}\n", plain(&of.blueprint), plain(&of.plugin), plain(&of.plugin_version));
    if of.asks.is_empty() {
        page += "\nThe plugin asks for nothing.\n";
    } else {
        let granted = |by: &[String]| if by.is_empty() { "not granted".to_owned() } else { by.join(", ") };
        let asked = |ask: &crate::api::types::AskView| {
            vec![format!("{}:{}", ask.what, ask.scope), granted(&ask.granted_by), ask.reason.clone()]
        };
        let rows: Vec<_> = of.asks.iter().map(asked).collect();
        page += &format!("\n{}", table(&["IT ASKS FOR", "GRANTED BY", "WHY"], &rows, width));
    }
    if !of.credentials.is_empty() {
        let rows: Vec<_> = of
            .credentials
            .iter()
            .map(|credential| {
                let kind = credential.kind.clone().unwrap_or_else(|| "the daemon has none of that name".to_owned());
                vec![credential.name.clone(), kind, credential.hosts.join(", ")]
            })
            .collect();
        page += &format!("\n{}", table(&["CREDENTIAL", "KIND", "FOR"], &rows, width));
    }
    if !of.unasked.is_empty() {
        let grants: Vec<String> = of.unasked.iter().map(|grant| plain(grant)).collect();
        page += &format!("\nGranted, but not asked for by the plugin, so without effect: {}\n", grants.join(", "));
    }
    page += "\nWithout any grant:\n";
    for always in &of.always {
        page += &format!("  {}\n", plain(always));
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{from_value, json};

    #[test]
    fn both_sides_are_shown() {
        let permissions: Permissions = from_value(json!({
            "blueprint": "cloud", "plugin": "ec2", "plugin_version": "1",
            "asks": [
                {"what": "http", "scope": "*.amazonaws.com", "reason": "to start instances",
                 "granted_by": ["http:GET,POST ec2.eu-central-1.amazonaws.com"]},
                {"what": "commands", "scope": "ssh", "reason": "to look at them", "granted_by": []},
            ],
            "credentials": [
                {"name": "aws", "kind": "aws", "hosts": ["*.amazonaws.com"]},
                {"name": "lost"},
            ],
            "unasked": ["leases:host"],
            "always": ["log: write to the log"],
        }))
        .unwrap();
        assert_eq!(
            page(&permissions, None),
            "cloud runs ec2 1\n\n\
             IT ASKS FOR           GRANTED BY                                    WHY\n\
             http:*.amazonaws.com  http:GET,POST ec2.eu-central-1.amazonaws.com  to start instances\n\
             commands:ssh          not granted                                   to look at them\n\n\
             CREDENTIAL  KIND                              FOR\n\
             aws         aws                               *.amazonaws.com\n\
             lost        the daemon has none of that name\n\n\
             Granted, but not asked for by the plugin, so without effect: leases:host\n\n\
             Without any grant:\n  log: write to the log\n"
        );
    }
}
