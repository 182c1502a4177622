//! As much of telnet (RFC 854, RFC 857, RFC 858, RFC 860) as keeps its users from harm: options are
//! answered and never offered first, and its interrupt is a `^C`.
//!
//! Most connections are no telnet's, and there an `FF` is a byte that no line holds: taken for
//! telnet, it would swallow what follows and glue two lines together. So commands are read only
//! where a negotiation opened the connection, and in a person's session. Elsewhere the interrupt
//! alone is known, at the start of a line, because telnet(1) sends it without having negotiated.

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
const TIMING_MARK: u8 = 6;

/// The commands that an [`IAC`] may begin where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IacScope {
    /// Any command: a person's session.
    Session,
    /// The interrupt, or the negotiation that makes the connection a telnet's if nothing came
    /// before.
    LineStart,
    /// Nothing: it is a byte of the line.
    WithinLine,
}

/// Reads telnet commands out of a stream.
#[derive(Debug, Default)]
pub(super) struct Telnet {
    state: State,
    /// True if anything has arrived on the connection.
    begun: bool,
    /// True if a negotiation opened the connection.
    negotiated: bool,
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
    /// Behind an IAC at the start of a line that may yet be text.
    Unsure {
        opens: bool,
    },
    /// Behind IAC DO at the start of a line: the timing mark that follows an interrupt, or text.
    UnsureDo,
}

/// What a telnet command came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TelnetEvent {
    /// Hand this byte to the line.
    Byte(u8),
    /// The line is interrupted at its start.
    Interrupt,
    /// Send this back.
    Answer([u8; 3]),
    /// The client negotiates options, so a person is there; this is to be sent back, if anything.
    Negotiation(Option<[u8; 3]>),
    /// It was no command: these bytes are text, and then the byte handed in.
    Text(&'static [u8]),
}

impl Telnet {
    /// Whether the next byte belongs to a command that has begun.
    pub(super) fn is_inside(&self) -> bool {
        self.state != State::Data
    }

    /// Notes that the connection does not open with telnet: something else came first.
    pub(super) const fn pass(&mut self) {
        self.begun = true;
    }

    /// Returns what is held of a command that the end of input cuts off, and is text.
    pub(super) fn end(&mut self) -> &'static [u8] {
        match std::mem::take(&mut self.state) {
            State::Unsure { .. } => &[IAC],
            State::UnsureDo => &[IAC, DO],
            _ => &[],
        }
    }

    /// Takes a byte: an [`IAC`] that stands in this scope, or whatever follows one while
    /// [`Telnet::is_inside`].
    pub(super) fn push(&mut self, byte: u8, scope: IacScope) -> Option<TelnetEvent> {
        let opens = !std::mem::replace(&mut self.begun, true);
        let (next, event) = match (self.state, byte) {
            (State::Data, IAC) if self.negotiated || scope == IacScope::Session => {
                (State::Command, None)
            }
            (State::Data, IAC) if scope == IacScope::LineStart => (State::Unsure { opens }, None),
            (State::Data, _) => (State::Data, Some(TelnetEvent::Text(&[]))),
            (State::Unsure { .. }, BREAK | INTERRUPT) => {
                (State::Data, Some(TelnetEvent::Interrupt))
            }
            (State::Unsure { opens: true }, WILL..=DONT | SB) => {
                self.negotiated = true;
                command(byte)
            }
            (State::Unsure { .. }, DO) => (State::UnsureDo, None),
            // No option has these two numbers that anybody negotiates: a line ends here.
            (State::Unsure { .. }, _) | (State::Option(_), b'\r' | b'\n') => {
                (State::Data, Some(TelnetEvent::Text(&[IAC])))
            }
            (State::UnsureDo, TIMING_MARK) => {
                let refused = [IAC, WONT, TIMING_MARK];
                (State::Data, Some(TelnetEvent::Answer(refused)))
            }
            (State::UnsureDo, _) => (State::Data, Some(TelnetEvent::Text(&[IAC, DO]))),
            (State::Command, _) => command(byte),
            (State::Option(verb), option) => {
                let answer = self.negotiate(verb, option);
                (State::Data, Some(TelnetEvent::Negotiation(answer)))
            }
            // However long it is: nothing in it may run.
            (State::Sub, IAC) => (State::SubCommand, None),
            (State::SubCommand, SE) => (State::Data, Some(TelnetEvent::Negotiation(None))),
            (State::Sub | State::SubCommand, _) => (State::Sub, None),
        };
        self.state = next;
        event
    }

    fn negotiate(&mut self, verb: u8, option: u8) -> Option<[u8; 3]> {
        let answer = match (verb, option) {
            (DO, ECHO | SUPPRESS_GO_AHEAD) => {
                let agreed = &mut self.agreed[usize::from(option == ECHO)];
                if std::mem::replace(agreed, true) {
                    return None;
                }
                WILL
            }
            (DO, _) => WONT,
            (WILL, _) => DONT,
            _ => return None,
        };
        Some([IAC, answer, option])
    }
}

/// Takes the byte behind an IAC.
fn command(byte: u8) -> (State, Option<TelnetEvent>) {
    match byte {
        IAC => (State::Data, Some(TelnetEvent::Byte(byte))),
        SB => (State::Sub, None),
        WILL | WONT | DO | DONT => (State::Option(byte), None),
        SE.. => (State::Data, key(byte).map(TelnetEvent::Byte)),
        // RFC 854 has no such command.
        _ => (State::Data, Some(TelnetEvent::Text(&[IAC]))),
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

    /// Checks what a stream comes to whose every byte belongs to a command, or is an IAC in this scope.
    #[track_caller]
    fn check(scope: IacScope, stream: &[u8], expected: &[TelnetEvent]) {
        let mut telnet = Telnet::default();
        let events: Vec<_> = stream
            .iter()
            .filter_map(|byte| telnet.push(*byte, scope))
            .collect();
        assert_eq!(events, expected, "{stream:02x?} in {scope:?}");
        assert!(!telnet.is_inside(), "{stream:02x?} in {scope:?}");
    }

    #[test]
    fn an_interrupt_is_a_control_c() {
        // What the line mode of telnet(1) sends for ^C: IP, then DO TIMING-MARK.
        let refused = [IAC, WONT, TIMING_MARK];
        check(
            IacScope::Session,
            b"\xFF\xF4\xFF\xFD\x06",
            &[
                TelnetEvent::Byte(3),
                TelnetEvent::Negotiation(Some(refused)),
            ],
        );
        check(
            IacScope::LineStart,
            b"\xFF\xF4\xFF\xFD\x06\xFF\xF3",
            &[
                TelnetEvent::Interrupt,
                TelnetEvent::Answer(refused),
                TelnetEvent::Interrupt,
            ],
        );
    }

    #[test]
    fn options_are_answered_once_and_never_offered() {
        for scope in [IacScope::Session, IacScope::LineStart] {
            let negotiation = TelnetEvent::Negotiation;
            let echo = negotiation(Some([IAC, WILL, ECHO]));
            check(
                scope,
                b"\xFF\xFD\x01\xFF\xFD\x01",
                &[echo, negotiation(None)],
            );
            check(scope, b"\xFF\xFB\x00", &[negotiation(Some([IAC, DONT, 0]))]);
            check(
                scope,
                b"\xFF\xFE\x01\xFF\xFC\x01",
                &[negotiation(None), negotiation(None)],
            );
        }
    }

    #[test]
    fn a_subnegotiation_is_passed_over_whatever_it_holds() {
        check(
            IacScope::Session,
            b"\xFF\xFA\x18\x00\xFF\xFFreboot\n\xFF\xF0",
            &[TelnetEvent::Negotiation(None)],
        );
    }

    #[test]
    fn a_subnegotiation_runs_nothing_however_long_it_is() {
        let mut telnet = Telnet::default();
        for byte in [IAC, SB].into_iter().chain([b'\n'; 1_000]) {
            assert_eq!(telnet.push(byte, IacScope::Session), None);
        }
        assert_eq!(telnet.push(IAC, IacScope::Session), None);
        let end = telnet.push(SE, IacScope::Session);
        assert_eq!(end, Some(TelnetEvent::Negotiation(None)));
        assert!(!telnet.is_inside());
    }

    #[test]
    fn what_is_no_command_is_text_and_takes_no_byte_with_it() {
        for byte in [b'\r', b'\n', b'A', 0, 0x7F, 0xEF] {
            check(
                IacScope::Session,
                &[IAC, byte],
                &[TelnetEvent::Text(&[IAC])],
            );
        }
        check(
            IacScope::Session,
            &[IAC, WILL, b'\n'],
            &[TelnetEvent::Text(&[IAC])],
        );
    }

    #[test]
    fn a_doubled_iac_is_the_byte_itself() {
        check(IacScope::Session, b"\xFF\xFF", &[TelnetEvent::Byte(0xFF)]);
    }

    #[test]
    fn what_no_negotiation_opened_is_text_and_loses_no_byte() {
        check(IacScope::LineStart, b"\xFF\n", &[TelnetEvent::Text(&[IAC])]);
        check(
            IacScope::LineStart,
            b"\xFF\xFF",
            &[TelnetEvent::Text(&[IAC])],
        );
        check(IacScope::WithinLine, b"\xFF", &[TelnetEvent::Text(&[])]);
        let mut telnet = Telnet::default();
        telnet.pass();
        for (byte, event) in [
            (IAC, None),
            (DO, None),
            (ECHO, Some(TelnetEvent::Text(&[IAC, DO]))),
            (IAC, None),
            (WILL, Some(TelnetEvent::Text(&[IAC]))),
        ] {
            assert_eq!(telnet.push(byte, IacScope::LineStart), event, "{byte:02x}");
        }
        assert_eq!(telnet.push(IAC, IacScope::LineStart), None);
        assert_eq!(telnet.end(), [IAC], "the end of input loses nothing either");
    }
}
