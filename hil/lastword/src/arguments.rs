//! The command line: options of the host, and behind them one line for the board's shell.

use crate::default_endpoint::default_endpoint;
use crate::generation::GenerationCommand;
use crate::own_words::OwnWord;
use crate::pki::PkiCommand;
use crate::user_config;
use crate::words;
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use lastword_client::client::Options;
use lastword_client::endpoint::{Endpoint, TlsEndpoint};
use lastword_protocol::caller::Patience;
use lastword_protocol::identity::NAME_BYTES;
use lastword_protocol::{Millis, ObjectHash, Text};
use lastword_shell::arguments::{Argument, Kind};
use lastword_shell::{Topic, Word, commands, help};
use std::ffi::OsString;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::Duration;

/// Asks a board what it is and what runs on it, restarts things, reboots it and proves that it
/// rebooted.
#[derive(Debug, Parser)]
#[command(
    name = "lastword",
    version,
    disable_help_subcommand = true,
    after_help = commands_help()
)]
pub(crate) struct Arguments {
    /// Where the board is.
    #[arg(short = 'u', long, value_name = "ENDPOINT", help = URL_HELP)]
    url: Option<String>,
    /// The directory of this side's credentials for tls://.
    #[arg(long, value_name = "DIR", help = CREDENTIALS_HELP)]
    credentials: Option<PathBuf>,
    #[command(flatten)]
    shown: Shown,
    /// Behind `power reboot` and the like: wait for the board and prove that it rebooted; behind `gen activate` and the
    /// like: until the rollout is over. May stand behind the command too.
    #[arg(long)]
    wait: bool,
    /// How long to wait for the answer (5s, and as long as the board says that it works on it), or
    /// with --wait for the board (60s) or the rollout (no limit). May stand behind the command too.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    timeout: Option<Duration>,
    /// Behind `put`: send at most so many bytes in a second, such as 64KiB, and leave room for others. May
    /// stand behind the command too.
    #[arg(long, value_name = "SIZE", value_parser = rate)]
    rate: Option<NonZeroU64>,
    /// Take a serial line from the client that owns it. May stand behind the command too.
    #[arg(long)]
    take_over: bool,
    /// What to tell others who ask who owns the line; USER@HOST otherwise.
    #[arg(long)]
    name: Option<String>,
    /// `console`, `put FILE`, `get HASH [FILE]`, or a line of the board's shell.
    #[arg(
        value_name = "COMMAND",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    words: Vec<String>,
}

/// What is shown, and how.
#[derive(Clone, Copy, Debug, clap::Args)]
struct Shown {
    /// Print one JSON object per command. May stand behind the command too.
    #[arg(long)]
    json: bool,
    /// Leave out what else the board says on the line; it is shown on standard error otherwise.
    #[arg(short, long)]
    quiet: bool,
}

/// A command line that was read.
#[derive(Debug)]
pub(crate) enum ReadCommand {
    /// Something of a board.
    Board(Box<Order>),
    /// Something on the desk; shown as JSON or not.
    Desk(GenerationCommand, bool),
    /// Something about certificates; shown as JSON or not.
    Pki(PkiCommand, bool),
}

/// What is to be done, and where.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) endpoint: Endpoint,
    pub(crate) client: Options,
    pub(crate) json: bool,
    /// Prove what a power request did, within this time.
    pub(crate) wait: Option<Duration>,
    /// The time that was said, if one was.
    pub(crate) timeout: Option<Duration>,
    pub(crate) take_over: bool,
    pub(crate) quiet: bool,
    /// The most bytes in a second of a transfer.
    pub(crate) rate: Option<NonZeroU64>,
    pub(crate) task: Task,
}

/// The things that this command does.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// A person, or a pipe, on the board's shell.
    Console,
    /// A file into the board's store.
    Put(PathBuf),
    /// A generation to the board, or from it.
    Generation(GenerationCommand),
    /// An object out of the board's store, to a file, or to standard output.
    Get(ObjectHash, Option<PathBuf>),
    /// One line for the board's shell.
    Line(String),
    /// The same behind `--`: what no request spells is sent as text.
    Verbatim(String),
}

impl Arguments {
    /// Reads a command line, the program's name first: up to the first `--` there are words of
    /// `lastword`'s own in it, behind it there are none.
    ///
    /// # Errors
    ///
    /// What is wrong, for the person who typed it.
    pub(crate) fn read(
        arguments: impl IntoIterator<Item = OsString>,
    ) -> Result<ReadCommand, clap::Error> {
        let mut arguments = arguments.into_iter();
        let own = arguments.by_ref().take_while(|argument| argument != "--");
        let read = Self::try_parse_from(own)?;
        let verbatim = arguments
            .map(OsString::into_string)
            .collect::<Result<Vec<_>, _>>();
        let verbatim =
            verbatim.map_err(|word| bad(format_args!("not UTF-8: {}", word.display())))?;
        let asks_board = GenerationCommand::asks_board(&read.words);
        let is_pki = PkiCommand::is_meant(&read.words);
        if GenerationCommand::is_meant(&read.words) && !asks_board || is_pki {
            return read.desk(&verbatim, is_pki);
        }
        read.order(verbatim).map(Box::new).map(ReadCommand::Board)
    }

    /// Reads what is done on the desk.
    fn desk(mut self, verbatim: &[String], is_pki: bool) -> Result<ReadCommand, clap::Error> {
        if !verbatim.is_empty() {
            return Err(bad("behind -- stands what a board is asked"));
        }
        let json = self.shown.json | self.take_word(OwnWord::Json);
        if is_pki {
            return PkiCommand::read(&self.words).map(|command| ReadCommand::Pki(command, json));
        }
        GenerationCommand::read(&self.words).map(|command| ReadCommand::Desk(command, json))
    }

    /// Checks what clap cannot.
    fn order(mut self, verbatim: Vec<String>) -> Result<Order, clap::Error> {
        let json = self.shown.json | self.take_word(OwnWord::Json);
        let wait = self.wait | self.take_word(OwnWord::Wait);
        let take_over = self.take_over | self.take_word(OwnWord::TakeOver);
        let timeout = self.take_option(OwnWord::Timeout)?;
        let timeout = match timeout {
            Some(value) => Some(duration(&value).map_err(bad)?),
            None => self.timeout,
        };
        let rate = match self.take_option(OwnWord::Rate)? {
            Some(value) => Some(rate(&value).map_err(bad)?),
            None => self.rate,
        };
        let endpoint = self.endpoint()?;
        let mut client = Options {
            name: cut(&self.name.unwrap_or_else(own_name)),
            ..Options::default()
        };
        if let Some(timeout) = timeout.filter(|_| !wait) {
            client.connect = timeout;
            client.patience = patience(timeout);
        }
        let task = task(self.words, verbatim)?;
        Ok(Order {
            endpoint,
            client,
            json,
            wait: wait.then_some(timeout.unwrap_or(PROOF_TIMEOUT)),
            timeout,
            take_over,
            quiet: self.shown.quiet,
            rate,
            task,
        })
    }

    /// Whether this word of the host's stands among those of the board's; takes it out.
    fn take_word(&mut self, word: OwnWord) -> bool {
        let before = self.words.len();
        self.words.retain(|other| other != word.text());
        self.words.len() < before
    }

    /// The value of an option of the host's among the board's words; takes both out.
    fn take_option(&mut self, option: OwnWord) -> Result<Option<String>, clap::Error> {
        let is_it = |word: &String| word == option.text();
        let Some(at) = self.words.iter().position(is_it) else {
            return Ok(None);
        };
        let value = self.words.drain(at..self.words.len().min(at + 2)).nth(1);
        let value = value.ok_or_else(|| bad(format_args!("{} needs a value", option.text())))?;
        Ok(Some(value))
    }

    fn endpoint(&self) -> Result<Endpoint, clap::Error> {
        let variable = std::env::var(URL_VARIABLE).ok();
        match self.url.as_ref().or(variable.as_ref()) {
            Some(url) => match url.parse().map_err(bad)? {
                Endpoint::Tls(endpoint) => Ok(Endpoint::Tls(TlsEndpoint {
                    credentials: self.credentials.clone().or_else(user_config::credentials),
                    ..endpoint
                })),
                other => Ok(other),
            },
            None => default_endpoint().ok_or_else(|| bad("no home: say -u ENDPOINT")),
        }
    }
}

/// Returns what the words in front of `--` and behind it ask for.
fn task(mut words: Vec<String>, verbatim: Vec<String>) -> Result<Task, clap::Error> {
    if GenerationCommand::asks_board(&words) {
        if !verbatim.is_empty() {
            return Err(bad("behind -- stands what a board is asked"));
        }
        return GenerationCommand::read(&words).map(Task::Generation);
    }
    match words.first() {
        Some(word) if word == OwnWord::Console.text() => {
            let is_alone = words.len() == 1 && verbatim.is_empty();
            let task = is_alone.then_some(Task::Console);
            return task.ok_or_else(|| bad("console takes no other words"));
        }
        Some(word) if word == OwnWord::Put.text() => {
            let [_, file] = &words[..] else {
                return Err(bad("put takes a file, and nothing else"));
            };
            return Ok(Task::Put(file.into()));
        }
        Some(word) if word == OwnWord::Get.text() => {
            let (hash, file) = match &words[..] {
                [_, hash] => (hash, None),
                [_, hash, file] => (hash, Some(file)),
                _ => return Err(bad("get takes a hash, and a file or - to write to")),
            };
            let hash = hash
                .parse()
                .map_err(|it| bad(format_args!("{hash}: {it}")))?;
            return Ok(Task::Get(hash, file.map(Into::into)));
        }
        Some(option) if option.starts_with('-') => {
            return Err(bad(format_args!("unknown option {option}; see --help")));
        }
        _ => {}
    }
    let is_verbatim = !verbatim.is_empty();
    words.extend(verbatim);
    if words.is_empty() {
        return Err(bad("there is no command; `lastword help` lists them"));
    }
    let line = words::line(&words);
    if line.contains(['\n', '\r']) {
        return Err(bad("a line ends within the line"));
    }
    Ok(if is_verbatim {
        Task::Verbatim(line)
    } else {
        Task::Line(line)
    })
}

/// A span as the shell writes it.
fn duration(text: &str) -> Result<Duration, String> {
    match Kind::Duration.read(Word::literal(text)) {
        Some(Argument::Duration(Millis(millis))) => Ok(Duration::from_millis(millis)),
        _ => Err("write it as 500ms, 30s, 5m or 2h".to_owned()),
    }
}

/// A number of bytes in a second: digits, and a unit if there is one.
fn rate(text: &str) -> Result<NonZeroU64, String> {
    let digits = text.trim_end_matches(|letter: char| !letter.is_ascii_digit());
    let shift = match &text[digits.len()..] {
        "" | "B" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        _ => 64,
    };
    let number: Option<u64> = digits.parse().ok();
    let bytes = number.and_then(|number| number.checked_mul(1_u64.checked_shl(shift)?));
    let bytes = bytes.and_then(NonZeroU64::new);
    bytes.ok_or_else(|| "write it as 500, 64KiB or 2MiB".to_owned())
}

/// As many attempts as ever, within `timeout` together; nor does it wait longer for what the board
/// says still runs.
fn patience(timeout: Duration) -> Patience {
    let attempts = Patience::default().attempts;
    let share = lastword_client::clock::millis(timeout / u32::from(attempts));
    Patience {
        reply: share.max(SHORTEST_ATTEMPT),
        attempts,
        working: lastword_client::clock::millis(timeout),
    }
}

/// `USER@HOST`, as far as they are known.
fn own_name() -> String {
    let user = std::env::var("USER").or_else(|_| std::env::var("LOGNAME"));
    let host = nix::unistd::gethostname().ok();
    let host = host.as_ref().and_then(|host| host.to_str());
    format!("{}@{}", user.unwrap_or_default(), host.unwrap_or_default())
}

/// The name, cut to what a hello holds.
fn cut(name: &str) -> Text<NAME_BYTES> {
    let end = name.floor_char_boundary(NAME_BYTES);
    Text::try_from(&name[..end]).unwrap_or_default()
}

fn bad(message: impl std::fmt::Display) -> clap::Error {
    Arguments::command().error(ErrorKind::ValueValidation, message)
}

/// The shell's own list of commands.
fn commands_help() -> String {
    let mut text = String::from("Commands of the board:\n");
    // Writing to a String cannot fail.
    let _ = help::term(&mut text, Topic::all(commands::ALL));
    text.push_str("\n`lastword console` talks to the board's own shell; ^] leaves.\n");
    text.push_str("`lastword put FILE` stores a file on the board and prints its SHA-256; ");
    text.push_str("`lastword get HASH [FILE]` fetches it.\n");
    text.push_str(
        "`lastword gen keygen|build|inspect|diff|verify` makes generations and looks at them; ",
    );
    text.push_str("`lastword gen push FILE` moves one to a board; ");
    text.push_str("`lastword gen --help` says more.\n");
    text.push_str(
        "`lastword pki init|issue|list|revoke|rotate` makes the certificates for tls://.\n",
    );
    text.push_str("Words that are never the board's, unless they stand behind `--`:");
    for word in OwnWord::ALL {
        text.extend([" ", word.text()]);
    }
    text.push_str(
        ".\nBehind `--`, a line that is not listed here is sent to the board as it is.\n\n",
    );
    text.push_str("Exit codes: 0 done, 1 the board said no or the proof failed, ");
    text.push_str("2 unreachable or no answer in time, 3 bad usage.");
    text.replace("\r\n", "\n")
}

const URL_HELP: &str = "Where the board is: tcp://HOST[:7450], tls://HOST[:7451], unix:///PATH or \
    serial:///DEVICE[?baud=115200]. Without it, LASTWORD_URL says; without that, the agent on \
    this machine is asked";
const CREDENTIALS_HELP: &str = "The directory of this side's credentials for tls://, with ca.pem, cert.pem \
    and key.pem. Without it, LASTWORD_CREDENTIALS says; without that, it is lastword/credentials in your configuration";
const URL_VARIABLE: &str = "LASTWORD_URL";
const PROOF_TIMEOUT: Duration = Duration::from_mins(1);
const SHORTEST_ATTEMPT: Millis = Millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn read(words: &[&str]) -> Result<Order, clap::Error> {
        let words = ["lastword", "-u", "tcp://board"].iter().chain(words);
        match Arguments::read(words.map(OsString::from))? {
            ReadCommand::Board(order) => Ok(*order),
            desk => panic!("{desk:?}"),
        }
    }

    #[track_caller]
    fn check(words: &[&str], expected: &str, wait: bool, json: bool) {
        let order = read(words).unwrap();
        assert_eq!(order.task, Task::Line(expected.to_owned()), "{words:?}");
        assert_eq!(
            (order.wait.is_some(), order.json),
            (wait, json),
            "{words:?}"
        );
    }

    #[test]
    fn what_follows_the_options_is_a_line() {
        check(
            &["power", "reboot", "--in", "30s"],
            "power reboot --in 30s",
            false,
            false,
        );
        check(&["status", ";", "uptime"], "status ; uptime", false, false);
        check(&["power reboot"], "power reboot", false, false);
    }

    #[test]
    fn what_is_the_hosts_may_stand_anywhere() {
        check(&["--wait", "--json", "reboot"], "reboot", true, true);
        check(&["power", "reboot", "--wait"], "power reboot", true, false);
        check(
            &["power", "--json", "reboot", "--force"],
            "power reboot --force",
            false,
            true,
        );
    }

    #[test]
    fn behind_two_dashes_every_word_is_the_boards() {
        let task = |words: &[&str]| read(words).unwrap().task;
        for word in OwnWord::ALL.map(OwnWord::text) {
            let line = Task::Verbatim(word.to_owned());
            let words: Vec<_> = word.split(' ').collect();
            assert_eq!(task(&[&["--"], &words[..]].concat()), line);
            let line = Task::Verbatim(format!("svc status {word}"));
            assert_eq!(task(&[&["svc", "status", "--"], &words[..]].concat()), line);
        }
        let order = read(&["--json", "reboot", "--wait", "--", "--"]).unwrap();
        assert!(order.json && order.wait.is_some());
        assert_eq!(order.task, Task::Verbatim("reboot --".to_owned()));
        assert_eq!(task(&["status", "--"]), Task::Line("status".to_owned()));
    }

    #[test]
    fn what_is_done_on_the_desk_needs_no_board() {
        let words = ["lastword", "gen", "inspect", "x.gen", "--json"];
        let read = Arguments::read(words.map(OsString::from)).unwrap();
        assert!(matches!(read, ReadCommand::Desk(_, true)), "{read:?}");
        let words = ["lastword", "gen", "inspect", "x.gen", "--", "status"];
        assert!(Arguments::read(words.map(OsString::from)).is_err());
    }

    #[test]
    fn each_own_word_is_taken_in_front_of_them() {
        for word in OwnWord::ALL {
            let words = match word {
                OwnWord::Console => vec!["console"],
                OwnWord::Put => vec!["put", "status"],
                OwnWord::GenPush => vec!["gen", "push", "status"],
                OwnWord::GenPull => vec!["gen", "pull", "status"],
                OwnWord::GenImport => vec!["gen", "import", "status"],
                OwnWord::Get => vec!["get", HASH],
                OwnWord::Pki => continue,
                word if word.text().starts_with("gen ") => continue,
                OwnWord::Timeout => vec!["status", "--timeout", "1s"],
                OwnWord::Rate => vec!["status", "--rate", "1KiB"],
                _ => vec!["status", word.text()],
            };
            let order = read(&words).unwrap();
            let line = Task::Line("status".to_owned());
            let expected = match word {
                OwnWord::Console => Task::Console,
                OwnWord::Put => Task::Put("status".into()),
                OwnWord::GenPush | OwnWord::GenPull | OwnWord::GenImport => {
                    let words: Vec<_> = words.iter().map(ToString::to_string).collect();
                    Task::Generation(GenerationCommand::read(&words).unwrap())
                }
                OwnWord::Get => Task::Get(HASH.parse().unwrap(), None),
                _ => line,
            };
            assert_eq!(order.task, expected, "{words:?}");
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for words in [
            &[][..],
            &["--wait"],
            &["--timeout", "soon", "status"],
            &["--nope", "a"],
            &["console", "--", "status"],
            &["console", "status"],
            &["--"],
            &["--", "status\nreboot"],
            &["put"],
            &["put", "a", "b"],
            &["get"],
            &["get", "12"],
            &["get", HASH, "a", "b"],
            &["put", "a", "--rate", "0"],
            &["put", "a", "--rate", "20GB"],
            &["put", "a", "--rate", "99999999999GiB"],
            &["put", "--rate"],
        ] {
            assert!(read(words).is_err(), "{words:?}");
        }
    }

    #[test]
    fn a_timeout_is_shared_by_the_attempts_unless_it_is_the_proofs() {
        let order = read(&["--timeout", "10s", "status"]).unwrap();
        assert_eq!(order.client.patience.reply, Millis(2_000));
        let order = read(&["reboot", "--timeout", "10s", "--wait"]).unwrap();
        assert_eq!(order.client.patience, Patience::default());
        assert_eq!(order.wait, Some(Duration::from_secs(10)));
    }
}
