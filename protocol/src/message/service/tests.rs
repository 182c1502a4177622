//! Pages of items.

use super::*;

#[test]
fn a_page_takes_items_until_it_is_full_and_gives_them_back() {
    let reason = "x".repeat(100);
    let step = Item::Transition(Step {
        from: ServiceState::Running,
        to: ServiceState::Failed,
        at_unix_ms: 1,
        reason: &reason,
    });
    let mut page = Page::default();
    let mut count = 0;
    while page.push(&step) {
        count += 1;
    }
    assert_eq!(count, 4);
    assert!(page.items().eq(std::iter::repeat_n(step, 4)));
}

#[test]
fn a_page_with_half_an_item_is_refused() {
    let mut page = Page::default();
    page.push(&Item::Next {
        from: 300,
        missed: 0,
    });
    let mut room = [0; 16];
    let length = crate::message::encode(&page, &mut room).unwrap();
    assert_eq!(Page::read(&room[..length]), Ok(page));
    for cut in 0..length {
        assert!(Page::read(&room[..cut]).is_err(), "{cut}");
    }
}
