//! How much is generated: a little in every run, a lot with `NETWEIR_SOAK=1` (`make soak`).

/// `usual`, or `soak` in a soak run.
pub fn effort<T>(usual: T, soak: T) -> T {
    if std::env::var_os("NETWEIR_SOAK").is_some_and(|value| value == "1") {
        soak
    } else {
        usual
    }
}
