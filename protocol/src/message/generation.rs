//! Generations: the requests about them, and the items of their answers.

use super::{BadRequest, opcode};
use crate::codec::{Field, Writer, fields, words};
use crate::rollout::RolloutState;
use crate::units::{Generation, Millis, ObjectHash, Text};
use serde::{Deserialize, Serialize};

/// The longest beginning of a generation's name, in bytes: all of its hexadecimal digits.
pub const GENERATION_NAME_BYTES: usize = 64;
/// The shortest beginning of a generation's name that is looked up, in digits.
pub const GENERATION_NAME_BYTES_MIN: usize = 4;
/// The longest detail of a failure, in bytes. Longer ones are cut, and end in `…`.
pub const ROLLOUT_DETAIL_BYTES: usize = 168;

/// A generation's name, or a beginning of it that no other generation of the board has.
pub type GenerationName = Text<GENERATION_NAME_BYTES>;

/// A request about generations. Every answer is a page of items, or a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GenerationRequest {
    /// List the generations that are on the board: a [`GenerationBrief`] each.
    List,
    /// Show one of them: its [`GenerationBrief`], then its [`SignatureBrief`]. The manifest, whose hash is its name, the
    /// signature and the contents can be got as objects.
    Show(GenerationName),
    /// Show the one that the board runs: its [`GenerationBrief`], or nothing.
    Current,
    /// Take one in: its [`GenerationBrief`], then a [`MissingContent`] for each content that the board does not have.
    Offer(GenerationOffer),
    /// Expand a content from an object of the board's store. Answered without items.
    Expand(ContentExpansion),
    /// Activate one whose contents are all there: the [`RolloutBrief`], once its beginning is recorded.
    Activate(ActivateRequest),
    /// End the soak, as soon as the checks hold: the [`RolloutBrief`].
    Confirm,
    /// Put the generation before back: the [`RolloutBrief`], once that is recorded.
    Rollback {
        /// As [`GenerationOffer::allow_older`], where one was kept that is left.
        allow_older: bool,
    },
    /// Show the last rollout: its [`RolloutBrief`], then a [`CheckBrief`] for each health check.
    Status,
    /// Let one in again that was rolled back. Answered without items.
    Unquarantine(GenerationName),
    /// Remove all but the current, the one before, the pending one and the newest others: a [`GenerationBrief`] for
    /// each that was removed.
    Prune {
        /// The number of others.
        keep: u16,
    },
}

/// An offer of a generation: its manifest and signature are objects of the board's store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GenerationOffer {
    /// The manifest: the hash is the generation's name.
    pub manifest: ObjectHash,
    /// The signature.
    pub signature: ObjectHash,
    /// Take it though its security version is lower than one that was confirmed, if the board's configuration lets a
    /// request say so.
    pub allow_older: bool,
}

/// An object that holds a content, compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContentExpansion {
    /// The content.
    pub content: ObjectHash,
    /// Its length in bytes.
    pub size: u64,
    /// The object: a zstd frame.
    pub packed: ObjectHash,
    /// The content against which it was compressed; `None`: against nothing.
    pub base: Option<ObjectHash>,
}

/// An order to activate a generation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivateRequest {
    /// The generation.
    pub name: GenerationName,
    /// As [`GenerationOffer::allow_older`].
    pub allow_older: bool,
    /// Reboot, gracefully, if a component needs that.
    pub reboot: bool,
}

/// The place of a generation on a board.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GenerationRole {
    /// The board runs it.
    Current,
    /// It is being activated.
    Pending,
    /// The board ran it before.
    Previous,
    /// It is there, whole.
    Stored,
    /// Contents of it are missing.
    Incomplete,
}

/// A generation in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GenerationBrief<'a> {
    /// The generation.
    pub generation: Generation,
    /// Its place.
    pub role: GenerationRole,
    /// True if it was rolled back, and is not taken again by itself.
    pub is_quarantined: bool,
    /// The product's name, for people.
    pub name: &'a str,
    /// The version, for people.
    pub version: &'a str,
    /// The security version.
    pub security_version: u32,
    /// The number of files.
    pub files: u32,
    /// Their sum, in bytes.
    pub bytes: u64,
}

/// The signature of a generation in an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignatureBrief {
    /// The SHA-256 of its text.
    pub signature: ObjectHash,
}

/// A content that a board does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingContent {
    /// The content.
    pub content: ObjectHash,
    /// Its length in bytes.
    pub size: u64,
    /// A content that the board has, against which it may be compressed: an older file with the same path.
    pub base: Option<ObjectHash>,
}

/// A rollout in an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolloutBrief<'a> {
    /// The generation that is to be the board's.
    pub target: Generation,
    /// The one before.
    pub previous: Option<Generation>,
    /// The state.
    pub state: RolloutState,
    /// The number of attempts that were begun.
    pub attempts: u8,
    /// The time that is left of the soak; `None` where it does not soak, or waits for a confirmation.
    pub soak_left: Option<Millis>,
    /// The exit code of the last failure; 0 if nothing has failed.
    pub code: i32,
    /// A description of the failure, of what is waited for, or nothing.
    pub detail: &'a str,
    /// True if nothing is switched: the agent is in its test mode.
    pub is_test: bool,
}

/// A health check in an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckBrief<'a> {
    /// Its name.
    pub name: &'a str,
    /// The number of its runs.
    pub runs: u64,
    /// The number of failures in a row, up to now.
    pub failures: u32,
    /// The number of failures in a row that fail the soak.
    pub failures_max: u32,
    /// True if the last run held; `None` before the first.
    pub has_passed: Option<bool>,
    /// The reason if it did not.
    pub detail: &'a str,
}

impl GenerationRequest {
    /// Its opcode.
    #[must_use]
    pub const fn opcode(&self) -> u8 {
        match self {
            Self::List => opcode::GEN_LIST,
            Self::Show(_) => opcode::GEN_SHOW,
            Self::Current => opcode::GEN_CURRENT,
            Self::Offer(_) => opcode::GEN_OFFER,
            Self::Expand(_) => opcode::GEN_EXPAND,
            Self::Activate(_) => opcode::GEN_ACTIVATE,
            Self::Confirm => opcode::GEN_CONFIRM,
            Self::Rollback { .. } => opcode::GEN_ROLLBACK,
            Self::Status => opcode::GEN_STATUS,
            Self::Unquarantine(_) => opcode::GEN_UNQUARANTINE,
            Self::Prune { .. } => opcode::GEN_PRUNE,
        }
    }

    /// Reads a request; `None` if the opcode is none about generations.
    pub(super) fn read(opcode: u8, body: &[u8]) -> Option<Result<Self, BadRequest>> {
        let request = match opcode {
            opcode::GEN_LIST => Ok(Self::List),
            opcode::GEN_SHOW => postcard::from_bytes(body).map(Self::Show),
            opcode::GEN_CURRENT => Ok(Self::Current),
            opcode::GEN_OFFER => postcard::from_bytes(body).map(Self::Offer),
            opcode::GEN_EXPAND => postcard::from_bytes(body).map(Self::Expand),
            opcode::GEN_ACTIVATE => postcard::from_bytes(body).map(Self::Activate),
            opcode::GEN_CONFIRM => Ok(Self::Confirm),
            opcode::GEN_ROLLBACK => {
                postcard::from_bytes(body).map(|allow_older| Self::Rollback { allow_older })
            }
            opcode::GEN_STATUS => Ok(Self::Status),
            opcode::GEN_UNQUARANTINE => postcard::from_bytes(body).map(Self::Unquarantine),
            opcode::GEN_PRUNE => postcard::from_bytes(body).map(|keep| Self::Prune { keep }),
            _ => return None,
        };
        Some(request.map_err(|_| BadRequest::Malformed(opcode)))
    }
}

impl Field for GenerationRequest {
    fn write(&self, out: &mut Writer<'_>) {
        match self {
            Self::List | Self::Current | Self::Confirm | Self::Status => {}
            Self::Show(name) | Self::Unquarantine(name) => name.write(out),
            Self::Offer(offer) => offer.write(out),
            Self::Expand(expansion) => expansion.write(out),
            Self::Activate(order) => order.write(out),
            Self::Rollback { allow_older } => allow_older.write(out),
            Self::Prune { keep } => keep.write(out),
        }
    }
}

fields! {
    GenerationOffer { manifest, signature, allow_older }
    ContentExpansion { content, size, packed, base }
    ActivateRequest { name, allow_older, reboot }
}

words! {
    GenerationRole {
        Current = "current",
        Pending = "pending",
        Previous = "previous",
        Stored = "stored",
        Incomplete = "incomplete",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::service::{Item, Page};

    #[track_caller]
    fn check_room(item: &Item<'_>) {
        let mut page = Page::default();
        assert!(page.push(item), "{item:?}");
        assert!(page.items().eq([item.clone()]), "{item:?}");
    }

    #[test]
    fn the_longest_item_of_each_kind_has_a_page_of_its_own() {
        let (label, name) = ("l".repeat(64), "n".repeat(32));
        let detail = "d".repeat(ROLLOUT_DETAIL_BYTES);
        let (generation, content) = (Generation([0xFF; 32]), ObjectHash([0xFF; 32]));
        check_room(&Item::Generation(GenerationBrief {
            generation,
            role: GenerationRole::Incomplete,
            is_quarantined: true,
            name: &label,
            version: &label,
            security_version: u32::MAX,
            files: u32::MAX,
            bytes: u64::MAX,
        }));
        check_room(&Item::Signature(SignatureBrief { signature: content }));
        check_room(&Item::MissingContent(MissingContent {
            content,
            size: u64::MAX,
            base: Some(content),
        }));
        check_room(&Item::Rollout(RolloutBrief {
            target: generation,
            previous: Some(generation),
            state: RolloutState::ROLLBACK_ORDERED,
            attempts: u8::MAX,
            soak_left: Some(Millis(u64::MAX)),
            code: i32::MIN,
            detail: &detail,
            is_test: true,
        }));
        check_room(&Item::Check(CheckBrief {
            name: &name,
            runs: u64::MAX,
            failures: u32::MAX,
            failures_max: u32::MAX,
            has_passed: Some(false),
            detail: &detail,
        }));
    }

    #[test]
    fn a_name_has_room_for_all_digits_of_a_generation() {
        let name = format!("{}", Generation([0xAB; 32]));
        assert_eq!(name.len(), GENERATION_NAME_BYTES);
        assert!(GenerationName::try_from(&*name).is_ok());
    }
}
