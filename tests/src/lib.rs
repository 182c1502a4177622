//! The simulated world that the tests run in, and the real processes beside it.
//!
//! The modules are listed from the wire upwards: a [`uart`] or a [`socket`] carries bytes in
//! paused time, a [`terminal`] talks over either, an [`agent`] is the real one's parts with a
//! [`disk`] and a [`reset`] line that only remember, a [`board`] runs it on such a link, and
//! [`explore`] runs it in every order that its events can have. [`process`] starts the real
//! binaries, which never do more than a dry run. A [`mod@bench`] needs no time but what it is told:
//! the agent's session core on its own. [`lossy`] links lose, damage, repeat and delay, and a
//! [`campaign`] asks over them and counts what ran. An [`exam`] asks a whole board over such a line and
//! knows what it has to answer; [`splice`] sends more than a board takes and looks for lines that nobody
//! sent; [`every_board`] is the list that every kind of board is held against. A [`transcript`] is what the README says a
//! person types and reads.

#![expect(
    clippy::missing_panics_doc,
    reason = "a test that cannot go on panics, here as anywhere"
)]

pub mod dice;

mod faults;

pub mod socket;
pub mod uart;

pub mod lossy;

pub mod terminal;

pub mod disk;
mod object_store;
pub mod reset;

pub mod storage;

pub mod agent;
pub mod board;

pub mod explore;

pub mod policies;

pub mod bench;

pub mod campaign;

pub mod exam;

pub mod splice;

pub mod process;

pub mod every_board;

pub mod transcript;

/// Implements `AsyncRead` and `AsyncWrite` for a link that wraps another as its only field.
#[macro_export]
macro_rules! wrapper_io {
    ($link:ty) => {
        impl ::tokio::io::AsyncRead for $link {
            fn poll_read(
                mut self: ::std::pin::Pin<&mut Self>,
                context: &mut ::std::task::Context<'_>,
                buffer: &mut ::tokio::io::ReadBuf<'_>,
            ) -> ::std::task::Poll<::std::io::Result<()>> {
                ::std::pin::Pin::new(&mut self.0).poll_read(context, buffer)
            }
        }

        impl ::tokio::io::AsyncWrite for $link {
            fn poll_write(
                mut self: ::std::pin::Pin<&mut Self>,
                context: &mut ::std::task::Context<'_>,
                bytes: &[u8],
            ) -> ::std::task::Poll<::std::io::Result<usize>> {
                ::std::pin::Pin::new(&mut self.0).poll_write(context, bytes)
            }

            fn poll_flush(
                self: ::std::pin::Pin<&mut Self>,
                _context: &mut ::std::task::Context<'_>,
            ) -> ::std::task::Poll<::std::io::Result<()>> {
                ::std::task::Poll::Ready(Ok(()))
            }

            fn poll_shutdown(
                self: ::std::pin::Pin<&mut Self>,
                _context: &mut ::std::task::Context<'_>,
            ) -> ::std::task::Poll<::std::io::Result<()>> {
                ::std::task::Poll::Ready(Ok(()))
            }
        }
    };
}
