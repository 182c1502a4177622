//! The path of a file in a generation's tree.

use lastword_shell::escape::is_hidden;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::Path;

/// The longest path, in bytes.
pub const PATH_BYTES_MAX: usize = 1_024;
/// The longest name in a path, in bytes: `NAME_MAX` of Linux.
pub const NAME_BYTES_MAX: usize = 255;
/// The most names in a path.
pub const PATH_DEPTH_MAX: usize = 32;

/// A relative path, of names between slashes, that stays inside its tree: none of them is `.`, `..` or empty.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TreePath(String);

/// A reason why a text is no [`TreePath`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TreePathError {
    /// It begins with a slash.
    #[error("path is absolute; paths are relative to the generation's directory")]
    Absolute,
    /// A name is `.`, `..` or empty.
    #[error("path has an empty name, `.` or `..`")]
    NotPlain,
    /// A character that a terminal acts on, or that is not seen.
    #[error("path has a control character or an invisible one")]
    HiddenCharacter,
    /// It, or a name in it, is too long or nested too deep.
    #[error(
        "path is over {PATH_BYTES_MAX} bytes, {NAME_BYTES_MAX} bytes in a name or {PATH_DEPTH_MAX} names"
    )]
    TooLong,
}

/// Returns whether a character is not seen, or is acted on by a terminal: controls, bidirectional marks, and those that
/// Unicode has ignored where they are not known (`Default_Ignorable_Code_Point`, Unicode 16), and the empty Braille
/// pattern.
pub(crate) const fn is_unseen(character: char) -> bool {
    is_hidden(character)
        || matches!(
            character,
            '\u{AD}'
                | '\u{34F}'
                | '\u{61C}'
                | '\u{115F}'..='\u{1160}'
                | '\u{17B4}'..='\u{17B5}'
                | '\u{180B}'..='\u{180F}'
                | '\u{200B}'..='\u{200F}'
                | '\u{202A}'..='\u{202E}'
                | '\u{2060}'..='\u{206F}'
                | '\u{2800}'
                | '\u{3164}'
                | '\u{FE00}'..='\u{FE0F}'
                | '\u{FEFF}'
                | '\u{FFA0}'
                | '\u{FFF0}'..='\u{FFF8}'
                | '\u{1BCA0}'..='\u{1BCA3}'
                | '\u{1D173}'..='\u{1D17A}'
                | '\u{E0000}'..='\u{E0FFF}'
        )
}

impl TreePath {
    /// Checks a path.
    ///
    /// # Errors
    ///
    /// [`TreePathError`]: it would leave the tree, or could not be written or shown.
    pub fn new(path: impl Into<String>) -> Result<Self, TreePathError> {
        let path = path.into();
        if path.starts_with('/') {
            return Err(TreePathError::Absolute);
        }
        if path.contains(is_unseen) {
            return Err(TreePathError::HiddenCharacter);
        }
        let mut depth = 0;
        for name in path.split('/') {
            if matches!(name, "" | "." | "..") {
                return Err(TreePathError::NotPlain);
            }
            depth += 1;
            if name.len() > NAME_BYTES_MAX || depth > PATH_DEPTH_MAX {
                return Err(TreePathError::TooLong);
            }
        }
        if path.len() > PATH_BYTES_MAX {
            return Err(TreePathError::TooLong);
        }
        Ok(Self(path))
    }

    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the directories that hold the path, the nearest first; none for a name at the top.
    pub fn parents(&self) -> impl Iterator<Item = &str> {
        let mut rest = self.0.as_str();
        std::iter::from_fn(move || {
            rest = rest.rsplit_once('/')?.0;
            Some(rest)
        })
    }

    /// Returns whether the path is `directory` or below it.
    #[must_use]
    pub fn is_within(&self, directory: &Self) -> bool {
        self == directory || self.parents().any(|parent| parent == directory.as_str())
    }
}

impl TryFrom<String> for TreePath {
    type Error = TreePathError;

    fn try_from(path: String) -> Result<Self, TreePathError> {
        Self::new(path)
    }
}

impl From<TreePath> for String {
    fn from(path: TreePath) -> Self {
        path.0
    }
}

impl AsRef<Path> for TreePath {
    fn as_ref(&self) -> &Path {
        Path::new(&self.0)
    }
}

impl fmt::Display for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_inside_its_tree() {
        use TreePathError::{Absolute, HiddenCharacter, NotPlain, TooLong};
        let deep = ["d"; PATH_DEPTH_MAX].join("/");
        let long = "n".repeat(NAME_BYTES_MAX);
        let mut longest = [&*long; 3].join("/");
        while longest.len() < PATH_BYTES_MAX {
            let left = PATH_BYTES_MAX - longest.len() - 1;
            longest = format!("{longest}/{}", "n".repeat(left.min(200)));
        }
        for (path, expected) in [
            ("bin/gateway".to_owned(), None),
            ("a..b/...".to_owned(), None),
            (deep.clone(), None),
            (long.clone(), None),
            (longest.clone(), None),
            (String::new(), Some(NotPlain)),
            ("/etc/passwd".to_owned(), Some(Absolute)),
            ("../x".to_owned(), Some(NotPlain)),
            ("a/../../x".to_owned(), Some(NotPlain)),
            ("a/./x".to_owned(), Some(NotPlain)),
            ("a//x".to_owned(), Some(NotPlain)),
            ("a/".to_owned(), Some(NotPlain)),
            ("a\nb".to_owned(), Some(HiddenCharacter)),
            ("a\u{202e}b".to_owned(), Some(HiddenCharacter)),
            ("a\0b".to_owned(), Some(HiddenCharacter)),
            ("a\u{200b}b".to_owned(), Some(HiddenCharacter)),
            ("\u{e0041}".to_owned(), Some(HiddenCharacter)),
            ("\u{e9}\u{4e2d}".to_owned(), None),
            (format!("{deep}/d"), Some(TooLong)),
            (format!("{long}n"), Some(TooLong)),
            (format!("{longest}n"), Some(TooLong)),
        ] {
            assert_eq!(TreePath::new(&*path).err(), expected, "{path:?}");
        }
    }

    #[test]
    fn a_path_is_within_the_directories_above_it() {
        let path = TreePath::new("boot/dtb/a").unwrap();
        assert_eq!(path.parents().collect::<Vec<_>>(), ["boot/dtb", "boot"]);
        for (directory, expected) in [("boot", true), ("boot/dtb/a", true), ("boo", false)] {
            let directory = TreePath::new(directory).unwrap();
            assert_eq!(path.is_within(&directory), expected, "{directory}");
        }
    }
}
