//! The places of credentials and of the authority, in the directory of the user's configuration.

use etcetera::BaseStrategy;
use std::path::PathBuf;

/// The environment variable that names the directory of this side's credentials.
const CREDENTIALS_VARIABLE: &str = "LASTWORD_CREDENTIALS";
/// The environment variable that names the directory of the authority.
const AUTHORITY_VARIABLE: &str = "LASTWORD_PKI";

/// Returns the directory of this side's credentials for TLS; `None` without a home.
pub(crate) fn credentials() -> Option<PathBuf> {
    named(CREDENTIALS_VARIABLE, "credentials")
}

/// Returns the directory of the authority that issues certificates; `None` without a home.
pub(crate) fn authority() -> Option<PathBuf> {
    named(AUTHORITY_VARIABLE, "pki")
}

fn named(variable: &str, name: &str) -> Option<PathBuf> {
    let said = std::env::var_os(variable).filter(|it| !it.is_empty());
    said.map(PathBuf::from).or_else(|| {
        let strategy = etcetera::choose_base_strategy().ok()?;
        Some(strategy.config_dir().join("lastword").join(name))
    })
}
