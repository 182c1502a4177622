//! The roles of those who have certificates.

use std::fmt;
use std::str::FromStr;

/// The role that a certificate gives to its owner: the organizational unit (OU) of its subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerRole {
    /// A board: others ask it, and it asks nobody but its controller.
    Board,
    /// A controller of a fleet.
    Controller,
    /// A rig for tests.
    Rig,
    /// A person or a script that may do everything.
    Operator,
    /// A person or a script that may look, and changes nothing.
    Viewer,
}

impl PeerRole {
    /// Every role.
    pub const ALL: [Self; 5] = [
        Self::Board,
        Self::Controller,
        Self::Rig,
        Self::Operator,
        Self::Viewer,
    ];

    /// Returns the word for it, as it stands in a certificate.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Board => "board",
            Self::Controller => "controller",
            Self::Rig => "rig",
            Self::Operator => "operator",
            Self::Viewer => "viewer",
        }
    }

    /// Returns whether others connect to it, so that its certificate has to be one of a server, too.
    #[must_use]
    pub const fn is_server(self) -> bool {
        matches!(self, Self::Board | Self::Controller | Self::Rig)
    }
}

impl fmt::Display for PeerRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// The word for a role that there is not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no role: board, controller, rig, operator or viewer")]
pub struct UnknownRole(String);

impl FromStr for PeerRole {
    type Err = UnknownRole;

    fn from_str(word: &str) -> Result<Self, UnknownRole> {
        let role = Self::ALL.into_iter().find(|role| role.word() == word);
        role.ok_or_else(|| UnknownRole(word.to_owned()))
    }
}
