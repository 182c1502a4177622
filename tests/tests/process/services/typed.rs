//! What a person at a real agent types of services, and what Tab makes of it.

use super::NOBODY;
use lastword_tests::process::Place;
use std::fs;

#[test]
fn tab_completes_the_services_that_there_are() {
    let place = Place::with_services();
    place.shell("camera", "exec sleep 1000", "");
    let mut agent = place.start();
    let camera = agent.wait_for_state("camera", "running");
    let mut person = agent.unix();
    person.send("\r\0");
    person.until("> ");
    person.send("svc status ca\t");
    person.until("svc status camera ");
    person.send("\r\0");
    person.until(&format!("pid {}", camera.pid));
    // One that comes with a reload is known from then on, and one that goes is not.
    place.shell("canon", "exec sleep 1000", "");
    person.send("svc reload\r\0");
    person.until("canon");
    person.send("svc stop c\t\t");
    person.until("\r\ncamera  canon\r\n");
    person.send("\x15svc stop camera\r\0");
    person.until("stopped");
    fs::remove_file(place.path("services/camera.kdl")).expect("a service file");
    person.send("svc reload\r\0");
    person.until("removed");
    person.send("svc stop c\t");
    person.until("svc stop canon ");
    assert_eq!(agent.terminate(), Some(0));
    assert_eq!(place.processes(), NOBODY);
}
