//! Calls about logs that a program follows.

use super::super::follows::FollowId;
use super::{Call, INVALID_PARAMS, Purpose, failed};
use lastword_protocol::refusal::Code;
use serde_json::{Value, json};

/// The method that ends a subscription.
pub(super) const CANCEL: &str = "logs_cancel";

/// What a call of this method is for.
pub(super) fn purpose(method: &str) -> Purpose {
    if method == "logs" {
        Purpose::Subscribe
    } else {
        Purpose::Answer
    }
}

/// The subscription that a call of [`CANCEL`] names.
pub(super) fn wanted(params: Option<&Value>) -> Result<FollowId, String> {
    let id = params.and_then(|params| params.get("subscription_id"));
    let number = id.and_then(Value::as_u64);
    number
        .map(FollowId)
        .ok_or_else(|| "\"subscription_id\" must be the number that `logs` has named".to_owned())
}

impl Call {
    /// Whether lines of a log are wanted as notifications.
    pub(in super::super) fn subscribes(&self) -> bool {
        self.purpose == Purpose::Subscribe
    }

    /// The subscription that is not wanted any more.
    pub(in super::super) const fn cancels(&self) -> Option<FollowId> {
        match self.purpose {
            Purpose::Cancel(id) => Some(id),
            Purpose::Answer | Purpose::Subscribe => None,
        }
    }

    /// Whether it is no notification.
    pub(in super::super) const fn has_answer(&self) -> bool {
        self.id.is_some()
    }

    /// The answer: what the notifications will be named by.
    pub(in super::super) fn subscribed(&self, of: FollowId) -> Option<String> {
        let result = json!({"subscription_id": of.0});
        Some(json!({"jsonrpc": "2.0", "id": self.id.as_ref()?, "result": result}).to_string())
    }

    /// The answer to a call that wants no more of a subscription. One that is over already is
    /// fine; one that has never been is not.
    pub(in super::super) fn cancelled(&self, of: FollowId, is_known: bool) -> Option<String> {
        let id = self.id.as_ref()?;
        if is_known {
            return Some(json!({"jsonrpc": "2.0", "id": id, "result": {}}).to_string());
        }
        let message = format!("no subscription {} in this session", of.0);
        Some(failed(id, INVALID_PARAMS, &message, Code::Unknown))
    }
}
