//! The rules of a manifest: one below each edge, one above.

use super::*;
use crate::health_check::HealthProbe;

fn path(text: &str) -> TreePath {
    TreePath::new(text).unwrap()
}

fn file(at: &str, mode: &str) -> TreeFile {
    TreeFile {
        path: path(at),
        sha256: ObjectHash([7; 32]),
        size: 3,
        mode: mode.to_owned().try_into().unwrap(),
    }
}

fn link(at: &str, target: &str) -> TreeLink {
    let target = target.to_owned();
    TreeLink {
        path: path(at),
        target,
    }
}

fn exec_check(program: &str) -> HealthCheck {
    HealthCheck {
        name: "self".into(),
        probe: HealthProbe::Exec(vec![program.into()]),
        interval_ms: 1_000,
        timeout_ms: 1_000,
        failures: 3,
    }
}

fn sound() -> ManifestFields {
    ManifestFields {
        format: MANIFEST_FORMAT,
        name: "gateway".into(),
        version: "1.2".into(),
        compatible: vec!["acme,gw-2".into()],
        architecture: "x86_64".into(),
        security_version: 3,
        soak: SoakEnd::ForMs(60_000),
        checks: vec![exec_check("bin/gw")],
        reboot_components: vec![RebootComponent {
            name: "kernel".into(),
            paths: vec![path("boot")],
        }],
        files: vec![
            file("bin/gw", "0755"),
            file("boot/vmlinuz", "0644"),
            file("services/deep/x.kdl", "0644"),
            file("services/gw.kdl", "0644"),
            file("services/notes", "0644"),
        ],
        links: vec![link("lib/x.so", "x.so.1"), link("lib/x.so.1", "../bin/gw")],
    }
}

/// The first fault of a manifest, changed from a sound one.
#[track_caller]
fn check(change: impl FnOnce(&mut ManifestFields), expected: &str) {
    let mut fields = sound();
    change(&mut fields);
    let error = Manifest::new(fields).expect_err(expected);
    assert_eq!(error.to_string(), format!("manifest: {expected}"));
}

#[test]
fn a_manifest_reads_back_as_written() {
    let manifest = Manifest::new(sound()).unwrap();
    let bytes = manifest.to_bytes().unwrap();
    assert_eq!(Manifest::parse(&bytes).unwrap(), manifest);
    let services: Vec<_> = manifest
        .service_files()
        .map(|it| it.path.as_str())
        .collect();
    assert_eq!(services, ["services/gw.kdl"]);
    assert_eq!(manifest.tree_bytes(), 15);
    assert!(manifest.runs_on("x86_64") && !manifest.runs_on("aarch64"));
    let kinds = ["acme,gw-1", "acme,gw-2"];
    assert_eq!(
        manifest.compatible_with(kinds.into_iter()),
        Some("acme,gw-2")
    );
}

#[test]
fn a_path_is_named_once_and_in_order() {
    check(
        |it| it.files.swap(0, 1),
        "files: bin/gw is not in order, or is named twice",
    );
    check(
        |it| it.files.insert(1, file("bin/gw", "0644")),
        "files: bin/gw is not in order, or is named twice",
    );
    check(
        |it| it.links.insert(0, link("bin/gw", "x")),
        "links: bin/gw is a file and a link",
    );
}

#[test]
fn nothing_is_below_a_file_or_a_link() {
    check(
        |it| it.files.insert(1, file("bin/gw/x", "0644")),
        "files: bin/gw/x is below bin/gw, which is no directory",
    );
    check(
        |it| it.links.insert(0, link("boot/vmlinuz/x", "y")),
        "links: boot/vmlinuz/x is below boot/vmlinuz, which is no directory",
    );
    check(
        |it| it.files.insert(2, file("lib/x.so/evil", "0644")),
        "files: lib/x.so/evil is below lib/x.so, which is no directory",
    );
}

#[test]
fn a_link_stays_in_the_tree() {
    for (target, expected) in [
        ("/etc/passwd", "is absolute, and leads out of the tree"),
        ("../../x", "leads out of the tree"),
        ("..", "leads to the top of the tree"),
        ("a\u{7}", "has a control character or an invisible one"),
        ("a\u{200b}", "has a control character or an invisible one"),
        ("", "is not from 1 to 1024 bytes long"),
        (&"a/".repeat(513), "is not from 1 to 1024 bytes long"),
    ] {
        check(
            |it| it.links[0].target = target.into(),
            &format!("links: lib/x.so -> {target:?}: target {expected}"),
        );
    }
    for target in [
        "x.so.1",
        "./x.so.1",
        "../lib/../boot//vmlinuz",
        "gone/../gone",
    ] {
        let mut fields = sound();
        fields.links[0].target = target.into();
        assert!(Manifest::new(fields).is_ok(), "{target}");
    }
}

#[test]
fn a_link_does_not_pass_through_another_even_to_come_back() {
    // On a disk `m/..` is the directory above the one that m leads to.
    for target in ["m/x", "m/../../pw", "m/../x", "m/", "m/."] {
        check(
            |it| it.links = vec![link("d/e/m", ".."), link("l", &format!("d/e/{target}"))],
            &format!(
                "links: l -> {:?}: target passes through the link d/e/m",
                format!("d/e/{target}")
            ),
        );
    }
}

#[test]
fn a_program_behind_links_is_an_executable_file() {
    for (target, is_sound) in [
        ("gw", true),
        ("more", true),
        ("../boot/vmlinuz", false),
        ("gone", false),
        ("test", false),
    ] {
        let mut fields = sound();
        fields.checks = vec![exec_check("bin/test")];
        fields.links = vec![link("bin/more", "gw"), link("bin/test", target)];
        assert_eq!(Manifest::new(fields).is_ok(), is_sound, "{target}");
    }
}

#[test]
fn no_file_is_others_to_write_to() {
    for (mode, is_refused) in [
        (0o644, false),
        (0o4755, false),
        (0o664, true),
        (0o646, true),
    ] {
        let mut fields = sound();
        fields.files[1].mode = FileMode::from_stat(mode);
        assert_eq!(Manifest::new(fields).is_err(), is_refused, "{mode:o}");
    }
    assert_eq!(FileMode::from_stat(0o4777).closed().to_string(), "4755");
}

#[test]
fn a_manifest_has_the_documented_form_only() {
    let bytes = Manifest::new(sound()).unwrap().to_bytes().unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let compact: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(Manifest::parse(compact.to_string().as_bytes()).is_ok());
    let array = text.replacen(
        "{\n      \"path\": \"bin/gw\",\n      \"sha256\": ",
        "[\"bin/gw\", ",
        1,
    );
    let array = array.replacen(
        "\"size\": 3,\n      \"mode\": \"0755\"\n    }",
        "3, \"0755\"]",
        1,
    );
    for changed in [
        array,
        text.replacen("{\n    \"for-ms\": 60000\n  }", "{\"manual\": null}", 1),
    ] {
        assert_ne!(changed, text);
        assert!(Manifest::parse(changed.as_bytes()).is_err(), "{changed}");
    }
}

#[test]
fn a_check_names_a_program_of_the_generation() {
    let not_there = "checks: \"self\": bin/gone is no executable file of the generation";
    check(|it| it.checks = vec![exec_check("bin/gone")], not_there);
    check(
        |it| it.files[0].mode = FileMode::from_stat(0o644),
        "checks: \"self\": bin/gw is no executable file of the generation",
    );
    check(
        |it| it.checks = vec![exec_check("../x")],
        "checks: \"self\": exec: path has an empty name, `.` or `..`",
    );
    let mut fields = sound();
    fields.checks = vec![exec_check("/usr/bin/test")];
    assert!(Manifest::new(fields).is_ok());
}

#[test]
fn fields_are_within_their_bounds() {
    check(
        |it| it.compatible.clear(),
        "compatible: 0 of them, not from 1 to 32",
    );
    check(|it| it.name.clear(), "name: not from 1 to 64 bytes long");
    check(
        |it| it.version = "1\u{1b}[2J".into(),
        "version: has characters that are not seen",
    );
    check(
        |it| it.soak = SoakEnd::ForMs(SOAK_MAX.0 + 1),
        &format!("soak: longer than {SOAK_MAX}"),
    );
    check(
        |it| it.checks[0].interval_ms = 0,
        "checks: \"self\": interval is not from 100ms to 1h",
    );
    check(
        |it| it.files[0].size = u64::MAX,
        &format!("files: over {TREE_BYTES_MAX} bytes together"),
    );
    check(
        |it| it.reboot_components[0].paths = vec![path("boo")],
        "reboot-components: \"kernel\": nothing is at boo",
    );
}

#[test]
fn what_is_no_manifest_is_told_where() {
    let bytes = Manifest::new(sound()).unwrap().to_bytes().unwrap();
    let text = String::from_utf8(bytes).unwrap();
    for (from, to, expected) in [
        (
            "\"format\": 1",
            "\"format\": 2, \"new\": 1",
            "manifest has format 2",
        ),
        (
            "\"name\": \"gateway\"",
            "\"nome\": \"gateway\"",
            "unknown field `nome`",
        ),
        ("\"0755\"", "\"755\"", "a mode is four octal digits"),
        ("\"0755\"", "\"10755\"", "a mode is four octal digits"),
        ("0707", "070A", "64 hexadecimal digits in lower case"),
        (
            "\"bin/gw\",\n      \"sha",
            "\"/bin/gw\",\n      \"sha",
            "path is absolute",
        ),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}");
        let error = Manifest::parse(changed.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    for cut in [0, 1, text.len() / 2] {
        assert!(Manifest::parse(&text.as_bytes()[..cut]).is_err());
    }
}
