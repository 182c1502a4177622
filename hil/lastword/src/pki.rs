//! `lastword pki init | issue | list | revoke | rotate`: the authority of those who speak TLS. No board is asked.

mod arguments;

use crate::Exit;
use crate::generation::{DeskError, object, tell};
use crate::notes::Notes;
use crate::report::{self, Reader};
use crate::user_config;
use arguments::{InitOptions, IssueOptions, RevokeOptions, RotateOptions};
use lastword_client::clock::unix_s;
use lastword_protocol::refusal::Code;
use lastword_tls::authority::{
    AuthorityError, CERTIFICATE_DAYS, CertificateAuthority, CertificateOrder, IssuedCertificate,
    IssuedCredentials, write_credentials,
};
use lastword_tls::{CertificateValidity, PeerRole};
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};

pub(crate) use arguments::PkiCommand;

/// Runs a command.
pub(crate) fn run(command: &PkiCommand, json: bool) -> Exit {
    let reader = Reader::of(json);
    let done = user_config::authority()
        .ok_or_else(|| refused("no home: say LASTWORD_PKI=DIR".to_owned()))
        .and_then(|place| match command {
            PkiCommand::Init(options) => init(&place, options, reader),
            PkiCommand::Issue(options) => issue(&place, options, reader),
            PkiCommand::List => list(&place, reader),
            PkiCommand::Revoke(options) => revoke(&place, options, reader),
            PkiCommand::Rotate(options) => rotate(&place, options, reader),
        });
    match done {
        Ok(()) => Exit::Done,
        Err((code, detail, exit)) => {
            report::desk_error(reader, &Notes::default(), code, &detail);
            exit
        }
    }
}

fn init(place: &Path, options: &InitOptions, reader: Reader) -> Result<(), DeskError> {
    let now = unix_s();
    let authority = CertificateAuthority::create(place, &options.name, now).map_err(failed)?;
    let mut rows = vec![
        format!("{}: the authority {}", place.display(), options.name),
        "ca.key in it can make anybody anything: keep it secret, and keep a copy".to_owned(),
    ];
    let desk = user_config::credentials().filter(|directory| !directory.join("cert.pem").exists());
    if let Some(directory) = &desk {
        let order = CertificateOrder {
            name: own_name(),
            role: PeerRole::Operator,
            hosts: Vec::new(),
            days: CERTIFICATE_DAYS,
        };
        let issued = authority.issue(&order, now).map_err(failed)?;
        write_credentials(directory, &issued).map_err(failed)?;
        rows.push(row_of(directory, &order, &issued, now));
    }
    let members = object([
        ("authority", place.display().to_string().into()),
        (
            "credentials",
            desk.map_or(Json::Null, |it| it.display().to_string().into()),
        ),
    ]);
    tell(reader, rows, members);
    Ok(())
}

fn issue(place: &Path, options: &IssueOptions, reader: Reader) -> Result<(), DeskError> {
    let directory = directory_of(options.output.output.as_ref(), &options.name);
    if directory.join("cert.pem").exists() {
        let detail = format!(
            "{}: credentials are there already; `pki rotate` replaces them, or say another place with -o",
            directory.display()
        );
        return Err(refused(detail));
    }
    let order = CertificateOrder {
        name: options.name.clone(),
        role: options.role,
        hosts: options.host.clone(),
        days: options.days,
    };
    let authority = CertificateAuthority::open(place).map_err(failed)?;
    write_issued(&authority, &order, &directory, reader)
}

fn rotate(place: &Path, options: &RotateOptions, reader: Reader) -> Result<(), DeskError> {
    let authority = CertificateAuthority::open(place).map_err(failed)?;
    let issued = authority.issued().map_err(failed)?;
    let before = issued.newest(&options.name).ok_or_else(|| {
        refused(format!(
            "{}: nothing was issued to this name, or all of it was revoked; `pki issue` issues anew",
            options.name
        ))
    })?;
    let role = before.role.parse();
    let order = CertificateOrder {
        name: before.name.clone(),
        role: role.map_err(|error| refused(format!("issued.json: {error}")))?,
        hosts: before.hosts.clone(),
        days: before.days,
    };
    let directory = directory_of(options.output.output.as_ref(), &options.name);
    write_issued(&authority, &order, &directory, reader)
}

fn write_issued(
    authority: &CertificateAuthority,
    order: &CertificateOrder,
    directory: &Path,
    reader: Reader,
) -> Result<(), DeskError> {
    let now = unix_s();
    let issued = authority.issue(order, now).map_err(failed)?;
    write_credentials(directory, &issued).map_err(failed)?;
    let mut rows = vec![row_of(directory, order, &issued, now)];
    if order.role.is_server() {
        rows.push("copy it to the machine's /etc/lastword/credentials".to_owned());
    }
    let members = object([
        ("name", order.name.clone().into()),
        ("role", order.role.word().into()),
        ("credentials", directory.display().to_string().into()),
        ("not_after_unix_s", issued.not_after_unix_s.into()),
    ]);
    tell(reader, rows, members);
    Ok(())
}

fn list(place: &Path, reader: Reader) -> Result<(), DeskError> {
    let authority = CertificateAuthority::open(place).map_err(failed)?;
    let now = unix_s();
    let issued = authority.issued().map_err(failed)?.certificates;
    let width = issued.iter().map(|it| it.name.len()).max().unwrap_or(0);
    let rows = issued.iter().map(|certificate| {
        let IssuedCertificate { name, role, .. } = certificate;
        format!("{name:width$}  {role:10}  {}", state_of(certificate, now))
    });
    let certificates = issued.iter().map(|certificate| {
        json!({
            "name": certificate.name,
            "role": certificate.role,
            "hosts": certificate.hosts,
            "serial": certificate.serial,
            "not_after_unix_s": certificate.not_after_unix_s,
            "revoked_unix_s": certificate.revoked_unix_s,
        })
    });
    let members = object([("certificates", certificates.collect())]);
    tell(reader, rows.collect::<Vec<_>>(), members);
    Ok(())
}

fn revoke(place: &Path, options: &RevokeOptions, reader: Reader) -> Result<(), DeskError> {
    let authority = CertificateAuthority::open(place).map_err(failed)?;
    let serials = authority.revoke(&options.name, unix_s()).map_err(failed)?;
    let list = place.join("crl.pem");
    let rows = [
        format!("revoked: {}: {}", options.name, serials.join(", ")),
        format!(
            "{}: copy it into the credentials of everybody who is to refuse them; a running agent reads it anew",
            list.display()
        ),
    ];
    let members = object([
        ("revoked", serials.into()),
        ("list", list.display().to_string().into()),
    ]);
    tell(reader, rows, members);
    Ok(())
}

fn row_of(
    directory: &Path,
    order: &CertificateOrder,
    issued: &IssuedCredentials,
    now: i64,
) -> String {
    format!(
        "{}: credentials of {} {}, {}",
        directory.display(),
        order.role,
        order.name,
        CertificateValidity::of(issued.not_after_unix_s, now)
    )
}

fn state_of(certificate: &IssuedCertificate, now: i64) -> String {
    match certificate.revoked_unix_s {
        Some(_) => "revoked".to_owned(),
        None => CertificateValidity::of(certificate.not_after_unix_s, now).to_string(),
    }
}

fn directory_of(output: Option<&PathBuf>, name: &str) -> PathBuf {
    output.cloned().unwrap_or_else(|| PathBuf::from(name))
}

/// The user's name, as far as it is one for a certificate.
fn own_name() -> String {
    let user = std::env::var("USER").or_else(|_| std::env::var("LOGNAME"));
    let is_plain = |letter: &char| letter.is_ascii_alphanumeric() || "-_.".contains(*letter);
    let name: String = user.unwrap_or_default().chars().filter(is_plain).collect();
    if name.is_empty() {
        "operator".to_owned()
    } else {
        name
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is handed to `map_err`")]
fn failed(error: AuthorityError) -> DeskError {
    let exit = match error {
        AuthorityError::Making(_) | AuthorityError::Damaged { .. } => Exit::No,
        _ => Exit::Usage,
    };
    (Code::BadValue, error.to_string(), exit)
}

const fn refused(detail: String) -> DeskError {
    (Code::BadValue, detail, Exit::Usage)
}
