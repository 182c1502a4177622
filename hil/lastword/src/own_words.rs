//! The words of a command line that belong to `lastword` itself; all others are the board's.

/// A word of `lastword`'s own. In front of `--` none of them reaches the board, behind it each does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OwnWord {
    /// Commands: they stand first.
    Console,
    Get,
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
    pub(crate) const ALL: [Self; 8] = [
        Self::Console,
        Self::Get,
        Self::Put,
        Self::Json,
        Self::Rate,
        Self::TakeOver,
        Self::Timeout,
        Self::Wait,
    ];

    /// Returns the word as it is typed.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Console => "console",
            Self::Get => "get",
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
    fn no_word_is_a_boards_command_or_the_first_word_of_one() {
        for command in commands::ALL.iter() {
            let first = command.path.split(' ').next();
            for word in OwnWord::ALL.map(OwnWord::text) {
                assert_ne!(Some(word), first, "{}", command.path);
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
