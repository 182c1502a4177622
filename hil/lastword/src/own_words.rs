//! The words of a command line that belong to `lastword` itself; all others are the board's.

/// A word of `lastword`'s own. In front of `--` none of them reaches the board, behind it each does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OwnWord {
    /// Commands: they stand first.
    Console,
    GenBuild,
    GenDiff,
    GenImport,
    GenInspect,
    GenKeygen,
    GenPull,
    GenPush,
    GenVerify,
    Get,
    Pki,
    Put,
    /// Options that may stand behind the board's words, too.
    Json,
    Rate,
    TakeOver,
    Timeout,
    Wait,
}

impl OwnWord {
    /// The table.
    pub(crate) const ALL: [Self; 17] = [
        Self::Console,
        Self::GenBuild,
        Self::GenDiff,
        Self::GenImport,
        Self::GenInspect,
        Self::GenKeygen,
        Self::GenPull,
        Self::GenPush,
        Self::GenVerify,
        Self::Get,
        Self::Pki,
        Self::Put,
        Self::Json,
        Self::Rate,
        Self::TakeOver,
        Self::Timeout,
        Self::Wait,
    ];

    /// Returns the word as it is typed: two words, where the first is the board's, too.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Console => "console",
            Self::GenBuild => "gen build",
            Self::GenDiff => "gen diff",
            Self::GenImport => "gen import",
            Self::GenInspect => "gen inspect",
            Self::GenKeygen => "gen keygen",
            Self::GenPull => "gen pull",
            Self::GenPush => "gen push",
            Self::GenVerify => "gen verify",
            Self::Get => "get",
            Self::Pki => "pki",
            Self::Put => "put",
            Self::Json => "--json",
            Self::Rate => "--rate",
            Self::TakeOver => "--take-over",
            Self::Timeout => "--timeout",
            Self::Wait => "--wait",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lastword_shell::commands;

    #[test]
    fn no_word_is_a_boards_command_or_the_beginning_of_one() {
        for command in commands::ALL.iter() {
            for word in OwnWord::ALL.map(OwnWord::text) {
                let rest = command.path.strip_prefix(word);
                let is_one = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '));
                assert!(!is_one, "{word}: {}", command.path);
            }
        }
    }

    #[test]
    fn no_word_is_an_option_of_a_boards_command() {
        for command in commands::ALL.iter() {
            for option in command.options {
                let words = OwnWord::ALL.map(OwnWord::text);
                assert!(
                    !words.contains(&option.name),
                    "{}: {}",
                    command.path,
                    option.name
                );
            }
        }
    }
}
