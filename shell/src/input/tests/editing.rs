//! A person's keys on a model of the screen: after every byte it shows prompt and line, with the
//! cursor where it belongs.

use super::screen::Screen;
use super::told;
use crate::Vocabulary;
use crate::columns;
use crate::commands::ALL;
use crate::dialect::Dialect;
use crate::input::{ECHO_BYTES, Input, Medium};
use crate::term;
use lastword_protocol::{Instant, Millis};
use proptest::prelude::*;

const LINE: usize = 200;
const HISTORY: usize = 96;

/// A person at a board, and what is on the screen.
struct Person {
    input: Input<LINE, HISTORY>,
    screen: Screen,
    name: &'static str,
    now: Instant,
    told: Vec<String>,
    /// What was sent, all of it.
    sent: usize,
}

impl Person {
    fn at(name: &'static str) -> Self {
        let mut input = Input::new(Medium::Stream);
        input.set_name(name);
        input.set_dialect(Dialect::Term);
        let mut person = Self {
            input,
            screen: Screen::default(),
            name,
            now: Instant(0),
            told: Vec::new(),
            sent: 0,
        };
        person.prompt();
        person
    }

    fn show(&mut self, sent: &str) {
        self.sent += sent.len();
        self.screen.write(sent);
    }

    fn prompt(&mut self) {
        let mut prompt = String::new();
        term::prompt(&mut prompt, self.name).unwrap();
        self.show(&prompt);
    }

    /// Presses keys, one byte at a time, and checks the screen behind each.
    fn press(&mut self, keys: &[u8]) {
        for byte in keys {
            let mut left = &[*byte][..];
            while !left.is_empty() {
                let mut echo = String::new();
                let received = self.input.feed(self.now, &mut left, &mut echo);
                let received = received.as_ref().map(told);
                assert!(echo.len() <= ECHO_BYTES, "{echo:?}");
                self.show(&echo);
                self.follow(received);
            }
            self.check_screen();
        }
    }

    fn follow(&mut self, received: Option<String>) {
        match received.as_deref() {
            None => {}
            Some("redraw") => self.redraw(),
            Some("complete") => self.complete(),
            Some(said) => {
                if said == "logout" {
                    self.show("\r\n");
                }
                self.told.extend(received);
                self.prompt();
            }
        }
    }

    fn complete(&mut self) {
        let mut echo = String::new();
        let completed = self
            .input
            .complete(Vocabulary::of(ALL), &mut echo)
            .as_ref()
            .map(told);
        assert!(echo.len() <= ECHO_BYTES, "{echo:?}");
        self.show(&echo);
        if completed.as_deref() == Some("choices") {
            let mut listed = String::new();
            self.input
                .choices(Vocabulary::of(ALL), &mut listed, self.name)
                .unwrap();
            self.show(&listed);
        } else {
            self.follow(completed);
        }
    }

    fn redraw(&mut self) {
        let (mut once, mut again) = (String::new(), String::new());
        self.input.redraw(&mut once, self.name).unwrap();
        self.input.redraw(&mut again, self.name).unwrap();
        assert_eq!(once, again);
        self.show(&once);
    }

    /// Whether the row shows the prompt, then the line or a part of it around the cursor.
    fn check_screen(&self) {
        let (line, cursor) = self.line();
        // A mark stands on the character before it, whatever side of the cursor it is on.
        let behind = line[cursor..].trim_start_matches(|mark| columns::of(mark) == 0);
        let before = line[..line.len() - behind.len()].replace('\t', " ");
        let seen = self.screen.before();
        let prompt = format!("{}> ", self.name);
        let Some(shown) = seen.strip_prefix(&prompt) else {
            panic!("{seen:?} has no prompt");
        };
        let room = 78 - width(&prompt);
        if width(line) < room {
            assert_eq!(shown, before, "behind the prompt");
        } else {
            assert!(
                before.ends_with(shown),
                "{shown:?} is not the end of {before:?}"
            );
            let enough = width(&before).min(room / 2 - 2);
            assert!(width(shown) >= enough, "{shown:?} is too little");
        }
        let mut left = self.screen.left();
        let fits = |character: &char| {
            let rest = left.checked_sub(columns::of(*character));
            left = rest.unwrap_or(0);
            rest.is_some()
        };
        let expected: String = behind.replace('\t', " ").chars().take_while(fits).collect();
        assert_eq!(
            self.screen.behind(),
            expected.trim_end(),
            "behind the cursor"
        );
    }

    /// The line and the cursor in it: the input's own, once it is checked.
    fn line(&self) -> (&str, usize) {
        let line = self.input.typed();
        let cursor = self.input.cursor();
        assert!(line.is_char_boundary(cursor));
        (line, cursor)
    }
}

fn width(text: &str) -> usize {
    columns::width(text.as_bytes())
}

/// Presses keys, and compares the line, with `|` for the cursor.
#[track_caller]
fn check(keys: &[&str], expected: &str) {
    let mut person = Person::at("board1");
    for keys in keys {
        person.press(keys.as_bytes());
    }
    let (line, cursor) = person.line();
    let (before, behind) = line.split_at(cursor);
    assert_eq!(format!("{before}|{behind}"), expected, "{keys:?}");
}

#[test]
fn keys_edit_in_the_middle() {
    for (keys, expected) in [
        ("abc\x1b[D", "ab|c"),
        ("abc\x1b[DX", "abX|c"),
        ("abc\x1b[D\x1b[D\x1b[D\x1b[D", "|abc"),
        ("abc\x1b[H\x1b[C", "a|bc"),
        ("abc\x01\x05X", "abcX|"),
        ("abc\x02\x02\x06", "ab|c"),
        ("abc\x1b[D\x7f", "a|c"),
        ("abc\x1b[D\x1b[D\x1b[3~", "a|c"),
        ("abc\x1b[D\x04", "ab|"),
        ("abc\x04", "abc|"),
        ("abc\x1b[D\x0b", "ab|"),
        ("abc\x1b[D\x15", "|"),
        ("ab  cd ef \x17", "ab  cd |"),
        ("ab cd\x17\x17\x17", "|"),
        ("ab cd ef\x1b[D\x17", "ab cd |f"),
        ("ab cd\x1bb", "ab |cd"),
        ("ab cd\x1b[1;5D\x1b[1;5D", "|ab cd"),
        ("ab cd\x01\x1bf", "ab| cd"),
        ("ab cd\x01\x1bf\x1b[1;5C\x1bf", "ab cd|"),
        ("ab\x0c\x1b[D\x0c", "a|b"),
        ("a漢é😀\x1b[D\x1b[D\x7f", "a|é😀"),
        ("ae\u{301}b\x1b[D\x1b[D", "a|e\u{301}b"),
        ("ae\u{301}\x7f", "a|"),
        ("e\u{301}b\x1b[H\x1b[3~", "|b"),
        ("\u{301}b\x7f\x7f", "|"),
        ("a\x1b[24;80Rb\x1b[?1;2cc", "abc|"),
        ("a\x1b[5~\x1b[15~\x1bOP\x14\x1d\x13\x11b", "ab|"),
    ] {
        check(&[keys], expected);
    }
}

#[test]
fn a_line_longer_than_the_row_is_shown_in_part() {
    let long = "0123456789".repeat(12);
    check(&[&long], &format!("{long}|"));
    check(&[&long, "\x01X\x05Y"], &format!("X{long}Y|"));
    check(
        &[&long, &"\x1b[D".repeat(90)],
        &format!("{}|{}", &long[..30], &long[30..]),
    );
    check(&[&long, &"\x7f".repeat(90)], &format!("{}|", &long[..30]));
    let wide = "漢".repeat(60);
    check(&[&wide, &"\x1b[D".repeat(60)], &format!("|{wide}"));
}

#[test]
fn lines_come_back_and_the_one_under_way_is_not_lost() {
    for (keys, expected) in [
        ("\x1b[A", "|"),
        ("ab\x1b[A", "ab|"),
        ("ab\rcd\x1b[A", "ab|"),
        ("ab\rcd\x1b[A\x1b[B", "cd|"),
        ("ab\rcd\x1b[A\x1b[B\x1b[B", "cd|"),
        ("ab\rcd\rx\x10\x10\x10", "ab|"),
        ("ab\rcd\rx\x10\x10\x0e", "cd|"),
        ("ab\rcd\rx\x10\x10\x0e\x0e", "x|"),
        ("ab\rcd\rx\x1b[A\x02\x1b[B", "x|"),
        // Once it is edited, it is the line under way.
        ("ab\rcd\x1b[AX\x1b[A", "ab|"),
        ("ab\rcd\x1b[AX\x1b[A\x1b[B", "abX|"),
        ("ab\rcd\r\x1b[A\x1b[A\x1b[D\x0b\x1b[B", "a|"),
        ("ab\r\r  \r\x1b[A", "ab|"),
        ("ab\r\x1b[A\r\x1b[A\x1b[A", "ab|"),
        ("ab\rcd\r\x1b[A\x1b[A\r\x1b[A\x1b[A", "cd|"),
        ("ab\rcd\x03\x1b[A", "ab|"),
    ] {
        check(&[keys], expected);
    }
}

#[test]
fn a_line_that_is_recalled_runs_as_it_is_shown() {
    let mut person = Person::at("board1");
    person.press(b"status\rx\x1b[A\r\x1b[A\x7f\r");
    assert_eq!(person.told, ["term:status", "term:status", "term:statu"]);
}

#[test]
fn only_a_person_s_lines_come_back() {
    let mut person = Person::at("board1");
    person.press(b"ab\r");
    person.input.set_dialect(Dialect::Plain);
    let mut left = &b"cd\n{}\n"[..];
    while person
        .input
        .feed(person.now, &mut left, &mut String::new())
        .is_some()
    {}
    person.input.set_dialect(Dialect::Term);
    person.press(b"\x1b[A\x1b[A");
    assert_eq!(person.line().0, "ab");
    person.input.forget();
    person.input.set_dialect(Dialect::Term);
    person.redraw();
    person.press(b"\x1b[A");
    assert_eq!(person.line().0, "");
}

#[test]
fn a_line_that_is_not_to_come_back_does_not() {
    let mut person = Person::at("board1");
    person.press(b"status\rreboot\r");
    person.input.unkeep();
    person.press(b"\x1b[A");
    assert_eq!(person.line().0, "status");
    // In mid-line there is nothing to forget.
    person.input.unkeep();
    person.press(b"\x1b[B\x1b[A");
    assert_eq!(person.line().0, "status");
}

#[test]
fn tab_completes_the_word_before_the_cursor() {
    for (keys, expected) in [
        ("upt\t", "uptime |"),
        ("po\tca\t7", "power cancel 7|"),
        ("mo\tt\t", "mode term |"),
        ("h\t", "hel|"),
        ("h\t\t", "hel|"),
        ("x\t", "x|"),
        ("upt x\x1b[D\x1b[D\t", "uptime| x"),
        ("uptime x\x1b[D\x1b[D\t", "uptime| x"),
        ("upx\x1b[D\t", "uptime |x"),
        ("upt\r\x10\t", "uptime |"),
        ("upt\r\x10\t\x0e", "uptime |"),
        ("r\t", "r|"),
    ] {
        check(&[keys], expected);
    }
    let mut person = Person::at("board1");
    person.press(b"power s\x1b[D\x1b[C\tt");
    let above = ["board1> power s", "status  shutdown"];
    assert_eq!(person.screen.above, above);
    assert_eq!(person.line().0, "power st");
    // There is no room for all of it, and so for none.
    let full = "x".repeat(LINE - 5);
    person.press(format!("\x15#{full}\x01upt\t").as_bytes());
    assert!(person.line().0.starts_with("upt#"));
    person.press(b"\x15r\t\rr\t\n");
    assert_eq!(person.told, ["term:r", "term:r"]);
}

#[test]
fn what_is_pasted_waits_for_enter() {
    for (keys, expected) in [
        ("\x1b[200~ab\rcd\x1b[201~", "ab cd|"),
        ("\x1b[200~ab\r\ncd\n\x1b[201~", "ab cd |"),
        ("\x1b[200~a\tb\x1b[201~", "a\tb|"),
        ("xy\x1b[D\x1b[200~a\x01\x04\x15\x1b[Ab\x1b[201~", "xab|y"),
        ("\x1b[200~ab\x03\x1b[A", "|"),
    ] {
        check(&[keys], expected);
    }
    let mut person = Person::at("board1");
    person.press(b"\x1b[200~status\r\x1b[201~");
    assert!(person.told.is_empty());
    person.press(b"\r\x1b[200~a");
    // The end of this one is lost.
    person.now = person.now.after(Millis(1_001));
    person.press(b"\r");
    assert_eq!(person.told, ["term:status ", "term:a"]);
}

#[test]
fn what_is_missing_in_a_line_cannot_be_mended() {
    let mut person = Person::at("board1");
    let full = "x".repeat(LINE);
    person.press(full.as_bytes());
    for (keys, expected) in [
        (
            &b"\x02y\x7f\x17\x0b\x04\x1b[3~\x10\r"[..],
            "term:413 201/200",
        ),
        (b"a\xFF\x7f\x7f\r", "term:400"),
        (b"a\xFF\x15b\r", "term:b"),
    ] {
        person.press(keys);
        assert_eq!(person.told.pop().as_deref(), Some(expected));
    }
}

#[test]
fn one_byte_is_echoed_for_each_at_the_end_of_the_line() {
    let mut person = Person::at("board1");
    let before = person.sent;
    person.press(&[b'x'; 69]);
    assert_eq!(person.sent - before, 69);
}

/// A plain model of the editor: characters, and a place between two.
#[derive(Clone, Debug, Default)]
struct Model {
    draft: Vec<char>,
    cursor: usize,
    lines: Vec<String>,
    recalled: Option<usize>,
}

impl Model {
    fn text(&self) -> Vec<char> {
        match self.recalled {
            Some(index) => self.lines[index].chars().collect(),
            None => self.draft.clone(),
        }
    }

    fn bytes(&self) -> usize {
        self.text()
            .iter()
            .map(|character| character.len_utf8())
            .sum()
    }

    /// The draft, to be changed.
    fn draft(&mut self) -> &mut Vec<char> {
        self.draft = self.text();
        self.recalled = None;
        &mut self.draft
    }

    fn key(&mut self, key: &str) {
        let (text, at) = (self.text(), self.cursor);
        let is_mark = |index: usize| columns::of(text[index]) == 0;
        let left = (0..at).rev().find(|index| !is_mark(*index)).unwrap_or(0);
        let right = (at + 1..text.len())
            .find(|index| !is_mark(*index))
            .unwrap_or(text.len());
        let blank = |index: usize| text[index] == ' ';
        let word = (0..at)
            .rev()
            .skip_while(|index| blank(*index))
            .find(|index| blank(*index));
        let word = word.map_or(0, |index| index + 1);
        let mut word_end = (at..text.len()).skip_while(|index| blank(*index));
        let word_end = word_end.find(|index| blank(*index));
        let word_end = word_end.unwrap_or(text.len());
        match key {
            "\x1b[D" => self.cursor = left,
            "\x1b[C" => self.cursor = right,
            "\x01" => self.cursor = 0,
            "\x05" => self.cursor = text.len(),
            "\x1bb" => self.cursor = word,
            "\x1bf" => self.cursor = word_end,
            "\x7f" => self.erase(left, at),
            "\x1b[3~" => self.erase(at, right),
            "\x17" => self.erase(word, at),
            "\x0b" => self.erase(at, text.len()),
            "\x15" | "\x03" => {
                self.draft.clear();
                self.recalled = None;
                self.cursor = 0;
            }
            "\x10" => self.recall(self.recalled.unwrap_or(self.lines.len()).checked_sub(1)),
            "\x0e" if self.recalled.is_some() => {
                let next = self.recalled.map(|index| index + 1);
                self.recalled = next.filter(|index| *index < self.lines.len());
                self.cursor = self.text().len();
            }
            "\r" => self.enter(),
            "\x0c" | "\x0e" => {}
            typed if self.bytes() + typed.len() <= LINE => {
                for character in typed.chars() {
                    let at = self.cursor;
                    self.draft().insert(at, character);
                    self.cursor += 1;
                }
            }
            _ => {}
        }
    }

    fn erase(&mut self, from: usize, to: usize) {
        if from < to {
            self.draft().drain(from..to);
            self.cursor = from;
        }
    }

    fn recall(&mut self, index: Option<usize>) {
        if index.is_some() {
            self.recalled = index;
            self.cursor = self.text().len();
        }
    }

    fn enter(&mut self) {
        let line: String = self.text().into_iter().collect();
        let fits = line.len() < HISTORY && !line.trim().is_empty();
        if fits && self.lines.last() != Some(&line) {
            self.lines.push(line);
            while self.lines.iter().map(|line| line.len() + 1).sum::<usize>() > HISTORY {
                self.lines.remove(0);
            }
        }
        self.draft.clear();
        self.recalled = None;
        self.cursor = 0;
    }
}

/// Keys of a person, words often enough that lines get longer than the row.
fn keys() -> impl Strategy<Value = Vec<&'static str>> {
    let key = prop_oneof![
        4 => prop::sample::select(&["a", " ", "é", "漢", "😀", "e\u{301}", "\u{301}", "status "][..]),
        1 => Just("power reboot --in 30s --reason \"it hangs\" "),
        4 => prop::sample::select(&["\x1b[D", "\x1b[C", "\x01", "\x05", "\x1bb", "\x1bf"][..]),
        3 => prop::sample::select(&["\x7f", "\x1b[3~", "\x17", "\x0b", "\x10", "\x0e"][..]),
        1 => prop::sample::select(&["\r", "\x03", "\x0c", "\x15"][..]),
    ];
    prop::collection::vec(key, 0..80)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn the_screen_shows_the_line_after_every_key(keys in keys(), is_wide in any::<bool>()) {
        let mut person = Person::at(if is_wide { "プローブ" } else { "board1" });
        let mut model = Model::default();
        for key in keys {
            // What is over the limit has rules of its own.
            if model.bytes() + key.len() > LINE && !key.contains(char::is_control) {
                continue;
            }
            person.press(key.as_bytes());
            model.key(key);
            let (line, cursor) = person.line();
            let expected: String = model.text().iter().collect();
            let before: String = model.text()[..model.cursor].iter().collect();
            prop_assert_eq!((line, &line[..cursor]), (&expected[..], &before[..]));
        }
    }

    #[test]
    fn no_byte_leaves_the_screen_wrong(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut person = Person::at("board1");
        person.press(&bytes);
    }
}
