//! Trees on a real disk: built, shared, compared and removed.

use super::*;
use lastword_generation::ManifestFields;
use lastword_generation::TreePath;
use lastword_generation::manifest::{FileMode, SoakEnd, TreeFile, TreeLink, generation_of};
use sha2::{Digest, Sha256};
use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use tempfile::TempDir;

/// A change of a tree, and the difference that is found.
type TreeChange<'c> = (&'c dyn Fn(&Path), &'static str);

/// A directory of generations, and one of contents.
struct TreeBench {
    directory: TempDir,
    contents: TempDir,
    trees: GenerationTrees,
}

impl ContentSource for TempDir {
    fn open_content(&self, hash: ObjectHash) -> io::Result<Option<File>> {
        match File::open(self.path().join(hash.to_string())) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            opened => opened.map(Some),
        }
    }
}

fn path(text: &str) -> TreePath {
    TreePath::new(text).unwrap()
}

impl TreeBench {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let trees = GenerationTrees::open(directory.path().join("generations")).unwrap();
        let contents = tempfile::tempdir().unwrap();
        Self {
            directory,
            contents,
            trees,
        }
    }

    /// Returns a manifest of these files, whose contents are there, and of a link.
    fn manifest(&self, files: &[(&str, &str, u32)]) -> (Generation, Manifest) {
        let file = |(at, content, mode): &(&str, &str, u32)| {
            let sha256 = ObjectHash(Sha256::digest(content).into());
            fs::write(self.contents.path().join(sha256.to_string()), content).unwrap();
            TreeFile {
                path: path(at),
                sha256,
                size: content.len() as u64,
                mode: FileMode::from_stat(*mode),
            }
        };
        let manifest = Manifest::new(ManifestFields {
            format: 1,
            name: "gateway".to_owned(),
            version: "1".to_owned(),
            compatible: vec!["acme,gw".to_owned()],
            architecture: "any".to_owned(),
            security_version: 0,
            soak: SoakEnd::Manual,
            checks: Vec::new(),
            reboot_components: Vec::new(),
            files: files.iter().map(file).collect(),
            links: vec![TreeLink {
                path: path("link"),
                target: "bin/gw".to_owned(),
            }],
        });
        let manifest = manifest.unwrap();
        (generation_of(&manifest.to_bytes().unwrap()), manifest)
    }

    fn realise(
        &self,
        (generation, manifest): &(Generation, Manifest),
        known: &[&(Generation, Manifest)],
    ) -> Result<(), RealiseError> {
        let known = known.iter().map(|(generation, manifest)| KnownTree {
            generation: *generation,
            manifest,
        });
        let known: Vec<_> = known.collect();
        self.trees
            .realise(*generation, manifest, &known, &self.contents)
    }

    fn names(&self) -> Vec<String> {
        let trees = self.directory.path().join("generations/trees");
        let entries = fs::read_dir(trees).unwrap();
        let names = entries.map(|it| it.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }
}

const FILES: [(&str, &str, u32); 3] = [
    ("bin/gw", "program", 0o755),
    ("bin/suid", "suid", 0o4755),
    ("etc/deep/er/text", "text", 0o640),
];

#[test]
fn a_tree_is_what_its_manifest_says() {
    let bench = TreeBench::new();
    let made = bench.manifest(&FILES);
    bench.realise(&made, &[]).unwrap();
    bench.trees.check(made.0, &made.1).unwrap();
    let top = bench.trees.path(made.0);
    assert_eq!(fs::read_to_string(top.join("link")).unwrap(), "program");
    let bits = |name: &str| fs::metadata(top.join(name)).unwrap().mode() & 0o7777;
    assert_eq!(bits("bin/suid"), 0o4755);
    assert_eq!((bits(""), bits("etc/deep")), (0o755, 0o755));
    assert_eq!(bench.trees.list().unwrap(), [made.0]);
    // And once more is nothing more.
    bench.realise(&made, &[]).unwrap();
    assert_eq!(bench.names(), [made.0.to_string()]);
}

#[test]
fn a_file_of_an_earlier_tree_is_shared_if_its_mode_is_the_same() {
    let bench = TreeBench::new();
    let one = bench.manifest(&FILES);
    bench.realise(&one, &[]).unwrap();
    let two = bench.manifest(&[FILES[0], ("bin/suid", "suid", 0o755), ("new", "new", 0o644)]);
    fs::remove_file(
        bench
            .contents
            .path()
            .join(two.1.files[0].sha256.to_string()),
    )
    .unwrap();
    bench.realise(&two, &[&one]).unwrap();
    bench.trees.check(two.0, &two.1).unwrap();
    let inode = |of: &(Generation, Manifest), name: &str| {
        fs::metadata(bench.trees.path(of.0).join(name))
            .unwrap()
            .ino()
    };
    assert_eq!(inode(&one, "bin/gw"), inode(&two, "bin/gw"));
    assert_ne!(inode(&one, "bin/suid"), inode(&two, "bin/suid"));
    // Of a set-ID file each tree has its own.
    let three = bench.manifest(&[FILES[1]]);
    bench.realise(&three, &[&one]).unwrap();
    assert_ne!(inode(&one, "bin/suid"), inode(&three, "bin/suid"));
    bench.trees.check(one.0, &one.1).unwrap();
}

#[test]
fn a_file_that_somebody_has_changed_is_not_shared() {
    let bench = TreeBench::new();
    let one = bench.manifest(&FILES);
    bench.realise(&one, &[]).unwrap();
    fs::write(bench.trees.path(one.0).join("bin/gw"), "changed").unwrap();
    let two = bench.manifest(&[FILES[0]]);
    bench.realise(&two, &[&one]).unwrap();
    bench.trees.check(two.0, &two.1).unwrap();
    // Nor is the tree itself taken for sound: it is built anew, from what is still sound in it.
    let text = one.1.files[2].sha256.to_string();
    fs::remove_file(bench.contents.path().join(text)).unwrap();
    bench.realise(&one, &[]).unwrap();
    bench.trees.check(one.0, &one.1).unwrap();
}

#[test]
fn what_is_missing_or_wrong_leaves_nothing_behind() {
    let bench = TreeBench::new();
    let made = bench.manifest(&FILES);
    let content = bench
        .contents
        .path()
        .join(made.1.files[2].sha256.to_string());
    for (other, expected) in [
        ("TEXT", "etc/deep/er/text: digest mismatch: expected="),
        ("tex", "etc/deep/er/text: its content is not 4 bytes long"),
        ("texts", "etc/deep/er/text: its content is not 4 bytes long"),
    ] {
        fs::write(&content, other).unwrap();
        let error = bench.realise(&made, &[]).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
    fs::remove_file(&content).unwrap();
    let error = bench.realise(&made, &[]).unwrap_err().to_string();
    assert!(error.ends_with("is not on the board"), "{error}");
    assert!(bench.names().is_empty());
}

#[test]
fn too_little_space_is_told_before_anything_is_written() {
    let bench = TreeBench::new();
    let (generation, manifest) = bench.manifest(&FILES);
    let mut fields = ManifestFields::clone(&manifest);
    fields.files[0].size = 1 << 39;
    let manifest = Manifest::new(fields).unwrap();
    let error = bench.realise(&(generation, manifest), &[]).unwrap_err();
    assert!(
        matches!(error, RealiseError::NoSpace { needed, .. } if needed > 1 << 39),
        "{error}"
    );
    assert!(bench.names().is_empty());
}

#[test]
fn each_difference_of_a_tree_is_found() {
    let bench = TreeBench::new();
    let made = bench.manifest(&FILES);
    let changes: [TreeChange<'_>; 8] = [
        (
            &|at| {
                let elsewhere = at.with_extension("elsewhere");
                fs::rename(at.join("bin"), &elsewhere).unwrap();
                std::os::unix::fs::symlink(&elsewhere, at.join("bin")).unwrap();
            },
            "no directory",
        ),
        (
            &|at| fs::set_permissions(at.join("etc"), Permissions::from_mode(0o777)).unwrap(),
            "a directory of another mode or owner",
        ),
        (
            &|at| fs::write(at.join("bin/gw"), "PROGRAM").unwrap(),
            "digest mismatch",
        ),
        (
            &|at| fs::write(at.join("bin/gw"), "longer program").unwrap(),
            "another length",
        ),
        (
            &|at| fs::set_permissions(at.join("bin/gw"), Permissions::from_mode(0o777)).unwrap(),
            "another mode",
        ),
        (
            &|at| fs::write(at.join("etc/extra"), "").unwrap(),
            "does not belong",
        ),
        (
            &|at| {
                fs::remove_file(at.join("link")).unwrap();
                std::os::unix::fs::symlink("/etc/passwd", at.join("link")).unwrap();
            },
            "another target",
        ),
        (
            &|at| {
                fs::remove_file(at.join("bin/gw")).unwrap();
                std::os::unix::fs::symlink("/bin/sh", at.join("bin/gw")).unwrap();
            },
            "no regular file",
        ),
    ];
    for (change, expected) in changes {
        bench.realise(&made, &[]).unwrap();
        change(&bench.trees.path(made.0));
        let fault = bench.trees.check(made.0, &made.1).unwrap_err().to_string();
        assert!(fault.contains(expected), "{fault}");
    }
}

#[test]
fn what_an_earlier_life_left_unfinished_is_removed() {
    let bench = TreeBench::new();
    let made = bench.manifest(&FILES);
    bench.realise(&made, &[]).unwrap();
    let directory = bench.directory.path().join("generations");
    let left = directory.join(format!("trees/{}.new", Generation([9; 32])));
    fs::create_dir_all(left.join("deep")).unwrap();
    GenerationTrees::open(directory).unwrap();
    assert_eq!(bench.names(), [made.0.to_string()]);
    bench.trees.remove(made.0).unwrap();
    bench.trees.remove(made.0).unwrap();
    assert!(bench.names().is_empty());
}
