//! `netweir cni`: the plugin on a node.

mod install;
mod option;
mod uninstall;

use clap::{Args, Subcommand};

use crate::exit_code::ExitCode;
use crate::options::OptionError;

use install::Install;
use uninstall::Uninstall;

pub(super) use option::words_of;

/// The verb's own verbs.
#[derive(Args)]
pub(super) struct Cni {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Put the plugin on this node: copy this program to where the container runtime looks for plugins, add the plugin to the
    /// primary network configuration, and watch both, so that what others change is repaired within a second.
    Install(Install),
    /// Take the plugin away from this node; nothing there is no error.
    Uninstall(Uninstall),
}

impl Cni {
    /// Does what the verb says.
    pub(super) fn run(self, errors: Vec<OptionError>) -> ExitCode {
        match self.verb {
            Verb::Install(install) => install.run(errors),
            Verb::Uninstall(uninstall) => uninstall.run(errors),
        }
    }
}
