//! Pages: some items of an answer, as many as fit a frame.

use super::{Item, PAGE_BYTES};
use crate::codec::{Field, Writer};
use crate::message::{BadBody, opcode};
use crate::units::StreamId;

/// Some items of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The stream in which the other pages come, if there are more.
    pub stream: Option<StreamId>,
    items: heapless::Vec<u8, PAGE_BYTES>,
}

impl Page {
    /// Appends an item; `false` if it does not fit any more.
    pub fn push(&mut self, item: &Item<'_>) -> bool {
        let used = self.items.len();
        // There is room for as many bytes as a page has.
        let _ = self.items.resize_default(PAGE_BYTES);
        let room = self.items.get_mut(used..).unwrap_or_default();
        let taken = postcard::to_slice(item, room).map(|bytes| bytes.len()).ok();
        self.items.truncate(used + taken.unwrap_or(0));
        taken.is_some()
    }

    /// The same page, and there are more behind it, in a stream that has no name yet.
    #[must_use]
    pub const fn and_more(self) -> Self {
        self.in_front_of(StreamId::UNNAMED)
    }

    /// The same page, and the others come in this stream.
    #[must_use]
    pub const fn in_front_of(mut self, stream: StreamId) -> Self {
        self.stream = Some(stream);
        self
    }

    /// Returns whether there are more pages behind it.
    #[must_use]
    pub const fn has_more(&self) -> bool {
        self.stream.is_some()
    }

    /// The number of bytes that its items take.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.items.len()
    }

    /// Whether it has no item.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The items.
    #[must_use]
    pub fn items(&self) -> Items<'_> {
        Items { left: &self.items }
    }

    pub(in crate::message) fn read(body: &[u8]) -> Result<Self, BadBody> {
        let read = postcard::from_bytes::<(Option<StreamId>, &[u8])>(body);
        let (stream, items) = read.map_err(|_| BadBody::Malformed(opcode::ITEMS))?;
        if PAGE_BYTES < items.len() {
            return Err(BadBody::TooLong);
        }
        let page = Self::of_items(items).ok_or(BadBody::Malformed(opcode::ITEMS))?;
        Ok(Self { stream, ..page })
    }

    /// Reads the items of a page; `None` if they are none, or too long.
    pub(crate) fn of_items(items: &[u8]) -> Option<Self> {
        let items = heapless::Vec::from_slice(items).ok()?;
        let page = Self {
            stream: None,
            items,
        };
        let mut all = page.items();
        while all.next().is_some() {}
        all.left.is_empty().then_some(page)
    }

    pub(crate) fn write_items(&self, out: &mut Writer<'_>) {
        out.text(&self.items);
    }
}

impl Field for Page {
    fn write(&self, out: &mut Writer<'_>) {
        self.stream.write(out);
        self.write_items(out);
    }
}

/// The items of a page.
#[derive(Clone, Debug)]
pub struct Items<'a> {
    left: &'a [u8],
}

impl<'a> Iterator for Items<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        let (item, left) = postcard::take_from_bytes(self.left).ok()?;
        self.left = left;
        Some(item)
    }
}
