//! The store: what is there, what gives way, and what a damaged part does.

use super::*;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

/// Files in memory. Clones are the same.
#[derive(Clone, Debug, Default)]
struct SharedFiles(Arc<Mutex<BTreeMap<String, Vec<u8>>>>);

impl Storage for SharedFiles {
    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        Ok(self.0.lock().unwrap().get(name).cloned())
    }

    fn names(&self) -> io::Result<Vec<String>> {
        Ok(self.0.lock().unwrap().keys().cloned().collect())
    }

    fn write(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        let mut files = self.0.lock().unwrap();
        files.insert(name.to_owned(), content.to_vec());
        Ok(())
    }

    fn append(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        let mut files = self.0.lock().unwrap();
        files.get_mut(name).unwrap().extend(content);
        Ok(())
    }

    fn sync(&mut self, _name: &str) -> io::Result<()> {
        Ok(())
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let mut files = self.0.lock().unwrap();
        let content = files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        files.insert(to.to_owned(), content);
        Ok(())
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.0.lock().unwrap().remove(name);
        Ok(())
    }

    fn sync_names(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn hash_of(content: &[u8]) -> ObjectHash {
    ObjectHash(Sha256::digest(content).into())
}

fn open(files: &SharedFiles, room_bytes: u64) -> ObjectDirectory {
    ObjectDirectory::open(&mut files.clone(), room_bytes).unwrap()
}

/// Puts an object whole. Returns whether its content was right.
fn put(directory: &mut ObjectDirectory, files: &SharedFiles, content: &[u8]) -> bool {
    let hash = hash_of(content);
    let start = directory
        .begin_put(&mut files.clone(), hash, content.len() as u64)
        .unwrap();
    let ObjectStart::From { offset, is_left } = start else {
        return true;
    };
    let mut writer = ObjectWriter::open(&mut files.clone(), hash, (offset, is_left)).unwrap();
    let rest = &content[usize::try_from(offset).unwrap()..];
    directory
        .make_room(&mut files.clone(), hash, rest.len())
        .unwrap();
    writer.append(&mut files.clone(), rest, |_| false).unwrap();
    let written = writer.finish(&mut files.clone());
    let settled = directory.settle(&mut files.clone(), hash, written);
    directory.release(&mut files.clone(), hash);
    settled.is_ok()
}

const fn from(offset: u64) -> ObjectStart {
    let is_left = offset > 0;
    ObjectStart::From { offset, is_left }
}

#[track_caller]
fn code_of<T: std::fmt::Debug>(answer: Result<T, Box<Refusal>>) -> Code {
    answer.expect_err("it is refused").code
}

#[test]
fn an_object_is_there_only_once_it_is_whole_and_right() {
    let files = SharedFiles::default();
    let mut directory = open(&files, 100);
    let hash = hash_of(b"content");
    assert_eq!(code_of(directory.begin_get(&files, hash, 0)), Code::Unknown);
    assert_eq!(
        directory.begin_put(&mut files.clone(), hash, 7),
        Ok(from(0))
    );
    assert_eq!(code_of(directory.begin_get(&files, hash, 0)), Code::Unknown);
    assert_eq!(
        code_of(directory.begin_put(&mut files.clone(), hash, 7)),
        Code::Busy
    );
    directory.release(&mut files.clone(), hash);
    assert!(put(&mut directory, &files, b"content"));
    assert_eq!(
        directory.begin_put(&mut files.clone(), hash, 7),
        Ok(ObjectStart::Stored)
    );
    assert_eq!(
        code_of(directory.begin_put(&mut files.clone(), hash, 8)),
        Code::BadValue
    );
    assert_eq!(directory.begin_get(&files, hash, 7), Ok(7));
    assert_eq!(
        code_of(directory.begin_get(&files, hash, 8)),
        Code::BadValue
    );
    // Another life of the agent finds it.
    assert_eq!(open(&files, 100).begin_get(&files, hash, 0), Ok(7));
}

#[test]
fn a_put_goes_on_behind_what_is_there_and_a_damaged_part_is_dropped() {
    for (left, is_right) in [(&b"cont"[..], true), (b"CONT", false), (b"content", true)] {
        let mut files = SharedFiles::default();
        let hash = hash_of(b"content");
        files.write(&part_name(hash), left).unwrap();
        let mut directory = open(&files, 100);
        let offset = left.len() as u64;
        assert_eq!(
            directory.begin_put(&mut files.clone(), hash, 7),
            Ok(from(offset))
        );
        directory.release(&mut files.clone(), hash);
        assert_eq!(put(&mut directory, &files, b"content"), is_right);
        if !is_right {
            assert!(files.names().unwrap().is_empty());
            assert!(
                put(&mut directory, &files, b"content"),
                "from the beginning"
            );
        }
        assert_eq!(files.names().unwrap(), [hash.to_string()]);
    }
}

#[test]
fn a_part_that_is_longer_than_the_object_is_begun_anew() {
    let mut files = SharedFiles::default();
    let hash = hash_of(b"content");
    files.write(&part_name(hash), b"content and more").unwrap();
    let mut directory = open(&files, 100);
    assert_eq!(
        directory.begin_put(&mut files.clone(), hash, 7),
        Ok(from(0))
    );
}

#[test]
fn the_objects_that_were_unused_for_longest_give_way_and_those_in_use_never() {
    let files = SharedFiles::default();
    let mut directory = open(&files, 30);
    let contents = [b"one-------", b"two-------", b"three-----"];
    for content in contents {
        assert!(put(&mut directory, &files, content));
    }
    let [one, two, three] = contents.map(|content| hash_of(content));
    assert_eq!(directory.begin_get(&files, one, 0), Ok(10));
    assert!(put(&mut directory, &files, b"four"));
    assert_eq!(code_of(directory.begin_get(&files, two, 0)), Code::Unknown);
    assert_eq!(
        code_of(directory.begin_put(&mut files.clone(), hash_of(b"large"), 21)),
        Code::TooLong
    );
    assert_eq!(
        directory.begin_get(&files, three, 0),
        Ok(10),
        "nothing gave way to it"
    );
    directory.release(&mut files.clone(), three);
    directory.release(&mut files.clone(), one);
    assert_eq!(
        directory.begin_put(&mut files.clone(), hash_of(b"large"), 20),
        Ok(from(0))
    );
    assert_eq!(files.names().unwrap().len(), 4, "nothing has arrived yet");
    let large = hash_of(b"large");
    directory.make_room(&mut files.clone(), large, 20).unwrap();
    let names = files.names().unwrap();
    assert_eq!(names.len(), 2, "{names:?}");
    assert_eq!(
        code_of(directory.begin_put(&mut files.clone(), hash_of(b"huge"), u64::MAX)),
        Code::TooLong
    );
}

#[test]
fn what_is_not_whole_gives_way_first_and_what_is_no_object_stays() {
    let mut files = SharedFiles::default();
    files.write("README", b"not an object").unwrap();
    files.write(&part_name(hash_of(b"part")), b"pa").unwrap();
    let mut directory = open(&files, 12);
    assert!(put(&mut directory, &files, b"whole-----"));
    assert!(put(&mut directory, &files, b"ab"));
    let mut names = files.names().unwrap();
    names.sort();
    let mut expected = vec![
        "README".to_owned(),
        hash_of(b"whole-----").to_string(),
        hash_of(b"ab").to_string(),
    ];
    expected.sort();
    assert_eq!(names, expected);
}

#[test]
fn an_object_whose_file_was_removed_is_put_again() {
    let mut files = SharedFiles::default();
    let mut directory = open(&files, 100);
    assert!(put(&mut directory, &files, b"content"));
    let hash = hash_of(b"content");
    files.remove(&hash.to_string()).unwrap();
    assert_eq!(code_of(directory.begin_get(&files, hash, 0)), Code::Unknown);
    assert_eq!(
        directory.begin_put(&mut files.clone(), hash, 7),
        Ok(from(0))
    );
}

#[test]
fn a_pipe_copies_across_its_wrap_and_drops_what_is_acknowledged() {
    let pipe = ObjectPipe::new(1_000);
    let bytes: Vec<u8> = (0..200_000_u32).map(|it| it.to_le_bytes()[0]).collect();
    let mut offset = 1_000;
    for round in 0..5 {
        pipe.supply(&bytes);
        let mut out = vec![0; 100_000];
        assert!(pipe.copy(offset + 100_000, &mut out));
        assert!(out == bytes[100_000..], "{round}");
        assert!(!pipe.copy(offset - 1, &mut out), "dropped");
        assert!(!pipe.copy(offset + 150_000, &mut out), "not there yet");
        offset += 200_000;
        pipe.discard_before(offset);
        assert_eq!(pipe.end(), offset);
    }
}

#[test]
fn what_is_to_be_kept_is_kept_whoever_closes_the_pipe() {
    let mut bytes = VecDeque::new();
    let pipe = ObjectPipe::new(0);
    pipe.push(b"content");
    pipe.complete();
    pipe.close();
    assert_eq!(pipe.next_step(&mut bytes), WriterStep::Write);
    assert_eq!(bytes, b"content");
    assert_eq!(pipe.next_step(&mut bytes), WriterStep::Commit);

    let pipe = ObjectPipe::new(0);
    pipe.push(b"content");
    pipe.close();
    assert_eq!(pipe.next_step(&mut bytes), WriterStep::End);
    assert!(!pipe.has_room(1));
}

#[test]
fn an_object_of_which_nothing_has_come_leaves_nothing() {
    let files = SharedFiles::default();
    let mut directory = open(&files, 100);
    for number in 0..10_u8 {
        let hash = hash_of(&[number]);
        let begun = directory.begin_put(&mut files.clone(), hash, number.into());
        assert_eq!(begun, Ok(from(0)));
        directory.release(&mut files.clone(), hash);
    }
    assert!(files.names().unwrap().is_empty());
}
