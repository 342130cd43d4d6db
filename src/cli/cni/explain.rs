//! `netweir cni explain`.

use std::fs;
use std::io::{self, Read};

use crate::app::SystemFiles;
use crate::cni;
use crate::exit_code::ExitCode;
use crate::options::{CommandOption, OptionError, OptionErrorKind, Section};

use super::super::command::CommandSpec;
use super::super::invocation::Invocation;
use super::super::output::print;

const FILE: &str = "FILE";

/// `netweir cni explain`.
pub(in crate::cli) const EXPLAIN: CommandSpec = CommandSpec {
    name: "cni explain",
    about: "Show whether the CNI plugin would capture a pod, and why",
    details: "Prints the decision, the reason, and the netweir apply with the same effect. Nothing is changed. The exit code is 1 \
              if the pod would not start.",
    sections: &[Section::Logging],
    options: &[CommandOption::CniArgs],
    words: Some((
        FILE,
        "A JSON file with the pod's annotations, or with what a runtime wrote to the plugin's standard input; - is standard \
         input",
    )),
    examples: &[
        (
            "kubectl get pod web-0 -o jsonpath='{.metadata.annotations}' | netweir cni explain -",
            "explain a pod of the cluster",
        ),
        (
            "netweir cni explain --args=K8S_POD_NAMESPACE=kube-system pod.json",
            "explain annotations in a namespace",
        ),
    ],
    run: explain,
};

fn explain(mut invocation: Invocation) -> ExitCode {
    let file = match invocation.words.as_slice() {
        [file] => Some(file.clone()),
        _ => None,
    };
    let text = file.as_ref().map(|file| read(file));
    match (text, file) {
        (Some(Ok(text)), Some(file)) if invocation.errors.is_empty() => {
            answer(&invocation, &file, &text)
        }
        (Some(Err(reason)), Some(file)) => {
            note(&mut invocation, OptionErrorKind::File(file, reason));
            invocation.report()
        }
        (Some(_), _) => invocation.report(),
        (None, _) => {
            let (value, example) = ("a file, or - for standard input", "pod.json");
            note(&mut invocation, OptionErrorKind::Required(value, example));
            invocation.report()
        }
    }
}

fn note(invocation: &mut Invocation, problem: OptionErrorKind) {
    invocation.errors.push(OptionError::of(FILE, problem));
}

fn read(file: &str) -> Result<String, String> {
    let text = if file == "-" {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        fs::read_to_string(file)
    };
    text.map_err(|error| error.to_string())
}

fn answer(invocation: &Invocation, file: &str, text: &str) -> ExitCode {
    let log = invocation.log;
    let arguments = invocation.own.text(CommandOption::CniArgs);
    match cni::explain(text, arguments, &SystemFiles) {
        Ok(explanation) => match print(&explanation.to_string()) {
            Ok(()) if explanation.is_decided() => ExitCode::Done,
            Ok(()) => ExitCode::Failed,
            Err(error) => error.report(log),
        },
        Err(error) => {
            let file = if file == "-" { "standard input" } else { file };
            log.error(&error, &[("file", &file), ("details", &error.details())]);
            ExitCode::Failed
        }
    }
}
