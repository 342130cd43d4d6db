//! Standard streams without a reader.

use std::io::pipe;

use crate::program::{netweir, run};

/// It is an error, and not the end by a signal in the middle of something.
#[test]
fn a_closed_pipe_is_an_error() {
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    let mut command = netweir(&["apply", "--dry-run"]);
    let output = command.stdout(writer).stderr(std::process::Stdio::piped());
    let output = output.spawn().unwrap().wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{} {said}", output.status);
    assert!(said.contains("Broken pipe"), "{said}");
    // A reader gets everything.
    assert_eq!(run(&mut netweir(&["apply", "--dry-run"])).code, Some(0));
}
