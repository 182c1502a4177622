//! Generations and rollouts as results of calls.

use super::Object;
use super::fault::{Fault, REFUSED};
use lastword_protocol::message::Reply;
use lastword_protocol::message::generation::GenerationRequest;
use lastword_protocol::message::service::{Item, Page};
use lastword_shell::{fields, items};
use serde_json::{Value, json};

/// Returns the result of a request, from all pages of its answer: a list of generations, or one object. A rollout has its
/// checks in it.
pub(super) fn result(request: &GenerationRequest, replies: &[Reply]) -> Result<Value, Fault> {
    let last = replies.last();
    if let Some((reply, (code, detail))) = last.and_then(|it| Some((it, fields::refusal(it)?))) {
        return Err(Fault::new(REFUSED, code, detail).because(fields::cause(reply)));
    }
    let pages = replies.iter().filter_map(|reply| match reply {
        Reply::Items(page) => Some(page),
        _ => None,
    });
    let rows = |are_checks: bool| {
        let items = pages.clone().flat_map(Page::items);
        let items = items.filter(move |item| matches!(item, Item::Check(_)) == are_checks);
        items.map(|item| row(&item))
    };
    Ok(match request {
        GenerationRequest::List | GenerationRequest::Offer(_) | GenerationRequest::Prune { .. } => {
            rows(false).collect()
        }
        GenerationRequest::Status => {
            let mut rollout = rows(false)
                .next()
                .unwrap_or_else(|| json!({"state": "none"}));
            rollout["checks"] = rows(true).collect();
            rollout
        }
        _ => rows(false).next().unwrap_or_else(|| json!({})),
    })
}

fn row(item: &Item<'_>) -> Value {
    let mut object = Object::default();
    // An object takes every field.
    let _ = items::visit(item, &mut object);
    Value::Object(object.0)
}
