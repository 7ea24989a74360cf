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

/// The clients that [`hosted`] and [`local`] know, in their order.
pub const CLIENTS: &[&str] = &["claude", "claude-desktop", "cursor", "vscode", "codex"];

const CURSOR_PLACE: &str = "In ~/.cursor/mcp.json, or .cursor/mcp.json of a project";
const VSCODE_PLACE: &str = "In .vscode/mcp.json of a project, or through “MCP: Open User Configuration”";
const CODEX_PLACE: &str = "In ~/.codex/config.toml";

/// Configurations for a server that people reach at `base_url` (without a slash at the end) with an MCP key.
pub fn hosted(base_url: &str, key: &str) -> Vec<ClientConfig> {
    let url = format!("{base_url}/mcp");
    let bearer = format!("Bearer {key}");
    let headers = json!({ "Authorization": bearer });
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
            place: CURSOR_PLACE,
            text: pretty(&json!({ "mcpServers": { "sally": { "url": url, "headers": headers } } })),
        },
        ClientConfig {
            client: "vscode",
            title: "VS Code",
            place: VSCODE_PLACE,
            text: pretty(&json!({ "servers": { "sally": { "type": "http", "url": url, "headers": headers } } })),
        },
        ClientConfig {
            client: "codex",
            title: "Codex",
            place: CODEX_PLACE,
            text: format!(
                "[mcp_servers.sally]\nurl = {}\nhttp_headers = {{ Authorization = {} }}",
                toml::Value::from(url),
                toml::Value::from(bearer)
            ),
        },
    ]
}

/// Configurations for clients that start the program at `command` themselves, which then talks to the server. Either kind of key will do.
pub fn local(base_url: &str, key: &str, command: &str) -> Vec<ClientConfig> {
    let environment = json!({ "SALLY_URL": base_url, "SALLY_USER_API_KEY": key });
    let process = json!({ "command": command, "args": ["mcp"], "env": environment });
    let servers = pretty(&json!({ "mcpServers": { "sally": process } }));
    vec![
        ClientConfig {
            client: "claude",
            title: "Claude Code",
            place: "In a terminal",
            // Without an option between them it would take the name for one more variable.
            text: format!(
                "claude mcp add --env SALLY_URL={base_url} --env SALLY_USER_API_KEY={key} --transport stdio sally -- \"{command}\" mcp"
            ),
        },
        ClientConfig {
            client: "claude-desktop",
            title: "Claude Desktop",
            place: "In claude_desktop_config.json (Settings → Developer → Edit Config)",
            text: servers.clone(),
        },
        ClientConfig { client: "cursor", title: "Cursor", place: CURSOR_PLACE, text: servers },
        ClientConfig {
            client: "vscode",
            title: "VS Code",
            place: VSCODE_PLACE,
            text: pretty(&json!({ "servers": { "sally": {
                "type": "stdio", "command": command, "args": ["mcp"], "env": environment } } })),
        },
        ClientConfig {
            client: "codex",
            title: "Codex",
            place: CODEX_PLACE,
            text: format!(
                "[mcp_servers.sally]\ncommand = {}\nargs = [\"mcp\"]\nenv = {{ SALLY_URL = {}, SALLY_USER_API_KEY = {} }}",
                toml::Value::from(command),
                toml::Value::from(base_url),
                toml::Value::from(key)
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

    const COMMAND: &str = r"C:\Program Files\sally.exe";

    /// Both kinds of each client's configuration.
    fn all() -> Vec<(ClientConfig, ClientConfig)> {
        let hosted = hosted("http://127.0.0.1:4000", "sallymcp_abc");
        hosted.into_iter().zip(local("http://127.0.0.1:4000", "atpm_abc", COMMAND)).collect()
    }

    #[test]
    fn every_client_gets_the_address_and_the_key() {
        for ((hosted, local), client) in all().iter().zip(CLIENTS) {
            assert_eq!((&hosted.client, &local.client), (client, client));
            assert!(hosted.text.contains("http://127.0.0.1:4000/mcp"), "{client}");
            assert!(hosted.text.contains("Bearer sallymcp_abc"), "{client}");
            assert!(local.text.contains("http://127.0.0.1:4000") && !local.text.contains("/mcp"), "{client}");
            assert!(local.text.contains("atpm_abc"), "{client}");
        }
        assert_eq!(all().len(), CLIENTS.len());
    }

    #[test]
    fn what_is_a_file_can_be_read_as_one() {
        for (hosted, local) in all() {
            let [hosted, local] = match hosted.client {
                "claude" => continue,
                "codex" => [hosted, local].map(|config| {
                    let table: toml::Table = config.text.parse().unwrap();
                    serde_json::to_value(&table["mcp_servers"]["sally"]).unwrap()
                }),
                client => [hosted, local].map(|config| {
                    let file: serde_json::Value = serde_json::from_str(&config.text).unwrap();
                    file[if client == "vscode" { "servers" } else { "mcpServers" }]["sally"].clone()
                }),
            };
            assert!(hosted["url"] == "http://127.0.0.1:4000/mcp" || hosted["command"] == "npx", "{hosted}");
            assert_eq!((&local["command"], &local["args"]), (&json!(COMMAND), &json!(["mcp"])), "{local}");
            assert_eq!(local["env"], json!({ "SALLY_URL": "http://127.0.0.1:4000", "SALLY_USER_API_KEY": "atpm_abc" }));
        }
    }

    #[test]
    fn a_terminal_gets_one_command_of_whole_words() {
        let (hosted, local) = all().swap_remove(0);
        assert_eq!(
            hosted.text,
            "claude mcp add --transport http sally http://127.0.0.1:4000/mcp --header \"Authorization: Bearer sallymcp_abc\""
        );
        assert!(local.text.ends_with(&format!("--transport stdio sally -- \"{COMMAND}\" mcp")), "{}", local.text);
    }
}
