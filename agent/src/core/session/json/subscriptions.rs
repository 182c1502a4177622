//! Calls about logs that a program follows, and about events that it has subscribed to.

use super::super::follows::FollowId;
use super::fault::{Fault, INVALID_PARAMS};
use super::{Call, Purpose, done};
use lastword_protocol::refusal::Code;
use serde_json::{Value, json};

/// The method that begins a subscription.
pub(super) const SUBSCRIBE: &str = "logs";
/// The method that ends one.
pub(super) const CANCEL: &str = "logs_cancel";
/// The method that ends a subscription to events. Either ends whichever it is.
pub(super) const CANCEL_EVENTS: &str = "events.cancel";
/// Both of them.
pub(super) const CANCELS: [&str; 2] = [CANCEL, CANCEL_EVENTS];
/// The parameter of both.
pub(super) const SUBSCRIPTION: &str = "subscription_id";
/// What is wanted of it.
pub(super) const WANTED: &str = "the number that `logs` or `events.subscribe` has named";

/// What a call of this method is for.
pub(super) fn purpose(method: &str) -> Purpose {
    if method == SUBSCRIBE {
        Purpose::Subscribe
    } else {
        Purpose::Answer
    }
}

/// The subscription that a call of one of [`CANCELS`] names.
pub(super) fn wanted(params: Option<&Value>) -> Result<FollowId, Fault> {
    let id = match params {
        Some(Value::Array(values)) if values.len() > 1 => {
            let message = format!("takes {SUBSCRIPTION} by position, and nothing else");
            return Err(Fault::new(INVALID_PARAMS, Code::Syntax, message));
        }
        Some(Value::Array(values)) => values.first(),
        Some(Value::Object(params)) => {
            if let Some(other) = params.keys().find(|param| *param != SUBSCRIPTION) {
                let want = SUBSCRIPTION.to_owned();
                return Err(Fault::of_param(
                    Code::Unknown,
                    other,
                    "unknown parameter",
                    want,
                ));
            }
            params.get(SUBSCRIPTION)
        }
        _ => None,
    };
    let wrong =
        |wrong: &str| Fault::of_param(Code::BadValue, SUBSCRIPTION, wrong, WANTED.to_owned());
    match id {
        None | Some(Value::Null) => Err(wrong("missing")),
        Some(id) => id
            .as_u64()
            .map(FollowId)
            .ok_or_else(|| wrong(&format!("bad value {id}"))),
    }
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
        Some(done(self.id.as_ref()?, &json!({SUBSCRIPTION: of.0})))
    }

    /// The answer to a call that wants no more of a subscription. One that is over already is
    /// fine; one that has never been is not.
    pub(in super::super) fn cancelled(&self, of: FollowId, is_known: bool) -> Option<String> {
        let id = self.id.as_ref()?;
        if is_known {
            return Some(done(id, &json!({})));
        }
        let wrong = format!("no subscription {} in this session", of.0);
        let want = WANTED.to_owned();
        Some(Fault::of_param(Code::Unknown, SUBSCRIPTION, &wrong, want).answer(id))
    }
}
