//! The names of generations, as requests give them: a beginning is enough.

use crate::edge::generations::generation_store::{
    GenerationStore, StoreRefusal, refused as refusal,
};
use lastword_protocol::Generation;
use lastword_protocol::message::generation::GENERATION_NAME_BYTES_MIN;
use lastword_protocol::refusal::Code;

/// Returns the generation whose name begins so.
pub(super) fn resolve(
    store: &GenerationStore,
    name: &str,
    others: &[Generation],
) -> Result<Generation, StoreRefusal> {
    let name = name.to_ascii_lowercase();
    if name.len() < GENERATION_NAME_BYTES_MIN {
        let detail = format!("a name has {GENERATION_NAME_BYTES_MIN} digits at least");
        return Err(refusal(Code::BadValue, detail));
    }
    let known = store.generations();
    let mut matching = known
        .iter()
        .chain(others)
        .filter(|generation| generation.to_string().starts_with(&name));
    match (matching.next(), matching.next()) {
        (Some(one), None) => Ok(*one),
        (None, _) => Err(unknown(&name)),
        (Some(_), Some(_)) => {
            let detail = format!("several generations begin with {name}: give more digits");
            Err(refusal(Code::BadValue, detail))
        }
    }
}

pub(super) fn unknown(name: &str) -> StoreRefusal {
    let detail = format!("no generation on the board begins with {name}; `gen list` lists them");
    refusal(Code::Unknown, detail)
}
