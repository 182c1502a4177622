//! The transfer of a client: requests in and out of turn, pieces in any order, a store that fails.

use super::*;
use crate::core::objects::WriterStep;
use lastword_protocol::Millis;
use std::collections::VecDeque;

const NONCE: Nonce = Nonce(7);
const HASH: ObjectHash = ObjectHash([3; 32]);
const NOW: Instant = Instant(1_000);
const PIECE: NonZeroU16 = NonZeroU16::new(20).unwrap();

fn put(size: u64) -> TransferRequest {
    TransferRequest::Put {
        hash: HASH,
        size,
        piece_max: PIECE,
    }
}

/// Opens a transfer with `request`, of an object of this length, and returns its pipe.
fn opened(
    transfer: &mut ClientTransfer,
    request: TransferRequest,
    (size, is_line): (u64, bool),
) -> (ObjectPipe, TransferOpened) {
    assert!(matches!(transfer.admit(request), TransferStep::Ask(_)));
    let pipe = ObjectPipe::new(0);
    let object = OpenObject {
        pipe: pipe.clone(),
        offset: 0,
        size,
    };
    match transfer.open(NOW, object, (is_line, 512)) {
        Some(Reply::TransferOpened(opened)) => (pipe, opened),
        other => panic!("{other:?}"),
    }
}

/// Hands in a piece.
fn piece(transfer: &mut ClientTransfer, opened: &TransferOpened, offset: u64, bytes: &[u8]) {
    let mut body = [0; 64];
    let piece = ObjectPiece {
        transfer: opened.transfer(),
        offset,
        bytes,
    };
    let length = piece.write(&mut body).unwrap();
    let frame = Frame {
        header: Header::new(Class::Data, Sequence(0), PIECE_OPCODE),
        body: &body[..length],
        nonce: NONCE,
    };
    assert!(transfer.receive(NOW, &frame));
}

#[track_caller]
fn refusal(step: TransferStep) -> Code {
    match step {
        TransferStep::Answer(reply) => match *reply {
            Reply::Refused(refusal) => refusal.code,
            reply => panic!("{reply:?}"),
        },
        step @ TransferStep::Ask(_) => panic!("{step:?}"),
    }
}

/// All that went into a pipe.
fn taken(pipe: &ObjectPipe) -> Vec<u8> {
    let mut bytes = VecDeque::new();
    assert_eq!(pipe.next_step(&mut bytes), WriterStep::Write);
    bytes.into()
}

#[test]
fn a_client_has_one_transfer_from_its_request_on() {
    let mut transfer = ClientTransfer::default();
    assert!(matches!(transfer.admit(put(40)), TransferStep::Ask(_)));
    assert_eq!(refusal(transfer.admit(put(40))), Code::Busy);
    transfer.not_opened();
    let (_, opened) = opened(&mut transfer, put(40), (40, false));
    assert_eq!(refusal(transfer.admit(put(40))), Code::Busy);
    let other = TransferId(opened.transfer().0 + 1);
    assert_eq!(
        refusal(transfer.admit(TransferRequest::Cancel(other))),
        Code::Unknown
    );
    let cancel = TransferRequest::Cancel(opened.transfer());
    assert_eq!(
        transfer.admit(cancel),
        TransferStep::Answer(Box::new(Reply::Done))
    );
    assert_eq!(refusal(transfer.admit(cancel)), Code::Unknown);
    assert!(matches!(transfer.admit(put(40)), TransferStep::Ask(_)));
}

#[test]
fn pieces_in_any_order_are_written_in_theirs_and_the_whole_is_committed_once() {
    let mut transfer = ClientTransfer::default();
    let (pipe, opened) = opened(&mut transfer, put(50), (50, true));
    let commit = TransferRequest::Commit(opened.transfer());
    piece(&mut transfer, &opened, 20, &[2; 20]);
    piece(&mut transfer, &opened, 40, &[3; 10]);
    piece(&mut transfer, &opened, 40, &[9; 10]);
    assert_eq!(refusal(transfer.admit(commit)), Code::Busy);
    piece(&mut transfer, &opened, 0, &[1; 20]);
    assert_eq!(
        taken(&pipe),
        [[1; 20], [2; 20]]
            .concat()
            .into_iter()
            .chain([3; 10])
            .collect::<Vec<_>>()
    );
    let expected = TransferStep::Ask(ObjectAsk::Commit(pipe.clone()));
    assert_eq!(transfer.admit(commit), expected);
    assert_eq!(refusal(transfer.admit(commit)), Code::Unknown);
    assert_eq!(pipe.next_step(&mut VecDeque::new()), WriterStep::Commit);
}

#[test]
fn a_connections_receiver_drops_what_is_behind_a_missing_piece() {
    let mut transfer = ClientTransfer::default();
    let (pipe, opened) = opened(&mut transfer, put(50), (50, false));
    piece(&mut transfer, &opened, 20, &[2; 20]);
    piece(&mut transfer, &opened, 0, &[1; 20]);
    assert_eq!(taken(&pipe), [1; 20]);
}

#[test]
fn a_store_that_fails_ends_the_transfer_and_whoever_asks_is_told_why() {
    let mut transfer = ClientTransfer::default();
    let (pipe, opened) = opened(&mut transfer, put(50), (50, false));
    pipe.end_with(Err(Box::new(Refusal::new(
        Code::Internal,
        "the store failed: disk full",
    ))));
    transfer.tick(NOW);
    assert!(transfer.has_frame());
    assert!(transfer.take_frame::<600>(NOW, NONCE).is_none());
    assert!(!transfer.has_frame());
    for request in [TransferRequest::Commit, TransferRequest::Cancel] {
        let asked = transfer.admit(request(opened.transfer()));
        assert_eq!(refusal(asked), Code::Internal);
    }
    assert!(
        matches!(transfer.admit(put(50)), TransferStep::Ask(_)),
        "another may come"
    );
}

#[test]
fn a_transfer_without_progress_ends_and_closes_its_pipe() {
    let mut transfer = ClientTransfer::default();
    let (pipe, opened) = opened(&mut transfer, put(50), (50, false));
    let late = Instant(NOW.0 + 20_000);
    while transfer.has_frame() {
        transfer.take_frame::<600>(NOW, NONCE);
    }
    assert!(transfer.deadline().is_some_and(|it| it <= late));
    transfer.tick(late);
    assert!(transfer.take_frame::<600>(late, NONCE).is_none());
    assert_eq!(pipe.next_step(&mut VecDeque::new()), WriterStep::End);
    let commit = TransferRequest::Commit(opened.transfer());
    assert_eq!(refusal(transfer.admit(commit)), Code::Timeout);
}

#[test]
fn an_object_that_is_here_and_is_not_committed_keeps_its_client_from_the_next_for_ten_seconds() {
    for is_sent in [true, false] {
        let mut transfer = ClientTransfer::default();
        let (pipe, opened) = opened(&mut transfer, put(20), (20, true));
        if is_sent {
            piece(&mut transfer, &opened, 0, &[1; 20]);
        }
        while let Some(frame) = transfer.take_frame::<64>(NOW, NONCE) {
            frame.unwrap();
        }
        for (waited, is_over) in [(9_999, false), (10_000, true)] {
            let now = NOW.after(Millis(waited));
            assert!(
                is_over
                    || transfer
                        .deadline()
                        .is_some_and(|at| at <= NOW.after(Millis(10_000)))
            );
            transfer.tick(now);
            while let Some(frame) = transfer.take_frame::<64>(now, NONCE) {
                frame.unwrap();
            }
            assert_eq!(pipe.is_closed(), is_over, "{is_sent} {waited}");
        }
        let commit = TransferRequest::Commit(opened.transfer());
        assert_eq!(refusal(transfer.admit(commit)), Code::Timeout);
        assert!(matches!(transfer.admit(put(20)), TransferStep::Ask(_)));
    }
}

#[test]
fn a_get_sends_what_is_read_within_the_receivers_window_and_ends() {
    let mut transfer = ClientTransfer::default();
    let get = TransferRequest::Get {
        hash: HASH,
        from: 0,
        piece_max: PIECE,
    };
    let (pipe, opened) = opened(&mut transfer, get, (50, false));
    let credit = |transfer: &mut ClientTransfer, acknowledged, limit| {
        let mut body = [0; 64];
        let credit = PieceCredit {
            transfer: opened.transfer(),
            acknowledged,
            limit,
            received: 0,
        };
        let length = credit.write(&mut body).unwrap();
        let frame = Frame {
            header: Header::new(Class::Credit, Sequence(0), PIECE_CREDIT_OPCODE),
            body: &body[..length],
            nonce: NONCE,
        };
        assert!(transfer.receive(NOW, &frame));
    };
    let frames = |transfer: &mut ClientTransfer| {
        std::iter::from_fn(|| {
            transfer
                .has_frame()
                .then(|| transfer.take_frame::<600>(NOW, NONCE))?
        })
        .count()
    };
    assert_eq!(frames(&mut transfer), 0, "no credit yet");
    credit(&mut transfer, 0, 40);
    assert_eq!(frames(&mut transfer), 0, "nothing is read yet");
    pipe.supply(&[5; 50]);
    transfer.tick(NOW);
    assert_eq!(frames(&mut transfer), 2);
    assert_eq!(
        refusal(transfer.admit(TransferRequest::Commit(opened.transfer()))),
        Code::Busy
    );
    credit(&mut transfer, 40, 50);
    assert_eq!(frames(&mut transfer), 1);
    assert!(transfer.open.is_some());
    credit(&mut transfer, 50, 50);
    let another = transfer.admit(get);
    assert!(
        matches!(another, TransferStep::Ask(_)),
        "it is over: {another:?}"
    );
    assert_eq!(frames(&mut transfer), 0);
}
