//! The conditions under which a generation is let in, made ready, or gone back to.

use super::{GenerationStore, StoreRefusal, disk_refusal, refused};
use crate::core::generation::intake::{AdmittedGeneration, IntakeRefusal, IntakeState, admit};
use crate::core::generation::recovery::WorldView;
use crate::core::generation::rollout_ledger::RolloutLedger;
use lastword_generation::Manifest;
use lastword_protocol::Generation;
use lastword_protocol::refusal::Code;
use std::fs;
use std::path::Path;

impl GenerationStore {
    pub(super) fn admit(
        &self,
        signed: (&[u8], &str),
        ledger: &RolloutLedger,
        wants_older_security: bool,
    ) -> Result<AdmittedGeneration, IntakeRefusal> {
        let present = self.present();
        let is_present =
            |file: &lastword_generation::manifest::TreeFile| self.is_present(file.sha256, &present);
        // What the board runs was let in: a journal that was lost must not undo a fix.
        let current = self.observe().ok().and_then(WorldView::current);
        let current = current.and_then(|current| self.manifest(current));
        let current = current.map_or(0, |manifest| manifest.security_version);
        let state = IntakeState {
            security_version: ledger.security_version().max(current),
            quarantined: ledger.quarantined(),
            is_present: &is_present,
            // A disk that cannot tell is asked again when it is written to.
            free_bytes: self.free_bytes().unwrap_or(u64::MAX),
            wants_older_security,
        };
        admit(&self.policy, state, signed)
    }

    /// Refuses a generation to go back to whose security version is too low, or whose signature no longer counts.
    pub(in crate::edge::generations) fn check_way_back(
        &self,
        previous: Generation,
        ledger: &RolloutLedger,
        allows_older: bool,
    ) -> Result<(), StoreRefusal> {
        let signed = self.manifests.signed(previous);
        let signed = signed.map_err(|error| disk_refusal(&error))?;
        if let Some((bytes, signature)) = signed
            && let Err(error) = self.policy.keys.verify(&bytes, &signature)
        {
            let detail = format!("the one before: {error}");
            return Err(refused(Code::NotAllowed, detail));
        }
        let version = self.manifest(previous).map(|it| it.security_version);
        let confirmed = ledger.security_version();
        match version {
            Some(version) if version < confirmed && !allows_older => {
                let detail = format!(
                    "the one before has security-version {version}, and {confirmed} was confirmed here"
                );
                Err(refused(Code::NotAllowed, detail))
            }
            _ => Ok(()),
        }
    }

    /// Refuses service files of which the board has its own of the same name.
    pub(super) fn check_service_names(&self, manifest: &Manifest) -> Result<(), String> {
        for file in manifest.service_files() {
            let path: &Path = file.path.as_ref();
            let name = path.file_name().unwrap_or_default();
            let local = self.local_services.join(name);
            if fs::symlink_metadata(&local).is_ok() {
                let (path, local) = (path.display(), local.display());
                return Err(format!(
                    "{path}: {local} has the same name; rename one of them"
                ));
            }
        }
        Ok(())
    }
}
