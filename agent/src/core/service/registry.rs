//! What the agent remembers of its services through its own death: `state.json`, one readable file.

use super::Name;
use super::service_file::Digest;
use crate::core::storage::{self, BrokenFile, Storage};
use lastword_protocol::BootId;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::PathBuf;

/// The file's name in the state directory.
pub const REGISTRY_FILE: &str = "state.json";
/// The version of the file's format.
const FORMAT: u32 = 1;

/// What is remembered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registry {
    /// The version of the format.
    #[serde(default = "format")]
    format: u32,
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
    /// A file that cannot be used; it was put aside.
    Broken(BrokenFile),
}

/// The format of files that name none.
const fn format() -> u32 {
    FORMAT
}

/// What a registry is of: an agent, and where its files and its socket are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The directory of the service files.
    pub manifest_path: PathBuf,
    /// The agent's process.
    pub boot_pid: u32,
    /// When it started, in milliseconds since 1970.
    pub started_at_ms: u64,
    /// Its Unix socket.
    pub endpoint: PathBuf,
}

impl Registry {
    /// A registry of this format.
    #[must_use]
    pub fn new(origin: Origin, components: Vec<Component>) -> Self {
        Self {
            format: FORMAT,
            manifest_path: origin.manifest_path,
            boot_pid: origin.boot_pid,
            started_at_ms: origin.started_at_ms,
            endpoint: origin.endpoint,
            components,
        }
    }

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
    /// As [`storage::replace`].
    pub fn save<S: Storage + ?Sized>(&self, storage: &mut S) -> io::Result<()> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        storage::replace(storage, REGISTRY_FILE, &text)
    }

    /// Reads it. What cannot be used is kept aside.
    pub fn load<S: Storage + ?Sized>(storage: &mut S) -> Found {
        let read = match storage::load(storage, REGISTRY_FILE) {
            Ok(None) => return Found::Nothing,
            Ok(Some(content)) => Self::parse(&content),
            Err(error) => Err(error.to_string()),
        };
        match read {
            Ok(registry) => Found::Registry(registry),
            Err(why) => Found::Broken(BrokenFile::keep_aside(storage, REGISTRY_FILE, why)),
        }
    }

    fn parse(content: &[u8]) -> Result<Self, String> {
        /// What tells the format, whatever else that has.
        #[derive(Deserialize)]
        struct Header {
            #[serde(default = "format")]
            format: u32,
        }
        if content.is_empty() {
            return Err("it is empty".to_owned());
        }
        let header: Header = serde_json::from_slice(content).map_err(|it| it.to_string())?;
        if header.format != FORMAT {
            let found = header.format;
            return Err(format!(
                "its format is {found}, and this agent knows {FORMAT}"
            ));
        }
        serde_json::from_slice(content).map_err(|it| it.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::service::service_file::ServiceFile;

    #[test]
    fn the_file_has_the_fields_that_others_read() {
        let origin = Origin {
            manifest_path: "/etc/lastword/services".into(),
            boot_pid: 71,
            started_at_ms: 5,
            endpoint: "/run/lastword/agent.sock".into(),
        };
        let registry = Registry::new(
            origin,
            vec![Component {
                name: "camera".to_owned(),
                kind: Kind::Service,
                pid: 812,
                pgid: 812,
                start_time: 9,
                boot_id: BootId([1; 16]),
                nonce: "00000000000000ff".to_owned(),
                restart_count: 2,
                manifest_digest: Some(ServiceFile::new("camera").digest()),
            }],
        );
        let text = serde_json::to_string(&registry).unwrap();
        for key in [
            "format",
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
