//! The reading of a journal's files: whole, torn, damaged in any byte.

use super::*;
use std::collections::BTreeMap;

const LIMITS: JournalLimits = JournalLimits::new(300, 100, 60).expect("they go together");
const FRESH: JournalId = JournalId([1; 16]);
const OTHER: JournalId = JournalId([2; 16]);
const KIND: NonZeroU8 = NonZeroU8::new(7).unwrap();

/// Files in memory, the next writing of which may fail.
#[derive(Clone, Debug, Default)]
struct MemoryStorage {
    files: BTreeMap<String, Vec<u8>>,
    /// The number of bytes of the next append that are written before it fails.
    failing_append: Option<usize>,
    failing_rename: bool,
}

impl Storage for MemoryStorage {
    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        Ok(self.files.get(name).cloned())
    }

    fn names(&self) -> io::Result<Vec<String>> {
        Ok(self.files.keys().cloned().collect())
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.files.remove(name);
        Ok(())
    }

    fn write(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        self.files.insert(name.to_owned(), content.to_vec());
        Ok(())
    }

    fn append(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        let file = self.files.get_mut(name).ok_or(io::ErrorKind::NotFound)?;
        let failing = self.failing_append.take();
        file.extend(&content[..failing.unwrap_or(content.len())]);
        failing.map_or(Ok(()), |_| Err(io::ErrorKind::StorageFull.into()))
    }

    fn sync(&mut self, _name: &str) -> io::Result<()> {
        Ok(())
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        if self.failing_rename {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        let content = self.files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        self.files.insert(to.to_owned(), content);
        Ok(())
    }

    fn sync_names(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn open(memory: &mut MemoryStorage) -> OpenedJournal {
    Journal::open(memory, LIMITS, FRESH).expect("it opens")
}

/// A journal of two files: `one` and `two` in the first, the state `12`, `three` and `four` in the second.
fn written() -> MemoryStorage {
    let mut memory = MemoryStorage::default();
    let mut journal = open(&mut memory).journal;
    append(&mut memory, &mut journal, &["one", "two"]);
    journal.compact(&mut memory, b"12").expect("there is room");
    append(&mut memory, &mut journal, &["three", "four"]);
    memory
}

fn append(memory: &mut MemoryStorage, journal: &mut Journal, payloads: &[&str]) {
    for payload in payloads {
        let appended = journal.append(memory, KIND, payload.as_bytes());
        assert_eq!(appended.expect("there is room"), journal.last_sequence());
    }
}

fn payloads(opened: &OpenedJournal) -> Vec<&'static str> {
    let text = |record: &JournalRecord| match record.kind {
        RecordKind::Damage => "DAMAGE",
        RecordKind::Entry(_) => match &record.payload[..] {
            b"one" => "one",
            b"two" => "two",
            b"three" => "three",
            b"four" => "four",
            b"five" => "five",
            other => panic!("nobody wrote {other:?}"),
        },
    };
    opened.records.iter().map(text).collect()
}

#[test]
fn records_come_back_behind_their_snapshot_and_numbers_go_on() {
    let mut memory = written();
    let mut opened = open(&mut memory);
    assert_eq!(payloads(&opened), ["three", "four"]);
    assert_eq!(opened.snapshot, b"12");
    assert_eq!(opened.journal.id(), FRESH);
    assert_eq!(opened.journal.snapshot_sequence(), 2);
    append(&mut memory, &mut opened.journal, &["five"]);
    assert_eq!(opened.journal.last_sequence(), 5);
    let sequences: Vec<_> = open(&mut memory)
        .records
        .iter()
        .map(|it| it.sequence)
        .collect();
    assert_eq!(sequences, [3, 4, 5]);
}

#[test]
fn a_torn_record_is_cut_off_at_every_byte_and_its_number_given_again() {
    let whole = written();
    let len = whole.files["journal.1"].len();
    let last_len = RECORD_OVERHEAD_BYTES + "four".len();
    for torn_bytes in 1..last_len {
        let mut memory = whole.clone();
        let file = memory.files.get_mut("journal.1").expect("written");
        file.truncate(len - last_len + torn_bytes);
        let mut opened = open(&mut memory);
        assert_eq!(opened.torn_bytes, torn_bytes);
        assert_eq!(payloads(&opened), ["three"]);
        append(&mut memory, &mut opened.journal, &["five"]);
        let opened = open(&mut memory);
        assert_eq!(payloads(&opened), ["three", "five"]);
        assert_eq!((opened.journal.last_sequence(), opened.torn_bytes), (4, 0));
    }
}

/// Opens a journal of which some bytes are another's, and checks that what it tells is true.
#[track_caller]
fn check_damaged(memory: &mut MemoryStorage, case: &str) {
    let before = memory.clone();
    let mut opened = open(memory);
    let told = payloads(&opened);
    let complete = told.ends_with(&["three", "four"]);
    // The last record alone cannot be told from one that was never finished.
    let torn = told == ["three"] && opened.torn_bytes > 0;
    let on_record = told.last() == Some(&"DAMAGE");
    assert!(complete || torn || on_record, "{case}: {told:?}");
    for broken in &opened.broken {
        let kept = broken.kept_as().expect("kept");
        assert!(
            before
                .files
                .values()
                .any(|it| Some(it) == memory.files.get(kept)),
            "{case}: {broken}"
        );
    }
    if on_record {
        assert!(!opened.broken.is_empty(), "{case}");
        assert!(
            opened.journal.id() == OTHER || opened.journal.last_sequence() > 4,
            "{case}: {}",
            opened.journal.last_sequence()
        );
    }
    append(memory, &mut opened.journal, &["five"]);
    let again = open(memory);
    assert!(again.broken.is_empty(), "{case}: {:?}", again.broken);
    assert_eq!(payloads(&again), [&told[..], &["five"]].concat(), "{case}");
}

#[test]
fn a_byte_that_rots_changes_no_record_and_is_told_of() {
    for name in SLOTS {
        for offset in 0..written().files[name].len() {
            let mut memory = written();
            memory.files.get_mut(name).expect("written")[offset] ^= 0x10;
            check_damaged(&mut memory, &format!("{name}, byte {offset}"));
        }
    }
}

#[test]
fn a_file_that_has_lost_its_end_with_the_snapshot_is_told_of() {
    for name in SLOTS {
        for start in 0..HEADER_BYTES {
            let mut zeros = written();
            zeros.files.get_mut(name).expect("written")[start..].fill(0);
            check_damaged(&mut zeros, &format!("{name}, zeros from {start}"));
            let mut short = written();
            short.files.get_mut(name).expect("written").truncate(start);
            check_damaged(&mut short, &format!("{name}, cut at {start}"));
        }
    }
}

#[test]
fn a_snapshot_that_rots_is_made_good_from_the_file_before() {
    let mut memory = written();
    memory.files.get_mut("journal.1").expect("written")[HEADER_BYTES] ^= 1;
    let opened = open(&mut memory);
    assert_eq!(payloads(&opened), ["one", "two", "three", "four"]);
    assert_eq!(opened.snapshot, b"");
    let told: Vec<_> = opened.broken.iter().map(ToString::to_string).collect();
    let expected =
        "journal.1 cannot be used: its snapshot is damaged; kept aside as journal.1.broken";
    assert_eq!(told, [expected]);
}

#[test]
fn a_journal_of_which_nothing_can_be_read_begins_anew_and_says_so() {
    let mut memory = written();
    for name in SLOTS {
        memory.files.get_mut(name).expect("written")[0] ^= 1;
    }
    let opened = Journal::open(&mut memory, LIMITS, OTHER).expect("it opens");
    assert_eq!(payloads(&opened), ["DAMAGE"]);
    assert_eq!(opened.journal.id(), OTHER);
    assert_eq!(opened.broken.len(), 2);
    let told = String::from_utf8_lossy(&opened.records[0].payload).into_owned();
    let expected = "journal.0: its header is damaged; journal.1: its header is damaged";
    assert_eq!(told, expected);
}

#[test]
fn damage_that_cannot_be_kept_aside_is_an_error_and_stays_where_it_is() {
    let mut memory = written();
    for name in SLOTS {
        memory.files.get_mut(name).expect("written")[0] ^= 1;
    }
    let before = memory.files.clone();
    memory.failing_rename = true;
    let refused = Journal::open(&mut memory, LIMITS, OTHER).expect_err("nothing can be renamed");
    assert!(refused.to_string().contains("cannot be kept aside"));
    assert_eq!(memory.files, before);
}

#[test]
fn what_a_failed_append_left_is_gone_when_the_next_has_succeeded() {
    let len = RECORD_OVERHEAD_BYTES + "three".len();
    for written_bytes in 0..=len {
        let mut memory = MemoryStorage::default();
        let mut journal = open(&mut memory).journal;
        append(&mut memory, &mut journal, &["one"]);
        memory.failing_append = Some(written_bytes);
        let failed = journal.append(&mut memory, KIND, b"three");
        assert!(matches!(failed, Err(JournalError::Storage(_))));
        append(&mut memory, &mut journal, &["two"]);
        assert_eq!(payloads(&open(&mut memory)), ["one", "two"]);
    }
}

#[test]
fn a_journal_whose_file_was_removed_is_written_again() {
    let mut memory = written();
    let mut journal = open(&mut memory).journal;
    memory.files.clear();
    assert!(journal.append(&mut memory, KIND, b"five").is_err());
    append(&mut memory, &mut journal, &["five"]);
    assert_eq!(payloads(&open(&mut memory)), ["three", "four", "five"]);
}

#[test]
fn a_file_never_exceeds_its_bound() {
    let mut memory = MemoryStorage::default();
    let mut journal = open(&mut memory).journal;
    let payload = [b'x'; 60];
    let too_large = journal.append(&mut memory, KIND, &[b'x'; 61]);
    let bytes_and_most = (61, 60);
    assert!(
        matches!(too_large, Err(JournalError::TooLarge { bytes, max_bytes })
        if (bytes, max_bytes) == bytes_and_most)
    );
    for _ in 0..20 {
        match journal.append(&mut memory, KIND, &payload) {
            Ok(_) => {}
            Err(JournalError::Full { needed_bytes: 77 }) => {
                assert!(journal.room_bytes() < 77);
                let state = [b'y'; 100];
                journal.compact(&mut memory, &state).expect("it fits");
                assert!(journal.compact(&mut memory, &[b'y'; 101]).is_err());
            }
            Err(error) => panic!("{error}"),
        }
        for file in memory.files.values() {
            assert!(file.len() <= 300, "{}", file.len());
        }
    }
    assert!(JournalLimits::new(52 + 100 + 17 + 60, 100, 60).is_some());
    assert!(JournalLimits::new(52 + 100 + 17 + 59, 100, 60).is_none());
}

#[test]
fn a_record_inside_a_torn_payload_is_no_record() {
    let mut memory = written();
    let inner = memory.files["journal.1"].clone();
    let inner = &inner[HEADER_BYTES + 2..];
    let mut journal = open(&mut memory).journal;
    let appended = journal.append(&mut memory, KIND, inner);
    appended.expect("there is room");
    let file = memory.files.get_mut("journal.1").expect("written");
    file.truncate(file.len() - 1);
    let opened = open(&mut memory);
    assert_eq!(payloads(&opened), ["three", "four"]);
    assert!(opened.broken.is_empty());
}
