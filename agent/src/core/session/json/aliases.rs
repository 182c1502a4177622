//! The names of methods that stand for others.

use super::services;
use serde_json::Value;

/// The methods about events, and the commands that they stand for.
pub(super) const EVENT_METHODS: &[(&str, &str)] =
    &[("events.list", "events"), ("events.subscribe", "sub")];

/// Returns the method of a command that does what this method is called for.
pub(super) fn alias<'m>(method: &'m str, params: Option<&Value>) -> &'m str {
    match EVENT_METHODS.iter().find(|(it, _)| *it == method) {
        Some((_, of)) => of,
        None => services::alias(method, params),
    }
}
