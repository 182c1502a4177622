//! Completes the word that a person is typing, from the table of commands and the names that the
//! board knows.
//!
//! What may stand there is offered name by name, and nothing is stored: it is gone through again for
//! each question.

use crate::arguments::Kind;
use crate::fault::Blame;
use crate::grammar::{Cursor, Separator};
use crate::out::Out;
use crate::pen::{COLUMNS, Pen};
use crate::suggest::{Candidates, Likeness};
use crate::table::{Command, Table};
use crate::topic::Topic;
use crate::vocabulary::Vocabulary;
use crate::word::Word;
use core::cell::Cell;
use core::fmt;

/// The fewest bytes of a line in which a dangerous command is completed. On a noisy line `r`, Tab and
/// Enter do come by chance, as `r` and Enter do, which is why such a command has to be named in full.
const DANGER_BYTES: usize = 3;

/// What a person's Tab comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Completion<'n> {
    /// Nothing that may stand here begins so.
    Nothing,
    /// This is missing, up to where the names part, or with a blank behind the only one.
    Missing {
        /// What goes in.
        text: &'n str,
        /// Whether the word is whole then.
        is_whole: bool,
    },
    /// There are several, and no more that they share; or one that is only to be shown.
    Choices,
}

/// Says what completes the line `before` the cursor.
pub(crate) fn complete<'n>(known: Vocabulary<'n>, before: &str) -> Completion<'n> {
    let Some(place) = Place::of(known.table, before) else {
        return Completion::Nothing;
    };
    let (mut only, mut shared, mut count) = ("", 0, 0_usize);
    place.offer(known, &mut |name| {
        if count == 0 {
            (only, shared) = (name, name.len());
        }
        count += 1;
        let both = only.bytes().zip(name.bytes());
        shared = both
            .take(shared)
            .take_while(|(one, other)| one == other)
            .count();
    });
    let is_whole = count == 1;
    let missing = only.get(place.typed.len()..shared).unwrap_or_default();
    let is_only_shown = is_whole && before.len() < DANGER_BYTES && place.is_danger(only);
    match (count, missing) {
        (0, _) => Completion::Nothing,
        (2.., "") => Completion::Choices,
        _ if is_only_shown => Completion::Choices,
        (_, text) => Completion::Missing { text, is_whole },
    }
}

/// Writes what may stand at the end of the line `before` the cursor, on rows of its own.
pub(crate) fn list(out: &mut dyn Out, known: Vocabulary<'_>, before: &str) -> fmt::Result {
    let mut pen = Pen::on(out);
    if let Some(place) = Place::of(known.table, before) {
        place.offer(known, &mut |name| {
            if pen.column == 0 || pen.column + GAP.len() + name.len() > COLUMNS {
                pen.newline(0);
            } else {
                pen.text(GAP);
            }
            pen.text(name);
        });
    }
    pen.newline(0);
    pen.written()
}

/// Where in a command the cursor is.
struct Place<'a> {
    /// Where in the tree of commands the words before have led.
    topic: Topic,
    /// The command that they name.
    command: Option<&'static Command>,
    /// What the option before takes.
    value: Option<&'static Kind>,
    /// How many arguments are there by position.
    positionals: usize,
    /// What is there of the word.
    typed: &'a str,
}

type Visit<'v, 'n> = &'v mut dyn FnMut(&'n str);

impl<'a> Place<'a> {
    /// Reads the line; `None` where nothing can be completed: in quotes, in a comment, behind what
    /// is no command.
    fn of(table: Table, before: &'a str) -> Option<Self> {
        // Nobody is told what is wrong with a line under way.
        let fault = Cell::new(None);
        let mut cursor = Cursor::new(before, Blame(&fault));
        cursor.tag().ok()?;
        let start = Self {
            topic: Topic::all(table),
            command: None,
            value: None,
            positionals: 0,
            typed: "",
        };
        let mut place = Self { ..start };
        loop {
            match cursor.word().ok()? {
                Some(word) if cursor.at() == before.len() => {
                    word.plain()?;
                    place.typed = before.get(word.at()..)?;
                    return Some(place);
                }
                Some(word) => place.step(table, word)?,
                None if cursor.at() == before.len() => return Some(place),
                None if cursor.separator().ok()? == Separator::End => return None,
                None => place = Self { ..start },
            }
        }
    }

    /// Goes behind a word.
    fn step(&mut self, table: Table, word: Word<'_>) -> Option<()> {
        let Some(command) = self.command else {
            if !self.topic.descend(word) {
                let words = Candidates::Words(self.topic.words());
                let only = Likeness::of(word, words).only()?;
                self.topic = self.topic.below(Word::literal(only))?;
            }
            self.command = self.topic.command();
            let takes = self.command.and_then(|command| command.positionals.first());
            if takes.is_some_and(|takes| matches!(takes.kind, Kind::Topic)) {
                // What follows names a command again.
                (self.topic, self.command) = (Topic::all(table), None);
            }
            return Some(());
        };
        match (self.value.take(), word.as_option()) {
            (None, Some((name, None))) => {
                let mut options = command.options.iter();
                let option = options.find(|option| option.name == name.raw)?;
                self.value = option.value.as_ref();
            }
            (None, Some((_, Some(_)))) | (Some(_), _) => {}
            (None, None) => {
                let takes = command.positionals.get(self.positionals);
                let stays = takes.is_some_and(|takes| takes.kind.takes_more());
                self.positionals += usize::from(!stays);
            }
        }
        Some(())
    }

    /// Visits what may stand here and begins with what is typed.
    fn offer<'n>(&self, known: Vocabulary<'n>, visit: Visit<'_, 'n>) {
        let mut offer = |name: &'n str| {
            if name.starts_with(self.typed) {
                visit(name);
            }
        };
        let Some(command) = self.command else {
            for word in self.topic.words() {
                offer(word);
            }
            return;
        };
        let positional = command.positionals.get(self.positionals);
        let kind = self.value.or(positional.map(|positional| &positional.kind));
        for word in kind.map_or(&[][..], |kind| known.choices(kind)) {
            offer(word);
        }
        // Who has typed nothing yet, where an argument may stand, has not asked for an option: of a
        // single one, such as `--all`, Tab and Enter would be enough.
        let wants_argument = self.typed.is_empty() && positional.is_some();
        if self.value.is_none() && !wants_argument {
            for option in command.options {
                offer(option.name);
            }
        }
    }

    /// Whether `name`, here, is a command that can take the board away.
    fn is_danger(&self, name: &str) -> bool {
        let below = self.topic.below(Word::literal(name));
        self.command.is_none() && below.is_some_and(Topic::is_dangerous)
    }
}

const GAP: &str = "  ";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::ALL;

    /// Compares what goes in, `|` behind it if the word is whole, or what is listed.
    #[track_caller]
    fn check(before: &str, expected: &str) {
        check_of(Vocabulary::of(ALL), before, expected);
    }

    /// The same, where the board knows names.
    #[track_caller]
    fn check_of(known: Vocabulary<'_>, before: &str, expected: &str) {
        let said = match complete(known, before) {
            Completion::Nothing => "-".into(),
            Completion::Missing { text, is_whole } => {
                format!("+{text}{}", if is_whole { "|" } else { "" })
            }
            Completion::Choices => {
                let mut listed = String::new();
                list(&mut listed, known, before).unwrap();
                listed.trim().into()
            }
        };
        assert_eq!(said, expected, "{before:?}");
    }

    #[test]
    fn words_are_completed_as_far_as_they_are_unique() {
        check("up", "+time|");
        check("uptime", "+|");
        check("p", "+ower|");
        check("he", "+l");
        check("hel", "help  hello");
        check("h", "+el");
        check("power ca", "+ncel|");
        check("power s", "status  shutdown");
        check("power ", "status  reboot  shutdown  cancel");
        check("x", "-");
        check("power x", "-");
        check("nonsense ", "-");
    }

    #[test]
    fn arguments_are_completed_where_the_table_knows_them() {
        check("mode ", "plain  term  json");
        check("mode t", "+erm|");
        check("mode term ", "-");
        check("reboot --f", "+orce|");
        check("power reboot --force --re", "+ason|");
        check(
            "reboot --",
            "--graceful  --force  --in  --reason  --op  --boot  --await-close",
        );
        check("reboot --in ", "-");
        check("reboot --in 5s --g", "+raceful|");
        check("reboot --in=5s --g", "+raceful|");
        check("reboot --nonsense --g", "-");
        check("power cancel ", "-");
        check("uptime ", "-");
    }

    #[test]
    #[cfg(feature = "services")]
    fn an_option_in_the_place_of_an_argument_is_asked_for_by_its_dash() {
        check("svc start ", "-");
        check("svc start -", "+-all|");
        check("svc stop ", "-");
        check("svc stop --", "--all  --grace");
        check("svc stop --grace 5s ", "-");
        check("svc logs ", "-");
        check("svc logs cam --t", "+ail|");
        check("svc logs cam ", "+--");
    }

    #[test]
    #[cfg(feature = "services")]
    fn services_are_completed_where_a_command_takes_one() {
        let names = ["cam", "camera", "web"];
        let known = Vocabulary::of(ALL).with_services(&names[..]);
        for (before, expected) in [
            ("svc status ", "cam  camera  web"),
            ("svc status w", "+eb|"),
            ("svc status c", "+am"),
            ("svc status cam", "cam  camera"),
            ("svc status came", "+ra|"),
            ("svc status web", "+|"),
            ("svc status x", "-"),
            ("svc status web w", "-"),
            ("sv sta w", "-"),
            ("sv stat w", "+eb|"),
            ("svc start w", "+eb|"),
            ("svc start --a", "+ll|"),
            ("svc stop --grace w", "-"),
            ("svc stop --grace 5s w", "+eb|"),
            ("svc logs w", "+eb|"),
            ("svc logs web --f", "--from  --follow"),
            ("svc list w", "-"),
            ("w", "-"),
            ("uptime; svc logs w", "+eb|"),
            ("mode ", "plain  term  json"),
        ] {
            check_of(known, before, expected);
        }
    }

    #[test]
    fn the_words_before_may_be_abbreviated_tagged_or_of_another_command() {
        check("po ca", "+ncel|");
        check("@7 up", "+time|");
        check("uptime; po", "+wer|");
        check("uptime && power ca", "+ncel|");
        check("help power ca", "+ncel|");
        check("help up", "+time|");
    }

    #[test]
    fn quotes_and_comments_are_left_alone() {
        check("reboot --reason \"up", "-");
        check("\"up", "-");
        check("\"up\"", "-");
        check("# up", "-");
        check("uptime # up", "-");
        check("uptime | up", "-");
    }

    #[test]
    fn what_takes_the_board_down_wants_three_bytes() {
        check("r", "reboot");
        check("re", "reboot");
        check("reb", "+oot|");
        let svc = if cfg!(feature = "services") {
            "  svc  sub"
        } else {
            ""
        };
        check("s", &format!("status  shutdown{svc}"));
        check("sh", "shutdown");
        check("shu", "+tdown|");
        check("power r", "+eboot|");
    }

    #[test]
    fn a_long_list_breaks_before_the_edge() {
        let mut listed = String::new();
        let twice = Table(Vec::leak([ALL.0, ALL.0].concat()));
        list(&mut listed, Vocabulary::of(twice), "").unwrap();
        assert!(listed.starts_with("\r\n") && listed.ends_with("\r\n"));
        assert!(listed.lines().all(|row| row.len() <= COLUMNS));
        assert!(listed.lines().count() > 2, "{listed:?}");
    }
}
