//! A journal file as it is found: how far it is whole, and what is wrong behind that.

use super::format::{FileContent, FileHeader, JournalRecord, RecordKind};

/// The state of one of the two files.
#[derive(Debug)]
pub(super) enum SlotState {
    /// There is no file.
    Absent,
    /// Not even the header can be used, for this reason.
    Unusable(String),
    /// The header is whole.
    Readable(ReadFile),
}

/// A file with a whole header.
#[derive(Debug)]
pub(super) struct ReadFile {
    pub(super) header: FileHeader,
    /// `None`: damaged.
    pub(super) snapshot: Option<Vec<u8>>,
    /// The records up to the first that is not whole.
    pub(super) records: Vec<JournalRecord>,
    pub(super) tail: FileTail,
    pub(super) len: usize,
}

/// The kind of rest behind the last whole record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileTail {
    /// Nothing.
    Clean,
    /// The beginning of a record that was never finished.
    Torn {
        /// Its length.
        bytes: usize,
    },
    /// Bytes that are no record, and further on one that is: what is between was damaged.
    Damaged {
        /// The offset of the first such byte.
        offset: usize,
    },
}

impl SlotState {
    /// Reads a file's bytes.
    pub(super) fn parse(file: &[u8]) -> Self {
        match FileHeader::decode(file) {
            Some(header) => Self::Readable(ReadFile::parse(header, file)),
            None => Self::Unusable("its header is damaged".to_owned()),
        }
    }

    pub(super) const fn readable(&self) -> Option<&ReadFile> {
        match self {
            Self::Readable(file) => Some(file),
            Self::Absent | Self::Unusable(_) => None,
        }
    }

    /// Returns what is wrong with it, if anything is that no cut of the power explains.
    pub(super) fn damage(&self) -> Option<String> {
        match self {
            Self::Absent => None,
            Self::Unusable(why) => Some(why.clone()),
            Self::Readable(file) => file.damage(),
        }
    }
}

impl ReadFile {
    fn parse(header: FileHeader, file: &[u8]) -> Self {
        let start = header.records_offset();
        let snapshot = file.get(super::format::HEADER_BYTES..start);
        let snapshot = snapshot.filter(|it| FileHeader::checksum(it) == header.snapshot_crc);
        let mut read = Self {
            header,
            snapshot: snapshot.map(<[u8]>::to_vec),
            records: Vec::new(),
            tail: FileTail::Clean,
            len: file.len(),
        };
        if start <= file.len() {
            read.parse_records(file, start);
        }
        read
    }

    fn parse_records(&mut self, file: &[u8], start: usize) {
        let mut offset = start;
        loop {
            let last = self.last_sequence();
            let follows = |sequence: u64, kind| match kind {
                RecordKind::Damage => sequence > last,
                RecordKind::Entry(_) => last.checked_add(1) == Some(sequence),
            };
            let Some((record, end)) = self.header.record_at(file, offset, follows) else {
                break;
            };
            self.records.push(record);
            offset = end;
        }
        self.tail = self.tail_at(file, offset);
    }

    /// Tells a torn record from damage: records are appended and made durable one at a time, so that nothing
    /// whole can be behind a torn one.
    fn tail_at(&self, file: &[u8], offset: usize) -> FileTail {
        if offset == file.len() {
            return FileTail::Clean;
        }
        let last = self.last_sequence();
        let left = u64::try_from(file.len() - offset).unwrap_or(u64::MAX);
        let is_later =
            |sequence: u64, _| sequence > last && sequence - last <= left.saturating_add(1);
        let mut later = offset + 1..file.len();
        if later.any(|at| self.header.record_at(file, at, is_later).is_some()) {
            return FileTail::Damaged { offset };
        }
        FileTail::Torn {
            bytes: file.len() - offset,
        }
    }

    pub(super) fn last_sequence(&self) -> u64 {
        let last = self.records.last();
        last.map_or(self.header.base, |it| it.sequence)
    }

    fn damage(&self) -> Option<String> {
        match self.tail {
            _ if self.snapshot.is_none() => Some("its snapshot is damaged".to_owned()),
            FileTail::Damaged { offset } => Some(format!(
                "it is damaged at byte {offset}, with whole records behind that"
            )),
            FileTail::Clean | FileTail::Torn { .. } => None,
        }
    }

    /// Returns what is whole of it.
    pub(super) fn content(&self) -> Option<FileContent> {
        Some(FileContent {
            id: self.header.id,
            generation: self.header.generation,
            base: self.header.base,
            snapshot: self.snapshot.clone()?,
            records: self.records.clone(),
        })
    }
}
