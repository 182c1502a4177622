//! What the agent remembers of its services through its own death: `state.json`, one readable file.

use super::Name;
use super::manifest::Digest;
use crate::core::storage::{self, Storage};
use lastword_protocol::BootId;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::PathBuf;

/// The file's name in the state directory.
pub const REGISTRY_FILE: &str = "state.json";
/// Where a file is kept that could not be read.
pub const UNREADABLE_FILE: &str = "state.json.unreadable";

/// What is remembered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registry {
    /// The directory of the service files.
    pub manifest_path: PathBuf,
    /// The agent that wrote this.
    pub boot_pid: u32,
    /// When that agent started, in milliseconds since 1970.
    pub started_at_ms: u64,
    /// Its Unix socket.
    pub endpoint: PathBuf,
    /// The agent, and each service.
    pub components: Vec<Component>,
}

/// A process, or a service that has none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Component {
    /// The service's name; `lastwordd` for the agent.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Its main process; 0: none.
    pub pid: i32,
    /// The group of that.
    pub pgid: i32,
    /// When it was started, in ticks since boot (`/proc/PID/stat`, field 22).
    pub start_time: u64,
    /// In which boot.
    pub boot_id: BootId,
    /// What the environment of all its processes carries.
    pub nonce: String,
    /// How often it was started again because it had ended unasked.
    #[serde(default)]
    pub restart_count: u32,
    /// What its process was started by, or will be if it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest_digest: Option<Digest>,
}

/// What a component is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The agent itself.
    System,
    /// A service.
    Service,
}

/// What was found on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing: no agent was here before.
    Nothing,
    /// What an agent has left.
    Registry(Registry),
    /// A file that cannot be read; it was put aside under [`UNREADABLE_FILE`].
    Unreadable(String),
}

impl Registry {
    /// The services.
    pub fn services(&self) -> impl Iterator<Item = (Name, &Component)> {
        let services = self.components.iter();
        let services = services.filter(|component| component.kind == Kind::Service);
        services.filter_map(|it| Some((Name::try_from(it.name.as_str()).ok()?, it)))
    }

    /// Writes it; on return it is durable.
    ///
    /// # Errors
    ///
    /// Whatever the disk says; what was there before is then still there.
    pub fn save(&self, storage: &mut dyn Storage) -> io::Result<()> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        storage::replace(storage, REGISTRY_FILE, &text)
    }

    /// Reads it.
    ///
    /// # Errors
    ///
    /// Whatever the disk says.
    pub fn load(storage: &mut dyn Storage) -> io::Result<Found> {
        let Some(content) = storage.read(REGISTRY_FILE)? else {
            return Ok(Found::Nothing);
        };
        match serde_json::from_slice(&content) {
            Ok(registry) => Ok(Found::Registry(registry)),
            Err(error) => {
                storage.rename(REGISTRY_FILE, UNREADABLE_FILE)?;
                storage.sync_names()?;
                Ok(Found::Unreadable(error.to_string()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::service::manifest::Manifest;

    #[test]
    fn the_file_has_the_fields_that_others_read() {
        let registry = Registry {
            manifest_path: "/etc/lastword/services".into(),
            boot_pid: 71,
            started_at_ms: 5,
            endpoint: "/run/lastword/agent.sock".into(),
            components: vec![Component {
                name: "camera".to_owned(),
                kind: Kind::Service,
                pid: 812,
                pgid: 812,
                start_time: 9,
                boot_id: BootId([1; 16]),
                nonce: "00000000000000ff".to_owned(),
                restart_count: 2,
                manifest_digest: Some(Manifest::new("camera").digest()),
            }],
        };
        let text = serde_json::to_string(&registry).unwrap();
        for key in [
            "manifest_path",
            "boot_pid",
            "started_at_ms",
            "endpoint",
            "components",
        ] {
            assert!(text.contains(&format!("\"{key}\":")), "{key}");
        }
        assert!(text.contains("\"kind\":\"service\""), "{text}");
        assert_eq!(serde_json::from_str::<Registry>(&text).unwrap(), registry);
        assert_eq!(registry.services().count(), 1);
    }
}
