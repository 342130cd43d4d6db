//! The scripts.

use std::fmt::{self, Write};

use super::{Choice, Value, Verb};

/// For `source <(netweir completions bash)`.
pub(super) fn bash(verbs: &[Verb]) -> String {
    text(|f| {
        let names: Vec<_> = verbs.iter().map(|verb| verb.name.as_str()).collect();
        writeln!(f, "_netweir() {{")?;
        writeln!(
            f,
            "    local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} words="
        )?;
        // A word of its own to bash, as COMP_WORDBREAKS has it.
        writeln!(f, "    if [ \"$word\" = = ]; then word=; fi")?;
        writeln!(
            f,
            "    if [ \"$before\" = = ]; then before=${{COMP_WORDS[COMP_CWORD-2]}}; fi"
        )?;
        writeln!(
            f,
            "    if [ \"$COMP_CWORD\" -eq 1 ]; then words='{}'; else",
            names.join(" ")
        )?;
        writeln!(f, "        case ${{COMP_WORDS[1]}}:$before in")?;
        for verb in verbs {
            for option in &verb.options {
                let case = format!("        {}:{}", verb.name, option.flag);
                match &option.value {
                    Value::None => {}
                    Value::Words(words) => writeln!(f, "{case}) words='{}' ;;", words.join(" "))?,
                    Value::File => {
                        writeln!(
                            f,
                            "{case}) COMPREPLY=($(compgen -f -- \"$word\")); return ;;"
                        )?;
                    }
                    Value::Other => writeln!(f, "{case}) return ;;")?,
                }
            }
            let flags = verb.options.iter().map(|option| option.flag.as_str());
            let words: Vec<_> = flags.chain(verb.words.iter().map(String::as_str)).collect();
            writeln!(f, "        {}:*) words='{}' ;;", verb.name, words.join(" "))?;
        }
        writeln!(f, "        esac\n    fi")?;
        writeln!(
            f,
            "    COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n}}"
        )?;
        writeln!(f, "complete -F _netweir netweir")
    })
}

/// For a file `_netweir` in the function path.
pub(super) fn zsh(verbs: &[Verb]) -> String {
    text(|f| {
        writeln!(f, "#compdef netweir\n_netweir() {{\n    local -a verbs=(")?;
        for Verb { name, about, .. } in verbs {
            let about = in_quotes(&about.replace(':', "\\:"));
            writeln!(f, "        '{name}:{about}'")?;
        }
        writeln!(
            f,
            "    )\n    if (( CURRENT == 2 )); then _describe verb verbs; return; fi"
        )?;
        writeln!(
            f,
            "    local verb=$words[2]\n    shift words\n    (( CURRENT-- ))\n    case $verb in"
        )?;
        for verb in verbs {
            writeln!(f, "    {}) _arguments \\", verb.name)?;
            for Choice { flag, about, value } in &verb.options {
                let value = match value {
                    Value::None => "]".to_owned(),
                    Value::Words(words) => format!("]:value:({})", words.join(" ")),
                    Value::File => "]:file:_files".to_owned(),
                    Value::Other => "]:value: ".to_owned(),
                };
                let about = in_quotes(&in_brackets(about));
                let equals = if value == "]" { "" } else { "=" };
                writeln!(f, "        '*{flag}{equals}[{about}{value}' \\")?;
            }
            writeln!(f, "        '*: :({})' ;;", verb.words.join(" "))?;
        }
        writeln!(f, "    esac\n}}\n_netweir \"$@\"")
    })
}

/// For `netweir completions fish | source`.
pub(super) fn fish(verbs: &[Verb]) -> String {
    text(|f| {
        writeln!(f, "complete -c netweir -f")?;
        for verb in verbs {
            let (name, about) = (&verb.name, in_fish_quotes(&verb.about));
            let seen = format!("-n '__fish_seen_subcommand_from {name}'");
            writeln!(
                f,
                "complete -c netweir -n __fish_use_subcommand -a {name} -d '{about}'"
            )?;
            for Choice { flag, about, value } in &verb.options {
                let flag = flag.trim_start_matches('-');
                let about = in_fish_quotes(about);
                let value = match value {
                    Value::None => String::new(),
                    Value::Words(words) => format!(" -x -a '{}'", words.join(" ")),
                    Value::File => " -r -F".to_owned(),
                    Value::Other => " -x".to_owned(),
                };
                writeln!(
                    f,
                    "complete -c netweir {seen} -l {flag}{value} -d '{about}'"
                )?;
            }
            if !verb.words.is_empty() {
                let words = verb.words.join(" ");
                writeln!(f, "complete -c netweir {seen} -a '{words}'")?;
            }
        }
        Ok(())
    })
}

/// Between the single quotes of a POSIX shell (2.2.2).
fn in_quotes(text: &str) -> String {
    text.replace('\'', "'\\''")
}

/// Between the single quotes of fish, which knows two escapes there.
fn in_fish_quotes(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\'', "\\'")
}

/// Between the brackets of an option of `_arguments` (zshcompsys(1)).
fn in_brackets(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        if "\\[]:".contains(character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

fn text(write: impl Fn(&mut String) -> fmt::Result) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write(&mut text);
    text
}
