//! The supervisor's registry: `state.json`, while services come and go.

use super::disk::SimulatedDisk;
use super::medium::DiskImage;
use super::subject::{ProcessIncarnation, RuleViolation, StateLedger, StorageSubject};
use lastword_agent::core::service::registry::{
    Component, Found, Kind, Origin, REGISTRY_FILE, Registry,
};
use lastword_protocol::BootId;

/// The registry of a new board, or of one whose file is broken.
pub(super) struct RegistrySubject {
    pub(super) is_broken: bool,
}

/// The state of `state.json`; a registry by its text, which can be hashed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum RegistryFile {
    Nothing,
    Broken,
    Registry(String),
}

/// An agent as far as its registry goes.
pub(super) struct RegistryProcess {
    incarnation: ProcessIncarnation,
}

/// The number of services in each registry that is written.
const SERVICES: [u8; 4] = [1, 3, 2, 0];

impl StorageSubject for RegistrySubject {
    type State = RegistryFile;
    type Process = RegistryProcess;

    fn name(&self) -> &'static str {
        if self.is_broken {
            return "registry, broken";
        }
        "registry"
    }

    fn image(&self) -> DiskImage {
        let broken = (REGISTRY_FILE.to_owned(), b"{ torn".to_vec());
        self.is_broken.then_some(broken).into_iter().collect()
    }

    fn state(&self) -> RegistryFile {
        if self.is_broken {
            return RegistryFile::Broken;
        }
        RegistryFile::Nothing
    }

    fn evidence(&self) -> Vec<Vec<u8>> {
        self.image().into_values().collect()
    }

    fn begin(
        &self,
        disk: &mut SimulatedDisk,
        ledger: &mut StateLedger<RegistryFile>,
        incarnation: ProcessIncarnation,
    ) -> Result<Option<RegistryProcess>, RuleViolation> {
        let before = ledger.clone();
        if ledger.may_be(&RegistryFile::Broken) {
            ledger.attempt(RegistryFile::Nothing);
        }
        disk.action = "load";
        let found = Registry::load(disk);
        if disk.is_cut {
            return Ok(None);
        }
        match &found {
            Found::Nothing => before.check(&RegistryFile::Nothing)?,
            Found::Registry(registry) => before.check(&file_of(registry))?,
            Found::Broken(broken) => {
                before.check(&RegistryFile::Broken)?;
                match broken.kept_as() {
                    Some(_) => ledger.acknowledge(RegistryFile::Nothing),
                    None => ledger.waive_evidence(),
                }
            }
        }
        let process = RegistryProcess { incarnation };
        // As soon as it has looked around, an agent writes down what it has found.
        process.save(u8::from(found != Found::Nothing), "adopt", disk, ledger);
        Ok(Some(process))
    }

    fn actions(&self) -> usize {
        if self.is_broken { 2 } else { SERVICES.len() }
    }

    fn act(
        &self,
        process: &mut RegistryProcess,
        number: usize,
        disk: &mut SimulatedDisk,
        ledger: &mut StateLedger<RegistryFile>,
    ) -> Result<(), RuleViolation> {
        process.save(SERVICES[number], "save", disk, ledger);
        Ok(())
    }
}

impl RegistryProcess {
    fn save(
        &self,
        services: u8,
        action: &'static str,
        disk: &mut SimulatedDisk,
        ledger: &mut StateLedger<RegistryFile>,
    ) {
        let origin = Origin {
            manifest_path: "/etc/lastword/services".into(),
            boot_pid: u32::from(self.incarnation.process),
            started_at_ms: 1,
            endpoint: "/run/lastword/agent.sock".into(),
        };
        let components = (0..services).map(|number| self.component(number));
        let registry = Registry::new(origin, components.collect());
        disk.action = action;
        ledger.attempt(file_of(&registry));
        if registry.save(disk).is_ok() {
            ledger.acknowledge(file_of(&registry));
        }
    }

    fn component(&self, number: u8) -> Component {
        Component {
            name: format!("service-{number}"),
            kind: Kind::Service,
            pid: i32::from(number) + 1,
            pgid: i32::from(number) + 1,
            start_time: 1,
            boot_id: BootId([self.incarnation.boot; 16]),
            nonce: "00000000000000ff".to_owned(),
            restart_count: 0,
            manifest_digest: None,
        }
    }
}

fn file_of(registry: &Registry) -> RegistryFile {
    RegistryFile::Registry(format!("{registry:?}"))
}
