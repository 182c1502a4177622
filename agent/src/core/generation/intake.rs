//! The checks before a board takes a generation in: nothing of its files has been asked for then.

use lastword_generation::manifest::{MANIFEST_BYTES_MAX, TreeFile, generation_of};
use lastword_generation::signature::{SignatureError, TrustedKeys};
use lastword_generation::{Manifest, ManifestError};
use lastword_protocol::Generation;
use lastword_protocol::refusal::Code;
use std::collections::HashMap;

/// The identity of a board, and its configuration.
#[derive(Clone, Debug)]
pub struct IntakePolicy {
    /// The keys whose signatures count.
    pub keys: TrustedKeys,
    /// The kinds of board that it is.
    pub kinds: Vec<String>,
    /// The machine, as `uname -m` says.
    pub machine: String,
    /// The configuration lets a request go below the highest security version that was confirmed.
    pub allows_older_security: bool,
}

/// The state of a board when a generation is offered.
#[derive(Clone, Copy)]
pub struct IntakeState<'s> {
    /// The highest security version of a generation that was confirmed on this board; 0 if none was.
    pub security_version: u32,
    /// The generations that were rolled back.
    pub quarantined: &'s [Generation],
    /// Returns whether the content of a file is on the board already.
    pub is_present: &'s dyn Fn(&TreeFile) -> bool,
    /// The room for the contents that are not, and for the files made of them, in bytes.
    pub free_bytes: u64,
    /// The request wants to go below the security version.
    pub wants_older_security: bool,
}

/// A generation that a board may take in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdmittedGeneration {
    /// Its name.
    pub generation: Generation,
    /// Its manifest.
    pub manifest: Manifest,
}

/// A reason why a board does not take a generation in.
#[derive(Debug, thiserror::Error)]
pub enum IntakeRefusal {
    /// The signature does not count.
    #[error("signature mismatch on {}: {source}", generation.short())]
    Signature {
        /// The generation.
        generation: Generation,
        /// The reason.
        source: SignatureError,
    },
    /// The manifest cannot be used.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// It is for other boards.
    #[error("this board is {board}; the generation is for {wanted}")]
    OtherBoard {
        /// The kinds of board, or the architecture, that it is for.
        wanted: String,
        /// This board's own kinds, or its machine.
        board: String,
    },
    /// It would undo a fix.
    #[error(
        "generation has security-version {offered}, and {confirmed} was confirmed here; {remedy}"
    )]
    OlderSecurity {
        /// The generation's.
        offered: u32,
        /// The highest that was confirmed.
        confirmed: u32,
        /// The way to have it all the same.
        remedy: &'static str,
    },
    /// It was rolled back before.
    #[error("generation {} was rolled back here; `gen unquarantine` lets it in again", .0.short())]
    Quarantined(Generation),
    /// There is no room for it.
    #[error("generation needs {needed} bytes; {free} are free")]
    NoSpace {
        /// The bytes of its files.
        needed: u64,
        /// The room there is.
        free: u64,
    },
}

impl IntakeRefusal {
    /// The code of the refusal, for every dialect.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Signature { .. } | Self::OlderSecurity { .. } => Code::NotAllowed,
            Self::Manifest(_) | Self::OtherBoard { .. } => Code::BadValue,
            Self::Quarantined(_) => Code::Busy,
            Self::NoSpace { .. } => Code::TooLong,
        }
    }
}

/// Checks a generation that is offered, the signature before anything is read.
///
/// # Errors
///
/// [`IntakeRefusal`]: the first reason.
pub fn admit(
    policy: &IntakePolicy,
    state: IntakeState<'_>,
    (manifest, signature): (&[u8], &str),
) -> Result<AdmittedGeneration, IntakeRefusal> {
    if manifest.len() > MANIFEST_BYTES_MAX {
        return Err(ManifestError::TooLong(manifest.len()).into());
    }
    let generation = generation_of(manifest);
    let checked = policy.keys.verify(manifest, signature);
    checked.map_err(|source| IntakeRefusal::Signature { generation, source })?;
    let manifest = Manifest::parse(manifest)?;
    check_board(policy, &manifest)?;
    check_security(policy, state, &manifest)?;
    if state.quarantined.contains(&generation) {
        return Err(IntakeRefusal::Quarantined(generation));
    }
    let (needed, free) = (needed_bytes(&manifest, state.is_present), state.free_bytes);
    if free < needed {
        return Err(IntakeRefusal::NoSpace { needed, free });
    }
    Ok(AdmittedGeneration {
        generation,
        manifest,
    })
}

/// Returns the room that a generation takes: each missing content once while it waits, and each of its files.
fn needed_bytes(manifest: &Manifest, is_present: &dyn Fn(&TreeFile) -> bool) -> u64 {
    let missing = manifest.files.iter().filter(|file| !is_present(file));
    let contents: HashMap<_, _> = missing
        .clone()
        .map(|file| (file.sha256, file.size))
        .collect();
    let files = missing.map(|file| file.size);
    files
        .chain(contents.into_values())
        .fold(0, u64::saturating_add)
}

fn check_board(policy: &IntakePolicy, manifest: &Manifest) -> Result<(), IntakeRefusal> {
    let kinds = policy.kinds.iter().map(String::as_str);
    if manifest.compatible_with(kinds).is_none() {
        let board = match &policy.kinds[..] {
            [] => "of no kind: generations { compatible } says none".to_owned(),
            kinds => kinds.join(", "),
        };
        let wanted = manifest.compatible.join(", ");
        return Err(IntakeRefusal::OtherBoard { wanted, board });
    }
    if !manifest.runs_on(&policy.machine) {
        let wanted = manifest.architecture.clone();
        let board = policy.machine.clone();
        return Err(IntakeRefusal::OtherBoard { wanted, board });
    }
    Ok(())
}

fn check_security(
    policy: &IntakePolicy,
    state: IntakeState<'_>,
    manifest: &Manifest,
) -> Result<(), IntakeRefusal> {
    let (offered, confirmed) = (manifest.security_version, state.security_version);
    let remedy = match (policy.allows_older_security, state.wants_older_security) {
        (true, true) => return Ok(()),
        (true, false) => "--allow-older takes it all the same",
        (false, _) => {
            "generations { allow-older #true } and --allow-older would take it all the same"
        }
    };
    if confirmed <= offered {
        return Ok(());
    }
    Err(IntakeRefusal::OlderSecurity {
        offered,
        confirmed,
        remedy,
    })
}

#[cfg(test)]
mod tests;
