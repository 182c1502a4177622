//! As much of telnet (RFC 854, RFC 857, RFC 858) as keeps its users from harm: options are
//! answered and never offered first, and its interrupt is a `^C`.

/// Interpret As Command: begins every telnet command.
pub(super) const IAC: u8 = 0xFF;

const SE: u8 = 0xF0;
const BREAK: u8 = 0xF3;
const INTERRUPT: u8 = 0xF4;
const ERASE_CHARACTER: u8 = 0xF7;
const ERASE_LINE: u8 = 0xF8;
const SB: u8 = 0xFA;
const WILL: u8 = 0xFB;
const WONT: u8 = 0xFC;
const DO: u8 = 0xFD;
const DONT: u8 = 0xFE;

const ECHO: u8 = 1;
const SUPPRESS_GO_AHEAD: u8 = 3;

/// Reads telnet commands out of a stream.
#[derive(Debug, Default)]
pub(super) struct Telnet {
    state: State,
    /// Options already agreed to, so that no answer is answered for ever.
    agreed: [bool; 2],
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Data,
    Command,
    Option(u8),
    Sub,
    SubCommand,
}

/// What a telnet command came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// Hand this byte to the line.
    Byte(u8),
    /// Send this back; the client negotiates options, so a person is there.
    Answer([u8; 3]),
    /// The client negotiates options; there is nothing to send back.
    Noted,
}

impl Telnet {
    /// Whether the next byte belongs to a command that has begun.
    pub(super) fn is_inside(&self) -> bool {
        self.state != State::Data
    }

    /// Takes a byte: an [`IAC`], or whatever follows one while [`Telnet::is_inside`].
    pub(super) fn push(&mut self, byte: u8) -> Option<Told> {
        let (next, told) = match (self.state, byte) {
            (State::Data, IAC) => (State::Command, None),
            (State::Data, byte) | (State::Command, byte @ IAC) => {
                (State::Data, Some(Told::Byte(byte)))
            }
            (State::Command, SB) => (State::Sub, None),
            (State::Command, verb @ (WILL | WONT | DO | DONT)) => (State::Option(verb), None),
            (State::Command, command) => (State::Data, key(command).map(Told::Byte)),
            (State::Option(verb), option) => (State::Data, Some(self.negotiate(verb, option))),
            (State::Sub, IAC) => (State::SubCommand, None),
            (State::SubCommand, SE) => (State::Data, Some(Told::Noted)),
            (State::Sub | State::SubCommand, _) => (State::Sub, None),
        };
        self.state = next;
        told
    }

    fn negotiate(&mut self, verb: u8, option: u8) -> Told {
        let answer = match (verb, option) {
            (DO, ECHO | SUPPRESS_GO_AHEAD) => {
                let agreed = &mut self.agreed[usize::from(option == ECHO)];
                if std::mem::replace(agreed, true) {
                    return Told::Noted;
                }
                WILL
            }
            (DO, _) => WONT,
            (WILL, _) => DONT,
            _ => return Told::Noted,
        };
        Told::Answer([IAC, answer, option])
    }
}

/// The key that a command without an option stands for.
const fn key(command: u8) -> Option<u8> {
    match command {
        BREAK | INTERRUPT => Some(0x03),
        ERASE_CHARACTER => Some(0x7F),
        ERASE_LINE => Some(0x15),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(stream: &[u8], expected: &[Told]) {
        let mut telnet = Telnet::default();
        let told: Vec<_> = stream
            .iter()
            .filter_map(|byte| telnet.push(*byte))
            .collect();
        assert_eq!(told, expected, "{stream:02x?}");
        assert!(!telnet.is_inside(), "{stream:02x?}");
    }

    #[test]
    fn an_interrupt_is_a_control_c() {
        // What the line mode of telnet(1) sends for ^C: IP, then DO TIMING-MARK.
        let refused = Told::Answer([IAC, WONT, 6]);
        check(b"\xFF\xF4\xFF\xFD\x06", &[Told::Byte(3), refused]);
    }

    #[test]
    fn options_are_answered_once_and_never_offered() {
        let echo = Told::Answer([IAC, WILL, ECHO]);
        check(b"\xFF\xFD\x01\xFF\xFD\x01", &[echo, Told::Noted]);
        check(b"\xFF\xFB\x00", &[Told::Answer([IAC, DONT, 0])]);
        check(b"\xFF\xFE\x01\xFF\xFC\x01", &[Told::Noted, Told::Noted]);
    }

    #[test]
    fn a_subnegotiation_is_passed_over_whatever_it_holds() {
        check(b"\xFF\xFA\x18\x00\xFF\xFFreboot\n\xFF\xF0", &[Told::Noted]);
    }

    #[test]
    fn a_doubled_iac_is_the_byte_itself() {
        check(b"\xFF\xFF", &[Told::Byte(0xFF)]);
    }
}
