//! Repeats what other programs' changes interrupt.

use std::time::Duration;

use super::Error;
use crate::process::wait::Pauses;

/// How long attempts are repeated.
const LIMIT: Duration = Duration::from_secs(5);

/// Repeats an attempt as long as it fails with [`Error::Contended`], for 5 seconds with growing pauses.
///
/// # Errors
/// That of the last attempt.
pub(crate) fn retry<T>(attempt: impl FnMut() -> Result<T, Error>) -> Result<T, Error> {
    retry_within(LIMIT, attempt)
}

fn retry_within<T>(
    limit: Duration,
    mut attempt: impl FnMut() -> Result<T, Error>,
) -> Result<T, Error> {
    let mut pauses = Pauses::within(limit);
    loop {
        match attempt() {
            Err(contended @ Error::Contended { .. }) => {
                if !pauses.pause() {
                    return Err(contended);
                }
            }
            other => return other,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::error_kind::ErrorKind;

    #[test]
    fn gives_up_after_the_limit() {
        let limit = Duration::from_millis(200);
        let start = Instant::now();
        let mut attempts = 0;
        let error = retry_within::<()>(limit, || {
            attempts += 1;
            Err(Error::contended("list the chains"))
        });
        let error = error.expect_err("contended");
        assert_eq!(error.kind(), ErrorKind::Contended);
        assert_eq!(
            error.to_string(),
            "cannot list the chains: other programs kept changing the configuration for 5 seconds"
        );
        assert!(start.elapsed() >= limit);
        // With growing pauses: 50 µs, 100 µs and so on, then 50 ms.
        assert!((3..=15).contains(&attempts), "{attempts}");
    }

    #[test]
    fn returns_the_first_other_result() {
        let mut attempts = 0;
        let done = retry(|| {
            attempts += 1;
            if attempts < 4 {
                return Err(Error::contended("read"));
            }
            Ok(attempts)
        });
        assert_eq!(done.expect("done"), 4);
        let mut attempts = 0;
        let other = retry::<()>(|| {
            attempts += 1;
            Err(Error::TooLarge("it".to_owned()))
        });
        assert!(other.is_err());
        assert_eq!(attempts, 1);
    }
}
