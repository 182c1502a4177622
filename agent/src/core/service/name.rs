//! What a service is called.

use lastword_protocol::message::service::SERVICE_BYTES;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// A service's name: the stem of its file. 1 to 32 of the letters `a-z 0-9 - _`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(Arc<str>);

/// A text that is no service's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a service's name is 1 to 32 of the letters a-z 0-9 - _, and {0:?} is not")]
pub struct BadName(pub String);

impl Name {
    /// The name itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<&str> for Name {
    type Error = BadName;

    fn try_from(text: &str) -> Result<Self, BadName> {
        let fits = (1..=SERVICE_BYTES).contains(&text.len());
        let plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
        if fits && text.bytes().all(plain) {
            Ok(Self(text.into()))
        } else {
            Err(BadName(text.to_owned()))
        }
    }
}

impl TryFrom<String> for Name {
    type Error = BadName;

    fn try_from(text: String) -> Result<Self, BadName> {
        Self::try_from(text.as_str())
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.as_str().to_owned()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_plain() {
        for good in ["a", "camera-2", "0_0", &"x".repeat(SERVICE_BYTES)] {
            assert!(Name::try_from(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "Camera",
            "a.b",
            "a/b",
            "..",
            "é",
            &"x".repeat(SERVICE_BYTES + 1),
        ] {
            assert!(Name::try_from(bad).is_err(), "{bad}");
        }
    }
}
