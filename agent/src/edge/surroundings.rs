//! What the configuration and service files name on this machine: is it there?

use super::link::in_the_way;
use super::process::{CLEARED_PATH, User, candidates};
use crate::core::config::{Config, Listener};
use crate::core::service::catalog::ParsedFile;
use crate::core::service::service_file::{InheritedEnv, Places, Program, Sheet};
use lastword_config::{ConfigError, Place};
use nix::sys::stat::major;

use nix::unistd::{AccessFlags, access, geteuid};
use std::ffi::OsString;
use std::net::TcpListener;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::SocketAddr;
use std::path::Path;
use std::{env, fs, io};

/// Says that the directory of service files which the configuration names is not there, with the place
/// that names it. Where it names none the default directory may be absent, for there may be no services.
#[must_use]
pub fn no_services(config: &Config) -> Option<ConfigError> {
    let named = config.services.as_ref()?;
    let is_absent = named.path.try_exists().is_ok_and(|exists| !exists);
    let path = named.path.display();
    is_absent.then(|| ConfigError {
        file: named.file.clone(),
        place: named.place,
        message: format!("services: there is no directory {path}, so there are no services"),
    })
}

/// Says why no generation would ever be taken in.
#[must_use]
pub fn no_generations(config: &Config) -> Vec<&'static str> {
    let Some(generations) = &config.generations else {
        return Vec::new();
    };
    let no_key = generations.keys.trusted.is_empty();
    let no_kind = generations.compatible.is_empty();
    let warnings = [
        (
            no_key,
            "generations: no key is trusted, so every generation is refused: say trust \"RW…\"",
        ),
        (
            no_kind,
            "generations: no kind of board is said, so every generation is refused: say compatible \"KIND\"",
        ),
    ];
    let warnings = warnings.into_iter();
    warnings
        .filter_map(|(is_so, warning)| is_so.then_some(warning))
        .collect()
}

/// Says which listeners cannot be opened on this machine: those that are waited for, and those that
/// end the start, each with the place that names it. Nothing is opened: whoever holds a port now may be
/// the agent that runs.
#[must_use]
pub fn listeners(config: &Config) -> (Vec<ConfigError>, Vec<ConfigError>) {
    let (mut awaited, mut wrong) = (Vec::new(), Vec::new());
    for named in &config.listen {
        let told = |what: &str| named.error(format!("{}: {what}", named.listener));
        match &named.listener {
            Listener::Serial { path, .. } => match fs::metadata(path) {
                Ok(there) if !there.file_type().is_char_device() => {
                    wrong.extend(told("it is no device"));
                }
                Ok(there) if !is_terminal(there.rdev()) => {
                    wrong.extend(told("it is no terminal device"));
                }
                Ok(_) => {}
                Err(_) => awaited.extend(told("it is not there; the agent waits for it")),
            },
            Listener::Tcp { address, .. } | Listener::Tls { address, .. } => {
                match TcpListener::bind((address.ip(), 0)) {
                    Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => {
                        let what = "this machine has no such address; the agent waits for it";
                        awaited.extend(told(what));
                    }
                    _ => {}
                }
            }
            Listener::Pty { path } => match in_the_way(path) {
                Some(what) => wrong.extend(told(&what)),
                None => awaited.extend(no_directory(path).and_then(|it| told(&it))),
            },
            Listener::Unix { path: Some(path) } => match fs::symlink_metadata(path) {
                Ok(there) if !there.file_type().is_socket() => {
                    wrong.extend(told("something that is no socket is there"));
                }
                _ => wrong.extend(unfit_for_socket(path).and_then(|it| told(&it))),
            },
            Listener::Unix { path: None } => {}
        }
    }
    (awaited, wrong)
}

/// Returns whether a terminal driver has the device, by its major number (`/proc/tty/drivers`, proc(5)). To
/// open a serial port would raise its control lines. `true` where there is no such list.
fn is_terminal(device: u64) -> bool {
    let Ok(drivers) = fs::read_to_string("/proc/tty/drivers") else {
        return true;
    };
    let major = major(device).to_string();
    // Behind the name: device, major number, minor numbers, type.
    let mut majors = drivers
        .lines()
        .filter_map(|driver| driver.rsplit(' ').filter(|it| !it.is_empty()).nth(2));
    majors.any(|it| it == major)
}

/// Says why no socket can ever be at `path`.
fn unfit_for_socket(path: &Path) -> Option<String> {
    if let Err(error) = SocketAddr::from_pathname(path) {
        return Some(error.to_string());
    }
    let parents = path.ancestors().skip(1);
    let mut present = parents.filter(|parent| parent.exists());
    let file = present.next().filter(|parent| !parent.is_dir())?;
    Some(format!("{} is no directory", file.display()))
}

fn no_directory(path: &Path) -> Option<String> {
    let parent = path.parent().filter(|parent| !parent.exists())?;
    let parent = parent.display();
    Some(format!(
        "there is no directory {parent}; the agent waits for it"
    ))
}

/// Says which programs, working directories and users are not there, each with the place that names it,
/// in the order of the files and their lines. A file that cannot be used is left out.
///
/// What is not there now may come before the service starts: with a mount, say.
#[must_use]
pub fn warnings(files: &[ParsedFile]) -> Vec<ConfigError> {
    files.iter().flat_map(of_file).collect()
}

fn of_file(file: &ParsedFile) -> Vec<ConfigError> {
    let Some(Sheet {
        service_file,
        places,
    }) = file.sheet()
    else {
        return Vec::new();
    };
    let mut warnings = of_program(&service_file.program, places);
    warnings.sort_by_key(|(place, _)| *place);
    let told = warnings.into_iter().map(|(place, message)| ConfigError {
        file: file.path().to_owned(),
        place: place.unwrap_or_default(),
        message,
    });
    told.collect()
}

fn of_program(program: &Program, places: &Places) -> Vec<(Option<Place>, String)> {
    let mut warnings = Vec::new();
    if let Some(trouble) = command(program) {
        warnings.push((places.command, format!("command: {trouble}")));
    }
    if let Some(directory) = &program.working_dir
        && !directory.is_dir()
    {
        let what = if directory.exists() {
            "is no directory"
        } else {
            "is not there"
        };
        let message = format!("working-dir: {} {what}", directory.display());
        warnings.push((places.working_dir, message));
    }
    if let Some(name) = &program.user {
        let trouble = match User::find(name) {
            Ok(user) => user.obstacle(),
            Err(error) => Some(error.to_string()),
        };
        let told = trouble.or_else(|| exposed_environment(program));
        warnings.extend(told.map(|trouble| (places.user, format!("user: {trouble}"))));
    }
    warnings
}

/// Says that a service which runs as somebody else has all of root's environment.
#[must_use]
pub fn exposed_environment(program: &Program) -> Option<String> {
    let name = program.user.as_deref().filter(|name| *name != "root")?;
    let is_exposed = geteuid().is_root() && program.inherited == InheritedEnv::All;
    is_exposed.then(|| {
        format!(
            "{name} gets the whole environment of the agent, which is root's; name what it may have with \
             env-allow, or say env-clear #true"
        )
    })
}

/// What is wrong with the program, which is looked for as at a start.
fn command(program: &Program) -> Option<String> {
    let name = &program.command;
    let set = program.env.iter().find(|(name, _)| name == "PATH");
    let path = set.map(|(_, value)| OsString::from(value));
    let inherits = program.inherited.has(b"PATH");
    let path = path.or_else(|| env::var_os("PATH").filter(|_| inherits));
    let is_cleared = program.inherited != InheritedEnv::All;
    let path = path.or_else(|| is_cleared.then(|| CLEARED_PATH.into()));
    let files = candidates(Path::new(name), path.as_ref());
    let files = files.iter().map(Path::new);
    let mut present = files.filter(|file| file.is_file()).peekable();
    if present.peek().is_none() {
        return Some(match (name.contains('/'), path) {
            (true, _) => format!("there is no file {name}"),
            (false, Some(path)) => format!("no {name} in PATH, which is {}", path.display()),
            (false, None) => format!("no {name} where programs are"),
        });
    }
    let first = present.peek().map(|file| file.display().to_string());
    let runs = present.any(|file| access(file, AccessFlags::X_OK).is_ok());
    (!runs).then(|| format!("{} may not be executed", first.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::service::catalog::File;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    /// `text`: a file, with `@` for a directory that has an executable `good`, a file `bad` and a
    /// directory `bin`; `told`: the warnings.
    #[track_caller]
    fn check(text: &str, told: &[&str]) {
        let place = tempfile::tempdir().unwrap();
        for (name, mode) in [("good", 0o755), ("bad", 0o644)] {
            let path = place.path().join(name);
            fs::write(&path, "").unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        }
        fs::create_dir(place.path().join("bin")).unwrap();
        let here = place.path().display().to_string();
        let file = File {
            path: "a.kdl".to_owned(),
            name: "a.kdl".to_owned(),
            text: Ok(text.replace('@', &here)),
        };
        let warnings = warnings(&[file.parse()]).into_iter();
        let warnings: Vec<_> = warnings
            .map(|it| it.to_string().replace(&here, "@"))
            .collect();
        assert_eq!(warnings, told, "{text}");
    }

    /// `listener`, with `@` for a directory that has a file `file`; whether the start would wait or end,
    /// and why.
    #[track_caller]
    fn check_listener(listener: &str, expected: Option<(bool, &str)>) {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("file"), "").unwrap();
        let here = place.path().display().to_string();
        let text = format!("listen {{ {}; }}", listener.replace('@', &here));
        let config = Config::parse("a.kdl", &text).unwrap();
        let (awaited, wrong) = listeners(&config);
        let told = |errors: &[ConfigError]| errors.iter().map(|it| it.message.clone()).next();
        let found = told(&wrong).map(|why| (true, why));
        let found = found.or(told(&awaited).map(|why| (false, why)));
        match (&found, expected) {
            (Some((is_wrong, why)), Some((expected, part))) => {
                assert_eq!(*is_wrong, expected, "{listener}: {why}");
                assert!(why.contains(part), "{listener}: {why}");
            }
            (found, expected) => assert_eq!(found.is_some(), expected.is_some(), "{found:?}"),
        }
    }

    #[test]
    fn what_ends_a_start_and_what_is_waited_for_is_known_before() {
        for (listener, why) in [
            ("serial \"@\"", "it is no device"),
            ("serial \"@/file\"", "it is no device"),
            ("serial \"/dev/null\"", "it is no terminal device"),
            ("pty \"@/file\"", "no link"),
            ("unix \"@/file\"", "no socket"),
            ("unix \"@\"", "no socket"),
            ("unix \"@/file/x\"", "file is no directory"),
            ("unix \"@/file/x/y\"", "file is no directory"),
        ] {
            check_listener(listener, Some((true, why)));
        }
        let long = format!("unix \"@/{}\"", "x".repeat(120));
        check_listener(&long, Some((true, "path")));
        check_listener("serial \"@/ttyUSB77\"", Some((false, "waits for it")));
        check_listener("pty \"@/none/tty\"", Some((false, "waits for it")));
        for listener in ["serial \"/dev/ptmx\"", "unix \"@/none/s\"", "pty \"@/tty\""] {
            check_listener(listener, None);
        }
    }

    #[test]
    fn what_is_there_is_not_warned_of() {
        check(
            "command \"@/good\"\nworking-dir \"@/bin\"\nuser \"root\"",
            &[],
        );
        check("command \"good\"\nenv { PATH \"@/bin:@\" }", &[]);
        check("command \"sh\"", &[]);
    }

    #[test]
    fn what_is_not_there_is_named_with_its_place() {
        check(
            "command \"@/none\"",
            &["a.kdl:1:9: command: there is no file @/none"],
        );
        check(
            "command \"@/bin\"",
            &["a.kdl:1:9: command: there is no file @/bin"],
        );
        check(
            "command \"@/bad\"",
            &["a.kdl:1:9: command: @/bad may not be executed"],
        );
        check(
            "command \"bad\"\nenv { PATH \"@/bin:@\" }",
            &["a.kdl:1:9: command: @/bad may not be executed"],
        );
        check(
            "command \"none\"\nenv { PATH \"@/bin\" }",
            &["a.kdl:1:9: command: no none in PATH, which is @/bin"],
        );
        check(
            "user \"nobody-of-that-name\"\nworking-dir \"@/good\"\ncommand \"@/good\"",
            &[
                "a.kdl:1:6: user: no such user: nobody-of-that-name; add one or correct `user`",
                "a.kdl:2:13: working-dir: @/good is no directory",
            ],
        );
        check(
            "command \"@/good\"\nworking-dir \"@/none\"",
            &["a.kdl:2:13: working-dir: @/none is not there"],
        );
    }

    #[test]
    fn the_path_of_a_cleared_environment_is_the_systems() {
        check("command \"sh\"\nenv-clear #true", &[]);
        let cleared = format!("a.kdl:1:9: command: no no-such in PATH, which is {CLEARED_PATH}");
        check("command \"no-such\"\nenv-allow \"LANG\"", &[&cleared]);
    }

    #[test]
    fn whoever_gets_roots_whole_environment_is_warned_of() {
        if !geteuid().is_root() {
            eprintln!("NOT SHOWN: this test's environment is not root's");
            return;
        }
        let sound = "command \"sh\"\nuser \"nobody\"";
        check(
            sound,
            &[
                "a.kdl:2:6: user: nobody gets the whole environment of the agent, which is root's; name what it may \
               have with env-allow, or say env-clear #true",
            ],
        );
        check(&format!("{sound}\nenv-clear #true"), &[]);
        check(&format!("{sound}\nenv-allow \"LANG\""), &[]);
    }

    #[test]
    fn a_broken_file_has_no_warnings() {
        check("command \"@/none\"\nport 0", &[]);
    }
}
