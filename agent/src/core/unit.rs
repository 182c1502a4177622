//! What a systemd unit of the agent would do to its services.

/// Says what in a unit would end services with the agent, a line each (systemd.kill(5),
/// systemd.resource-control(5)). `files` are the texts of the unit and of its drop-ins, in the order in
/// which systemd applies them.
#[must_use]
pub fn warnings(files: &[String]) -> Vec<String> {
    let mut warnings = Vec::new();
    match setting(files, "KillMode") {
        Some("process" | "none") => {}
        other => warnings.push(format!(
            "KillMode={} kills every service when the agent ends or is restarted; say \
             KillMode=process",
            other.unwrap_or("control-group")
        )),
    }
    if matches!(
        setting(files, "Delegate"),
        None | Some("no" | "false" | "off" | "0" | "n" | "f")
    ) {
        warnings.push(
            "without Delegate=yes no cgroup holds what a service starts; say Delegate=yes".into(),
        );
    }
    warnings.extend(restarts(files));
    warnings
}

/// Returns the settings by which a unit that restarts the agent gives up on it, or does not (systemd.service(5),
/// systemd.unit(5)).
fn restarts(files: &[String]) -> Vec<String> {
    let mut warnings = Vec::new();
    if matches!(setting(files, "Restart"), None | Some("no")) {
        return warnings;
    }
    let interval = of_section(files, "[Unit]", "StartLimitIntervalSec");
    let is_zero = |value: &str| value.trim_end_matches(char::is_alphabetic) == "0";
    if !interval.is_some_and(is_zero) {
        warnings.push(
            "after a few failed starts systemd starts the agent no more; say StartLimitIntervalSec=0 \
             in [Unit]"
                .into(),
        );
    }
    let prevented = setting(files, "RestartPreventExitStatus").unwrap_or_default();
    if !prevented.split_whitespace().any(|status| status == "3") {
        warnings.push(
            "a wrong configuration is tried again without end; say RestartPreventExitStatus=3"
                .into(),
        );
    }
    warnings
}

/// The last value of a setting in the section `Service`; an empty one is none.
fn setting<'u>(files: &'u [String], key: &str) -> Option<&'u str> {
    of_section(files, "[Service]", key)
}

/// The same of another section.
fn of_section<'u>(files: &'u [String], wanted: &str, key: &str) -> Option<&'u str> {
    let mut found = None;
    for file in files {
        let mut section = "";
        for line in file.lines().map(str::trim) {
            if line.starts_with('[') {
                section = line;
            } else if section == wanted
                && let Some((name, value)) = line.split_once('=')
                && name.trim_end() == key
            {
                found = Some(value.trim_start()).filter(|value| !value.is_empty());
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(unit: &str, expected: &[&str]) {
        check_all(&[unit], expected);
    }

    #[track_caller]
    fn check_all(files: &[&str], expected: &[&str]) {
        let texts: Vec<_> = files.iter().map(|&file| file.to_owned()).collect();
        let warnings = warnings(&texts);
        let are_expected = warnings.len() == expected.len()
            && warnings
                .iter()
                .zip(expected)
                .all(|(it, of)| it.starts_with(of));
        assert!(are_expected, "of {files:?}: {warnings:?}");
    }

    const KILLS: &str = "KillMode=control-group ";
    const OWN: &str = "without Delegate=yes ";

    #[test]
    fn the_unit_that_comes_with_the_agent_is_fine() {
        check(include_str!("../../lastwordd.service"), &[]);
    }

    #[test]
    fn a_unit_that_ends_services_with_the_agent_is_warned_of() {
        check("", &[KILLS, OWN]);
        check("[Service]\nType=notify\n", &[KILLS, OWN]);
        check("[Service]\nKillMode=process\n", &[OWN]);
        check("[Service]\nDelegate=yes\n", &[KILLS]);
        check(
            "[Service]\nDelegate=yes\nKillMode=mixed",
            &["KillMode=mixed "],
        );
        check("[Service]\nDelegate = pids\nKillMode = process\n", &[]);
    }

    #[test]
    fn a_unit_that_gives_up_on_the_agent_or_on_nothing_is_warned_of() {
        const GIVES_UP: &str = "after a few failed starts ";
        const NEVER: &str = "a wrong configuration ";
        let fine = "[Service]\nDelegate=yes\nKillMode=process\n";
        let check = |more: &str, expected: &[&str]| check(&format!("{fine}{more}"), expected);
        check("Restart=no\n", &[]);
        check("Restart=always\n", &[GIVES_UP, NEVER]);
        check(
            "Restart=always\nRestartPreventExitStatus=2 3\n",
            &[GIVES_UP],
        );
        check(
            "Restart=on-failure\n[Unit]\nStartLimitIntervalSec=0\n",
            &[NEVER],
        );
        check(
            "Restart=always\n[Unit]\nStartLimitIntervalSec=0s\n",
            &[NEVER],
        );
        check(
            "Restart=always\n[Unit]\nStartLimitIntervalSec=10\n",
            &[GIVES_UP, NEVER],
        );
    }

    #[test]
    fn what_comes_later_replaces_what_comes_before_and_begins_outside_of_any_section() {
        let fine = "[Service]\nDelegate=yes\nKillMode=process\n";
        check_all(&["[Service]\n", fine], &[]);
        check_all(&[fine, "[Service]\nKillMode=mixed\n"], &["KillMode=mixed "]);
        check_all(&[fine, "[Service]\nDelegate=\nKillMode=\n"], &[KILLS, OWN]);
        check_all(&[fine, "KillMode=mixed\n"], &[]);
    }

    #[test]
    fn the_last_word_in_its_section_counts() {
        let twice = "[Service]\nDelegate=yes\nKillMode=process\nKillMode=control-group\n";
        check(twice, &[KILLS]);
        check(
            "[Service]\nDelegate=yes\nKillMode=process\nKillMode=\n",
            &[KILLS],
        );
        check("[Unit]\nDelegate=yes\nKillMode=process\n", &[KILLS, OWN]);
        check(
            "[Service]\n#Delegate=yes\n;KillMode=process\n",
            &[KILLS, OWN],
        );
    }
}
