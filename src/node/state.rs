//! How the installation stands, for probes and for Prometheus.

use std::fmt::{self, Write};
use std::time::Duration;

/// How the installation stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    /// Why pods are not captured as they should be; `None` where they are.
    pub(super) reason: Option<String>,
    counts: Counts,
    last_error: Option<LastError>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    installs: u64,
    binary: u64,
    configuration: u64,
    errors: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct LastError {
    text: String,
    /// Since 1970.
    at: Duration,
}

/// What was put right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Repair {
    pub(super) binary: bool,
    pub(super) configuration: bool,
}

impl State {
    /// Before anything is done.
    pub(super) fn new() -> Self {
        Self {
            reason: Some("not installed yet".to_owned()),
            ..Self::default()
        }
    }

    pub(super) const fn is_ready(&self) -> bool {
        self.reason.is_none()
    }

    /// The plugin is in place. The first time, that is an installation; later, whatever had to be done was a repair.
    pub(super) fn succeeded(&mut self, repair: Repair) {
        self.reason = None;
        if self.counts.installs == 0 {
            self.counts.installs = 1;
            return;
        }
        self.counts.binary += u64::from(repair.binary);
        self.counts.configuration += u64::from(repair.configuration);
    }

    /// It is not, for this reason. Tells whether that is new.
    pub(super) fn failed(&mut self, reason: String, at: Duration) -> bool {
        let is_new = self.reason.as_ref() != Some(&reason);
        if is_new {
            self.counts.errors += 1;
            self.last_error = Some(LastError {
                text: reason.clone(),
                at,
            });
        }
        self.reason = Some(reason);
        is_new
    }

    /// In the text format of Prometheus, version 0.0.4.
    pub(super) fn metrics(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = self.write_metrics(&mut text);
        text
    }

    fn write_metrics(&self, f: &mut String) -> fmt::Result {
        let counts = self.counts;
        head(
            f,
            "ready",
            "gauge",
            "Whether the plugin is in the primary network, and its file in place.",
        )?;
        writeln!(f, "netweir_cni_ready {}", u8::from(self.is_ready()))?;
        head(
            f,
            "installs_total",
            "counter",
            "Installations: one, once the plugin was in place.",
        )?;
        writeln!(f, "netweir_cni_installs_total {}", counts.installs)?;
        head(
            f,
            "repairs_total",
            "counter",
            "Repairs of what others changed, removed or put first.",
        )?;
        for (object, count) in [
            ("binary", counts.binary),
            ("configuration", counts.configuration),
        ] {
            writeln!(
                f,
                "netweir_cni_repairs_total{{object=\"{object}\"}} {count}"
            )?;
        }
        head(
            f,
            "errors_total",
            "counter",
            "Reasons for which the plugin was not in place, each as long as it lasted.",
        )?;
        writeln!(f, "netweir_cni_errors_total {}", counts.errors)?;
        let Some(LastError { text, at }) = &self.last_error else {
            return Ok(());
        };
        head(
            f,
            "last_error_timestamp_seconds",
            "gauge",
            "When the last of these reasons came up.",
        )?;
        let text = text
            .replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('\n', "\\n");
        writeln!(
            f,
            "netweir_cni_last_error_timestamp_seconds{{error=\"{text}\"}} {}.{:03}",
            at.as_secs(),
            at.subsec_millis()
        )
    }
}

fn head(f: &mut String, name: &str, kind: &str, help: &str) -> fmt::Result {
    writeln!(
        f,
        "# HELP netweir_cni_{name} {help}\n# TYPE netweir_cni_{name} {kind}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: Repair = Repair {
        binary: true,
        configuration: true,
    };

    fn value(state: &State, name: &str) -> Option<String> {
        let metrics = state.metrics();
        let mut lines = metrics.lines();
        let line = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map(str::to_owned)
    }

    #[test]
    fn the_first_success_is_an_installation_and_the_others_are_repairs() {
        let mut state = State::new();
        assert!(!state.is_ready());
        assert_eq!(value(&state, "netweir_cni_ready").unwrap(), "0");
        assert_eq!(value(&state, "netweir_cni_installs_total").unwrap(), "0");
        for _ in 0..3 {
            state.succeeded(BOTH);
        }
        state.succeeded(Repair {
            binary: false,
            ..BOTH
        });
        assert_eq!(value(&state, "netweir_cni_ready").unwrap(), "1");
        assert_eq!(value(&state, "netweir_cni_installs_total").unwrap(), "1");
        let repairs = |object: &str| {
            let name = format!("netweir_cni_repairs_total{{object=\"{object}\"}}");
            value(&state, &name).unwrap()
        };
        assert_eq!(
            (
                repairs("binary").as_str(),
                repairs("configuration").as_str()
            ),
            ("2", "3")
        );
    }

    #[test]
    fn a_lasting_error_counts_once() {
        let mut state = State::new();
        let at = Duration::from_millis(1_700_000_000_250);
        let reason = "no \"room\"\\\n".to_owned();
        assert!(state.failed(reason.clone(), at));
        assert!(!state.failed(reason.clone(), at + at));
        assert_eq!(value(&state, "netweir_cni_errors_total").unwrap(), "1");
        let name = r#"netweir_cni_last_error_timestamp_seconds{error="no \"room\"\\\n"}"#;
        assert_eq!(value(&state, name).unwrap(), "1700000000.250");
        state.succeeded(BOTH);
        assert!(state.failed(reason, at));
        assert_eq!(value(&state, "netweir_cni_errors_total").unwrap(), "2");
    }
}
