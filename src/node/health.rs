//! The installation's health, as probes and Prometheus see it.

use std::time::Duration;

use super::error::CODES;

/// The installation's health.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Health {
    /// Why the plugin is not installed; `None` while it is.
    pub(super) problem: Option<String>,
    installs: u64,
    binary_repairs: u64,
    configuration_repairs: u64,
    errors: [u64; CODES.len()],
    /// Since the Unix epoch.
    last_error: Option<Duration>,
}

/// What a pass had to repair.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Repair {
    pub(super) binary: bool,
    pub(super) configuration: bool,
}

impl Health {
    /// Before the first pass.
    pub(super) fn new() -> Self {
        Self {
            problem: Some("not installed yet".to_owned()),
            ..Self::default()
        }
    }

    pub(super) const fn is_ready(&self) -> bool {
        self.problem.is_none()
    }

    /// Notes that the plugin is installed: the first time as an installation, later as repairs.
    pub(super) fn succeeded(&mut self, repair: Repair) {
        self.problem = None;
        if self.installs == 0 {
            self.installs = 1;
            return;
        }
        self.binary_repairs += u64::from(repair.binary);
        self.configuration_repairs += u64::from(repair.configuration);
    }

    /// Notes an error at a time since the Unix epoch; `true` unless it is the one that was noted last.
    pub(super) fn failed(&mut self, code: &str, error: String, at: Duration) -> bool {
        let is_new = self.problem.as_ref() != Some(&error);
        if is_new {
            for (known, count) in CODES.into_iter().zip(&mut self.errors) {
                *count += u64::from(known == code);
            }
            self.last_error = Some(at);
        }
        self.problem = Some(error);
        is_new
    }

    /// The metrics in Prometheus's text format, version 0.0.4.
    pub(super) fn metrics(&self) -> String {
        let errors = CODES.into_iter().zip(self.errors);
        let errors = errors.map(|(reason, count)| {
            format!("netweir_cni_errors_total{{reason=\"{reason}\"}} {count}\n")
        });
        let last_error = self.last_error.map_or_else(String::new, |at| {
            format!(
                "\
# HELP netweir_cni_last_error_timestamp_seconds Unix time of the latest error.
# TYPE netweir_cni_last_error_timestamp_seconds gauge
netweir_cni_last_error_timestamp_seconds {}.{:03}
",
                at.as_secs(),
                at.subsec_millis()
            )
        });
        format!(
            "\
# HELP netweir_cni_ready Whether the plugin is installed: its binary in place and its entry in the primary network.
# TYPE netweir_cni_ready gauge
netweir_cni_ready {ready}
# HELP netweir_cni_installs_total Installations completed by this process: 0 or 1.
# TYPE netweir_cni_installs_total counter
netweir_cni_installs_total {installs}
# HELP netweir_cni_repairs_total Repairs of changes made by other programs.
# TYPE netweir_cni_repairs_total counter
netweir_cni_repairs_total{{object=\"binary\"}} {binary}
netweir_cni_repairs_total{{object=\"configuration\"}} {configuration}
# HELP netweir_cni_errors_total Errors that kept the plugin from being installed, each counted once while it lasts.
# TYPE netweir_cni_errors_total counter
{errors}{last_error}",
            ready = u8::from(self.is_ready()),
            installs = self.installs,
            binary = self.binary_repairs,
            configuration = self.configuration_repairs,
            errors = errors.collect::<String>(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: Repair = Repair {
        binary: true,
        configuration: true,
    };

    fn value(health: &Health, name: &str) -> String {
        let metrics = health.metrics();
        let mut lines = metrics.lines();
        let line = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name} in {metrics}"))
            .to_owned()
    }

    #[test]
    fn counts_first_success_as_installation_and_later_ones_as_repairs() {
        let mut health = Health::new();
        assert!(!health.is_ready());
        assert_eq!(value(&health, "netweir_cni_ready"), "0");
        assert_eq!(value(&health, "netweir_cni_installs_total"), "0");
        for _ in 0..3 {
            health.succeeded(BOTH);
        }
        health.succeeded(Repair {
            binary: false,
            ..BOTH
        });
        assert_eq!(value(&health, "netweir_cni_ready"), "1");
        assert_eq!(value(&health, "netweir_cni_installs_total"), "1");
        let repairs = |object: &str| {
            value(
                &health,
                &format!("netweir_cni_repairs_total{{object=\"{object}\"}}"),
            )
        };
        assert_eq!([repairs("binary"), repairs("configuration")], ["2", "3"]);
    }

    #[test]
    fn counts_lasting_error_once_under_its_reason() {
        let errors = |health: &Health, reason: &str| {
            value(
                health,
                &format!("netweir_cni_errors_total{{reason=\"{reason}\"}}"),
            )
        };
        let mut health = Health::new();
        let at = Duration::from_millis(1_700_000_000_250);
        let text = "no \"space\"\\\n".to_owned();
        assert!(health.failed("file", text.clone(), at));
        assert!(!health.failed("file", text.clone(), at + at));
        assert_eq!(errors(&health, "file"), "1");
        assert_eq!(errors(&health, "no_network"), "0");
        // An error's text may name any file, so it is no label.
        assert!(!health.metrics().contains("space"));
        let name = "netweir_cni_last_error_timestamp_seconds";
        assert_eq!(value(&health, name), "1700000000.250");
        health.succeeded(BOTH);
        assert!(health.failed("no_network", text, at));
        assert_eq!(errors(&health, "file"), "1");
        assert_eq!(errors(&health, "no_network"), "1");
    }
}
