//! The words behind `gen` that are the desk's.

use clap::{Args, Parser, Subcommand};
use lastword_shell::commands;
use std::path::PathBuf;

/// A generation that is made, looked at or compared.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub(crate) enum GenerationCommand {
    /// Make a pair of keys: NAME.key, which signs, and NAME.pub, which boards trust.
    Keygen(KeygenOptions),
    /// Build and sign a generation from a directory with a generation.kdl.
    Build(BuildOptions),
    /// Show what a generation is. Its signature is not checked: `gen verify` does.
    Inspect(InspectOptions),
    /// Compare two generations.
    Diff(DiffOptions),
    /// Check the signature and every file of a generation.
    Verify(VerifyOptions),
    /// Move a generation to a board: only what it lacks, as differences to what it has where that is less.
    Push(PushOptions),
    /// Fetch a generation from a board into a file: only what generations beside that do not have.
    Pull(PullOptions),
    /// Move a generation from a file, or from a server, to a board, as push does.
    Import(ImportOptions),
}

/// The first word of all of them.
const GROUP: &str = "gen";

/// A new pair of keys.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeygenOptions {
    /// The files' name, without .key and .pub. None of them is overwritten.
    #[arg(default_value = "lastword", value_name = "NAME")]
    pub(super) name: PathBuf,
    #[command(flatten)]
    pub(super) password: PasswordOptions,
    /// Make a key without a password, as `minisign -G -W` does.
    #[arg(short = 'W', long, conflicts_with = "password_file")]
    pub(super) no_password: bool,
}

/// The password of a secret key.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub(crate) struct PasswordOptions {
    /// A file whose first line is the key's password. A terminal is asked otherwise.
    #[arg(long, value_name = "FILE")]
    pub(super) password_file: Option<PathBuf>,
}

/// A generation to be built.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub(crate) struct BuildOptions {
    /// The directory.
    #[arg(value_name = "DIR")]
    pub(super) directory: PathBuf,
    /// The secret key, of `gen keygen` or `minisign -G`.
    #[arg(short, long, value_name = "FILE")]
    pub(super) key: PathBuf,
    #[command(flatten)]
    pub(super) password: PasswordOptions,
    /// The file to write; NAME-VERSION.gen otherwise.
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
}

/// A generation to be looked at.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub(crate) struct InspectOptions {
    /// The file of the generation.
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
}

/// Two generations to be compared.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub(crate) struct DiffOptions {
    /// The file of the older one.
    #[arg(value_name = "OLD")]
    pub(super) old: PathBuf,
    /// The file of the newer one.
    #[arg(value_name = "NEW")]
    pub(super) new: PathBuf,
}

/// A generation to be checked.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub(crate) struct VerifyOptions {
    /// The file of the generation.
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// A public key that is trusted: a .pub file, or the line in it that begins with RW. May be said more than once.
    #[arg(short, long, required = true, value_name = "KEY")]
    pub(super) key: Vec<String>,
}

/// A generation to be moved to a board.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub(crate) struct PushOptions {
    /// The file of the generation.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) moving: MoveOptions,
}

/// The way of a generation to a board.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub(crate) struct MoveOptions {
    /// A generation that the board may have, against whose files new ones are compressed. May be said more than once;
    /// those beside FILE are looked at in any case.
    #[arg(long, value_name = "FILE")]
    pub(crate) base: Vec<PathBuf>,
    /// Compress at this level, from 1 to 19. Differences are kept for the next board.
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=19))]
    pub(crate) level: i32,
    /// Though its security version is lower than one that was confirmed there, if the agent lets you.
    #[arg(long)]
    pub(crate) allow_older: bool,
    /// Say what would be sent. Only the manifest is, so that the board can say what it lacks.
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
}

/// A generation to be fetched from a board.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub(crate) struct PullOptions {
    /// The generation, or four of its first digits at least. The one that the board runs otherwise.
    #[arg(value_name = "GENERATION")]
    pub(crate) name: Option<String>,
    /// The file to write; NAME-VERSION.gen otherwise.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// A generation whose files need not be fetched. May be said more than once; those beside the file that is written are
    /// looked at in any case.
    #[arg(long, value_name = "FILE")]
    pub(crate) base: Vec<PathBuf>,
}

/// A generation to be moved to a board from wherever it is.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub(crate) struct ImportOptions {
    /// The file of the generation, or its address: http:// or https://. What was fetched stays in the user's cache, so that
    /// the next one goes as a difference to it.
    #[arg(value_name = "FILE|URL")]
    pub(crate) source: String,
    #[command(flatten)]
    pub(crate) moving: MoveOptions,
}

#[derive(Parser)]
#[command(
    name = "lastword gen",
    bin_name = "lastword gen",
    disable_help_subcommand = true,
    after_help = "--json, anywhere, prints one object. Only push, pull and import ask a board."
)]
struct GenerationArguments {
    #[command(subcommand)]
    command: GenerationCommand,
}

impl GenerationCommand {
    /// Returns whether the words of a command line are the desk's.
    pub(crate) fn is_meant(words: &[String]) -> bool {
        // Whatever the board does not know is explained here.
        let is_boards = words.get(1).is_some_and(|word| {
            let path = format!("{GROUP} {word}");
            commands::ALL.iter().any(|command| command.path == path)
        });
        words.first().is_some_and(|word| word == GROUP) && !is_boards
    }

    /// Returns whether the words of a command line move a generation to or from a board.
    pub(crate) fn asks_board(words: &[String]) -> bool {
        let second = words.get(1).map(String::as_str);
        Self::is_meant(words) && matches!(second, Some("push" | "pull" | "import"))
    }

    /// Reads these words, `gen` first.
    pub(crate) fn read(words: &[String]) -> Result<Self, clap::Error> {
        GenerationArguments::try_parse_from(words).map(|read| read.command)
    }
}
