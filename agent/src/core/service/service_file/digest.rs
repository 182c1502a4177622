//! A number for what a process is started by, that outlives the agent.

use super::{InheritedEnv, ServiceFile};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::num::ParseIntError;

/// Stands for what a service's process is started by: program, arguments, environment, directory, user,
/// port. The same in every release, because it is compared with what an earlier agent has written down.
/// Written as 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(u64);

impl ServiceFile {
    /// The digest of what its process is started by. Two that differ need a restart
    /// ([`ServiceFile::needs_restart`]).
    #[must_use]
    pub fn digest(&self) -> Digest {
        let program = &self.program;
        let directory = program.working_dir.as_deref();
        let mut digest = Fnv(0xCBF2_9CE4_8422_2325);
        digest.text(program.command.as_bytes());
        digest.count(program.args.len());
        program
            .args
            .iter()
            .for_each(|it| digest.text(it.as_bytes()));
        digest.count(program.env.len());
        for (name, value) in &program.env {
            digest.text(name.as_bytes());
            digest.text(value.as_bytes());
        }
        digest.optional(directory.map(|it| it.as_os_str().as_encoded_bytes()));
        digest.optional(program.user.as_deref().map(str::as_bytes));
        digest.count(self.port.unwrap_or_default().into());
        // Files of releases that did not know it have the digest of those days.
        if let InheritedEnv::Only(names) = &program.inherited {
            digest.count(names.len());
            for name in names {
                digest.text(name.as_bytes());
            }
        }
        Digest(digest.0)
    }
}

/// FNV-1a of 64 bits.
struct Fnv(u64);

impl Fnv {
    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3);
        }
    }

    fn count(&mut self, count: usize) {
        self.bytes(&(count as u64).to_le_bytes());
    }

    /// Its length first, so that nothing can move from one text to the next.
    fn text(&mut self, text: &[u8]) {
        self.count(text.len());
        self.bytes(text);
    }

    fn optional(&mut self, text: Option<&[u8]>) {
        self.count(usize::from(text.is_some()));
        self.text(text.unwrap_or_default());
    }
}

impl TryFrom<String> for Digest {
    type Error = ParseIntError;

    fn try_from(text: String) -> Result<Self, ParseIntError> {
        u64::from_str_radix(&text, 16).map(Self)
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(text: &str) -> Digest {
        let text = format!("command \"a\"\n{text}");
        ServiceFile::parse("a.kdl", &text).unwrap().digest()
    }

    #[test]
    fn whatever_needs_a_restart_has_another_digest_and_nothing_else_has() {
        let files = [
            "",
            "args \"\"",
            "args \"b\" \"c\"",
            "args \"bc\"",
            "args \"b\"\nenv { c \"\" }",
            "env { b \"c\" }",
            "env { bc \"\" }",
            "env-clear #true",
            "env-allow \"b\"",
            "env-allow \"b\" \"c\"",
            "env-allow \"bc\"",
            "working-dir \"/b\"",
            "user \"/b\"",
            "port 1",
            "port 1\nready { none }",
            "after \"b\"",
            "restart { policy \"never\" }",
        ];
        for one in files {
            for other in files {
                let read =
                    |text| ServiceFile::parse("a.kdl", &format!("command \"a\"\n{text}")).unwrap();
                let restarts = read(one).needs_restart(&read(other));
                assert_eq!(digest(one) != digest(other), restarts, "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn a_digest_is_the_same_in_every_release() {
        let full = "args \"b\"\nenv { c \"d\" }\nworking-dir \"/e\"\nuser \"f\"\nport 1";
        assert_eq!(digest(full).to_string(), "0be05d4daacb3b93");
    }
}
