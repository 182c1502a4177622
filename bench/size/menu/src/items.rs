//! The commands as menu takes them: `power` is a menu of its own.

use embedded_io_06::Write;
use menu::{Item, ItemType, Menu, Parameter, argument_finder};
use size_board::{Operation, Terminal, uptime_ms};

type Entry<'a> = Item<'a, Terminal, ()>;
type Parent<'a> = Menu<'a, Terminal, ()>;
type Function = fn(&Parent<'_>, &Entry<'_>, &[&str], &mut Terminal, &mut ());

/// The menu at the top.
pub(crate) const ROOT: Parent<'static> = Menu {
    label: "board1",
    items: &[
        &item(
            "hello",
            "Say who the board is and which boot this is.",
            hello,
            &[],
        ),
        &item("status", "Show uptime and what is staged.", status, &[]),
        &item("uptime", "Show how long the board is up.", uptime, &[]),
        &item("version", "Show what runs on the board.", version, &[]),
        &Item {
            command: "power",
            help: Some("Reboot or power off."),
            item_type: ItemType::Menu(&POWER),
        },
    ],
    entry: None,
    exit: None,
};

const POWER: Parent<'static> = Menu {
    label: "power",
    items: &[
        &item("status", "Show what is staged.", power_status, &[]),
        &item("reboot", "Reboot the board.", reboot, OPTIONS),
        &item("shutdown", "Power the board off.", shutdown, OPTIONS),
        &item("cancel", "Call off the staged operation.", cancel, ID),
    ],
    entry: None,
    exit: None,
};

const OPTIONS: &[Parameter<'static>] = &[
    Parameter::Named {
        parameter_name: "graceful",
        help: Some("stop the services in order first"),
    },
    Parameter::Named {
        parameter_name: "force",
        help: Some("go on without proof that the answer left"),
    },
    Parameter::NamedValue {
        parameter_name: "in",
        argument_name: "MS",
        help: Some("wait so many milliseconds after the answer"),
    },
    Parameter::NamedValue {
        parameter_name: "reason",
        argument_name: "TEXT",
        help: Some("why, for the record"),
    },
    Parameter::NamedValue {
        parameter_name: "op",
        argument_name: "ID",
        help: Some("your id for it"),
    },
    Parameter::NamedValue {
        parameter_name: "boot",
        argument_name: "N",
        help: Some("the boot this is meant for"),
    },
];

const ID: &[Parameter<'static>] = &[Parameter::Optional {
    parameter_name: "id",
    help: Some("only this one"),
}];

/// The number of this boot; it would be in retained memory.
const BOOT: u32 = 1;

const fn item(
    command: &'static str,
    help: &'static str,
    function: Function,
    parameters: &'static [Parameter<'static>],
) -> Entry<'static> {
    Item {
        command,
        help: Some(help),
        item_type: ItemType::Callback {
            function,
            parameters,
        },
    }
}

fn hello(_: &Parent<'_>, _: &Entry<'_>, _: &[&str], out: &mut Terminal, (): &mut ()) {
    let _ = writeln!(out, "kind=mcu name=board1 firmware=size-0.1.0");
}

fn status(_: &Parent<'_>, _: &Entry<'_>, _: &[&str], out: &mut Terminal, (): &mut ()) {
    let is_staged = out.job.staged().is_some();
    let _ = writeln!(out, "uptime_ms={} staged={is_staged}", uptime_ms());
}

fn uptime(_: &Parent<'_>, _: &Entry<'_>, _: &[&str], out: &mut Terminal, (): &mut ()) {
    let _ = writeln!(out, "uptime_ms={}", uptime_ms());
}

fn version(_: &Parent<'_>, _: &Entry<'_>, _: &[&str], out: &mut Terminal, (): &mut ()) {
    let _ = writeln!(out, "firmware=size-0.1.0");
}

fn power_status(_: &Parent<'_>, _: &Entry<'_>, _: &[&str], out: &mut Terminal, (): &mut ()) {
    let _ = match out.job.staged() {
        Some(staged) => {
            let word = staged.operation.word();
            writeln!(out, "staged={word} op={}", staged.id)
        }
        None => writeln!(out, "staged=none"),
    };
}

fn reboot(_: &Parent<'_>, item: &Entry<'_>, args: &[&str], out: &mut Terminal, (): &mut ()) {
    stage(Operation::Reboot, item, args, out);
}

fn shutdown(_: &Parent<'_>, item: &Entry<'_>, args: &[&str], out: &mut Terminal, (): &mut ()) {
    stage(Operation::Shutdown, item, args, out);
}

fn cancel(_: &Parent<'_>, item: &Entry<'_>, args: &[&str], out: &mut Terminal, (): &mut ()) {
    let _ = match number(item, args, "id") {
        Ok(id) if out.job.cancel(id) => writeln!(out, "cancelled"),
        Ok(_) => writeln!(out, "not staged"),
        Err(text) => writeln!(out, "not a number: {text}"),
    };
}

fn stage(operation: Operation, item: &Entry<'_>, args: &[&str], out: &mut Terminal) {
    let given = |name| matches!(argument_finder(item, args, name), Ok(Some(_)));
    let numbers = ["op", "in", "boot"].map(|name| number(item, args, name));
    let [Ok(op), Ok(delay_ms), Ok(boot)] = numbers else {
        let _ = writeln!(out, "--op, --in and --boot take a number");
        return;
    };
    if boot.is_some_and(|boot| boot != BOOT) {
        let _ = writeln!(out, "already done");
        return;
    }
    let id = op.unwrap_or(1);
    if !out.job.stage(operation, id, delay_ms.unwrap_or(0)) {
        let _ = writeln!(out, "busy");
        return;
    }
    let reason = argument_finder(item, args, "reason");
    let reason = reason.ok().flatten().unwrap_or("none");
    let (graceful, force) = (given("graceful"), given("force"));
    let _ = writeln!(
        out,
        "initiated op={id} graceful={graceful} force={force} reason={reason}"
    );
}

/// The number that was given by that name; the text, if it is none.
fn number<'a>(
    item: &'a Entry<'a>,
    args: &'a [&'a str],
    name: &'a str,
) -> Result<Option<u32>, &'a str> {
    match argument_finder(item, args, name) {
        Ok(Some(text)) => text.parse().map(Some).map_err(|_| text),
        _ => Ok(None),
    }
}
