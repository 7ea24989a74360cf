//! What to paste into which client, so that it finds this server.

use serde_json::json;

/// One client's configuration, ready to paste.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// As `sally mcp config` and the pages call it: `claude`, `cursor`, …
    pub client: &'static str,
    /// As people call it.
    pub title: &'static str,
    /// Where the text goes.
    pub place: &'static str,
    /// A command, a JSON file or a piece of TOML.
    pub text: String,
}

/// The clients that [`hosted`] knows, in its order.
pub const CLIENTS: &[&str] = &["claude", "claude-desktop", "cursor", "vscode", "codex"];

/// Configurations for a server that people reach at `base_url` (without a slash at the end) with an MCP key.
pub fn hosted(base_url: &str, key: &str) -> Vec<ClientConfig> {
    let url = format!("{base_url}/mcp");
    let bearer = format!("Bearer {key}");
    vec![
        ClientConfig {
            client: "claude",
            title: "Claude Code",
            place: "In a terminal",
            text: format!("claude mcp add --transport http sally {url} --header \"Authorization: {bearer}\""),
        },
        ClientConfig {
            client: "claude-desktop",
            title: "Claude Desktop",
            place: "In claude_desktop_config.json (Settings → Developer → Edit Config); needs Node.js",
            text: pretty(&json!({ "mcpServers": { "sally": bridge(&url, &bearer) } })),
        },
        ClientConfig {
            client: "cursor",
            title: "Cursor",
            place: "In ~/.cursor/mcp.json, or .cursor/mcp.json of a project",
            text: pretty(&json!({ "mcpServers": { "sally": { "url": url, "headers": { "Authorization": bearer } } } })),
        },
        ClientConfig {
            client: "vscode",
            title: "VS Code",
            place: "In .vscode/mcp.json of a project, or through “MCP: Open User Configuration”",
            text: pretty(
                &json!({ "servers": { "sally": { "type": "http", "url": url, "headers": { "Authorization": bearer } } } }),
            ),
        },
        ClientConfig {
            client: "codex",
            title: "Codex",
            place: "In ~/.codex/config.toml",
            text: format!(
                "[mcp_servers.sally]\nurl = {}\nhttp_headers = {{ Authorization = {} }}",
                toml::Value::from(url.as_str()),
                toml::Value::from(bearer.as_str())
            ),
        },
    ]
}

/// Claude Desktop reads only local commands from its file, and its connectors take no key: a bridge carries the key.
/// The header's value stands in the environment, because a blank inside an argument is lost on Windows.
fn bridge(url: &str, bearer: &str) -> serde_json::Value {
    let mut arguments = vec!["-y", "mcp-remote", url, "--header", "Authorization:${SALLY_AUTHORIZATION}"];
    if url.starts_with("http://") {
        arguments.push("--allow-http");
    }
    json!({ "command": "npx", "args": arguments, "env": { "SALLY_AUTHORIZATION": bearer } })
}

fn pretty(value: &serde_json::Value) -> String {
    format!("{value:#}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_client_gets_the_address_and_the_key() {
        let configs = hosted("https://sally.example.com", "sallymcp_abc");
        assert_eq!(configs.iter().map(|config| config.client).collect::<Vec<_>>(), CLIENTS);
        for config in &configs {
            assert!(config.text.contains("https://sally.example.com/mcp"), "{}", config.client);
            assert!(config.text.contains("Bearer sallymcp_abc"), "{}", config.client);
        }
    }

    #[test]
    fn what_is_a_file_can_be_read_as_one() {
        for config in hosted("http://127.0.0.1:4000", "sallymcp_abc") {
            match config.client {
                "claude" => {}
                "codex" => {
                    let table: toml::Table = config.text.parse().unwrap();
                    let headers = &table["mcp_servers"]["sally"]["http_headers"];
                    assert_eq!(headers["Authorization"].as_str(), Some("Bearer sallymcp_abc"));
                }
                _ => assert!(serde_json::from_str::<serde_json::Value>(&config.text).is_ok(), "{}", config.client),
            }
        }
    }
}
