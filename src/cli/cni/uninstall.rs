//! `netweir cni uninstall`.

use clap::Args;

use crate::app::{self, Access, Place};
use crate::exit_code::ExitCode;
use crate::node::{self, Directories};
use crate::options::{OptionError, Section};

use super::super::arguments::{OptionsOf, TakesOptions};
use super::super::error::CliError;
use super::option::{NodeOption, NodeOptions, TakesNodeOptions};

/// The verb's options.
#[derive(Args)]
pub(super) struct Uninstall {
    #[command(flatten)]
    node: NodeOptions<Self>,
    #[command(flatten)]
    options: OptionsOf<Self>,
}

impl TakesNodeOptions for Uninstall {
    const OPTIONS: &[NodeOption] = &[NodeOption::BinDir, NodeOption::ConfDir];
}

impl TakesOptions for Uninstall {
    const SECTIONS: &[Section] = &[Section::Logging];
}

impl Uninstall {
    /// Takes the plugin away.
    pub(super) fn run(mut self, errors: Vec<OptionError>) -> ExitCode {
        let mut invocation = self.options.invocation(errors);
        let bin = invocation.noting(self.node.folder(NodeOption::BinDir));
        let conf = invocation.noting(self.node.folder(NodeOption::ConfDir));
        let (Some(bin), Some(conf), true) = (bin, conf, invocation.errors.is_empty()) else {
            return invocation.report();
        };
        let directories = Directories { bin, conf };
        let log = invocation.log;
        // The owner of the folders needs none.
        let confined = app::enter(Place::Current, Access::Unprivileged, log);
        match confined
            .map_err(CliError::from)
            .and_then(|()| Ok(node::uninstall(&directories, log)?))
        {
            Ok(()) => ExitCode::Done,
            Err(error) => error.report(log),
        }
    }
}
