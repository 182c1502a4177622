//! The words behind `pki`.

use clap::{Args, Parser, Subcommand};
use lastword_tls::PeerRole;
use lastword_tls::authority::CERTIFICATE_DAYS;
use std::path::PathBuf;

/// Something about certificates.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub(crate) enum PkiCommand {
    /// Make an authority, which issues certificates, and credentials for this desk.
    Init(InitOptions),
    /// Issue credentials: a directory to be copied to whoever they are for.
    Issue(IssueOptions),
    /// List the certificates that were issued, and for how long they are valid.
    List,
    /// Revoke all certificates of a name. Who is to refuse them needs the new crl.pem among its credentials.
    Revoke(RevokeOptions),
    /// Issue credentials anew, with a new key, for the same name, role and hosts. The old ones stay valid until they expire.
    Rotate(RotateOptions),
}

/// The first word of all of them.
const GROUP: &str = "pki";

/// A new authority.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub(crate) struct InitOptions {
    /// The authority's name, which certificates show as their issuer.
    #[arg(default_value = "lastword", value_name = "NAME")]
    pub(super) name: String,
}

/// The owner of a certificate.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub(crate) struct IssueOptions {
    /// board, controller or rig: others connect to it; operator: may do everything; viewer: may look.
    #[arg(value_name = "ROLE")]
    pub(super) role: PeerRole,
    /// The name of the owner. A board's is its own, as its agent's configuration says or the host name.
    #[arg(value_name = "NAME")]
    pub(super) name: String,
    /// An address or a name by which others connect to it, beside its own. May be said more than once.
    #[arg(long, value_name = "HOST")]
    pub(super) host: Vec<String>,
    /// The number of days for which the certificate is valid.
    #[arg(long, value_name = "N", default_value_t = CERTIFICATE_DAYS, value_parser = clap::value_parser!(u32).range(1..=DAYS_MAX))]
    pub(super) days: u32,
    #[command(flatten)]
    pub(super) output: OutputOptions,
}

/// The most days for which a certificate is valid.
const DAYS_MAX: i64 = 3_650;

/// The place of credentials.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub(crate) struct OutputOptions {
    /// The directory to write: NAME otherwise.
    #[arg(short, long, value_name = "DIR")]
    pub(super) output: Option<PathBuf>,
}

/// Certificates to be revoked.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub(crate) struct RevokeOptions {
    /// The name of their owner.
    #[arg(value_name = "NAME")]
    pub(super) name: String,
}

/// Credentials to be replaced.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub(crate) struct RotateOptions {
    /// The name of their owner.
    #[arg(value_name = "NAME")]
    pub(super) name: String,
    #[command(flatten)]
    pub(super) output: OutputOptions,
}

#[derive(Parser)]
#[command(
    name = "lastword pki",
    bin_name = "lastword pki",
    disable_help_subcommand = true,
    after_help = "The authority is in LASTWORD_PKI, or the directory lastword/pki of your configuration. \
                  --json, anywhere, prints one object. No board is asked."
)]
struct PkiArguments {
    #[command(subcommand)]
    command: PkiCommand,
}

impl PkiCommand {
    /// Returns whether the words of a command line are about certificates.
    pub(crate) fn is_meant(words: &[String]) -> bool {
        words.first().is_some_and(|word| word == GROUP)
    }

    /// Reads these words, `pki` first.
    pub(crate) fn read(words: &[String]) -> Result<Self, clap::Error> {
        PkiArguments::try_parse_from(words).map(|read| read.command)
    }
}
