//! A terminal of 80 columns that understands what is sent to a person, and nothing else.

use crate::columns;

/// The last column is never written to: some terminals wrap there at once, others wait.
const COLUMNS: usize = 79;

/// What a person sees of the row that the cursor is in, and of those above.
#[derive(Debug, Default)]
pub(super) struct Screen {
    /// What each column of the row shows: a character with its marks, nothing behind a wide one.
    cells: Vec<String>,
    column: usize,
    /// The rows above, the oldest first.
    pub(super) above: Vec<String>,
}

impl Screen {
    /// Shows what is sent. Panics if that is something no terminal has to know, or would wrap.
    pub(super) fn write(&mut self, sent: &str) {
        let mut rest = sent.chars();
        while let Some(character) = rest.next() {
            match character {
                '\r' => self.column = 0,
                '\n' => {
                    self.above.push(self.row());
                    self.cells.clear();
                }
                '\x08' => self.column = self.column.saturating_sub(1),
                '\x07' => {}
                '\x1b' => self.sequence(&mut rest),
                character if character.is_control() => panic!("{character:?} in {sent:?}"),
                character => self.show(character, sent),
            }
        }
    }

    fn sequence(&mut self, rest: &mut std::str::Chars<'_>) {
        assert_eq!(rest.next(), Some('['));
        let mut number = 0;
        loop {
            let next = rest.next();
            match next {
                Some(digit @ '0'..='9') => {
                    number = number * 10 + digit as usize - '0' as usize;
                    continue;
                }
                Some('C') => self.column = (self.column + number.max(1)).min(COLUMNS),
                Some('K') if number == 0 => self.cells.truncate(self.column),
                Some('H') if number == 0 => self.column = 0,
                Some('J') if number == 2 => self.cells.clear(),
                other => panic!("sequence with {other:?}"),
            }
            return;
        }
    }

    fn show(&mut self, character: char, sent: &str) {
        let width = columns::of(character);
        if width == 0 {
            let cells = self.cells.get_mut(..self.column).unwrap_or_default();
            let base = cells.iter_mut().rev().find(|cell| !cell.is_empty());
            base.expect("a mark with nothing to stand on")
                .push(character);
            return;
        }
        let end = self.column + width;
        assert!(end <= COLUMNS, "{sent:?} wraps");
        while self.cells.len() < end {
            self.cells.push(" ".into());
        }
        self.blank_half_of_wide(self.column);
        self.blank_half_of_wide(end);
        self.cells[self.column] = character.into();
        if width == 2 {
            self.cells[self.column + 1].clear();
        }
        self.column = end;
    }

    /// What is written over one half of a wide character blanks the other.
    fn blank_half_of_wide(&mut self, column: usize) {
        if column > 0 && self.cells.get(column).is_some_and(String::is_empty) {
            self.cells[column] = " ".into();
            self.cells[column - 1] = " ".into();
        }
    }

    /// What stands before the cursor.
    pub(super) fn before(&self) -> String {
        let shown = self.cells.iter().take(self.column);
        let blanks = self.column.saturating_sub(self.cells.len());
        shown.map(String::as_str).collect::<String>() + &" ".repeat(blanks)
    }

    /// What stands behind the cursor, without blanks at the end.
    pub(super) fn behind(&self) -> String {
        let shown: String = self
            .cells
            .iter()
            .skip(self.column)
            .map(String::as_str)
            .collect();
        shown.trim_end().into()
    }

    /// The row, without blanks at the end.
    pub(super) fn row(&self) -> String {
        self.cells.concat().trim_end().into()
    }

    /// How many columns are left for the line from the cursor on; one is for `^C`.
    pub(super) fn left(&self) -> usize {
        COLUMNS - 1 - self.column
    }
}
