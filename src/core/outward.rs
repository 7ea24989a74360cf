//! What Sally asks of others over HTTP: of a provider, an authority, a program's own document, another Sally.

use ureq::config::ConfigBuilder;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::typestate::AgentScope;

/// It trusts whom the machine trusts, as a server at home or inside a company often has a certificate of its own. A redirect and
/// a refusal are answers like others; nothing is sent on.
pub fn agent() -> ConfigBuilder<AgentScope> {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .tls_config(TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build())
}
