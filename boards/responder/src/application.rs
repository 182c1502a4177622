//! What a board can do beyond what every board can: its own requests, and commands for them.

#[cfg(feature = "transfer")]
use crate::store::ObjectStore;
use lastword_protocol::message::Application as Message;
use lastword_protocol::refusal::Code;

/// The board's own requests.
///
/// They come as frames with an opcode of its own, or from lines: a command of the application's
/// builds such a request (`lastword_shell::Action::Request`) and shows the reply
/// (`lastword_shell::fields::View::Application`). Both are answered here, and at most once each.
pub trait Application {
    /// Answers a request. Nothing else is done meanwhile, so it should not wait.
    fn ask(&mut self, request: &Message) -> Said;

    /// Returns the board's store; `None` if it has none.
    #[cfg(feature = "transfer")]
    fn object_store(&mut self) -> Option<&mut dyn ObjectStore> {
        None
    }
}

/// What an application answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// This.
    Reply(Message),
    /// Done; there is nothing to tell.
    Done,
    /// It does not know this opcode.
    Unknown,
    /// No, and why: the kind of it and a detail, which may be empty.
    Refused(Code, &'static str),
}
