//! The words that a person's Tab may offer: those of the commands, and names that only the board
//! knows.

use crate::arguments::Kind;
use crate::table::Table;
use core::marker::PhantomData;

/// What Tab may offer.
#[derive(Clone, Copy, Debug)]
pub struct Vocabulary<'n> {
    pub(crate) table: Table,
    /// The names of services.
    #[cfg(feature = "services")]
    services: &'n [&'n str],
    names: PhantomData<&'n str>,
}

impl<'n> Vocabulary<'n> {
    /// The words of these commands.
    #[must_use]
    pub const fn of(table: Table) -> Self {
        Self {
            table,
            #[cfg(feature = "services")]
            services: &[],
            names: PhantomData,
        }
    }

    /// And these names, in this order, where a command takes a service.
    #[cfg(feature = "services")]
    #[must_use]
    pub const fn with_services(mut self, services: &'n [&'n str]) -> Self {
        self.services = services;
        self
    }

    /// The words that a value of this kind can be.
    #[cfg_attr(
        not(feature = "services"),
        expect(clippy::unused_self, reason = "names of services are kept there")
    )]
    pub(crate) const fn choices(self, kind: &Kind) -> &'n [&'n str] {
        match kind {
            Kind::OneOf(words) => words,
            #[cfg(feature = "services")]
            Kind::AnyOf(words) => words,
            #[cfg(feature = "services")]
            Kind::Service { .. } => self.services,
            _ => &[],
        }
    }
}
