//! Whether values among the arguments of a program would be code.

use crate::{
    flow::{Analysis, Argument, Reason, split_assignment},
    holes::HoleSet,
    options::{ends_in_option, has_joined_value, has_option, is_data_option, is_option},
    programs::{
        Builtin, Carrier, GIT_CARRIERS, GIT_CODE, GIT_GLOBAL_CODE, GIT_GLOBAL_VALUES, GIT_OPTIONS, Interpreter,
        Program, Runner, Wrapper, chooses_program, find_program,
    },
};

/// Reports values among the arguments, or in the standard input, that the program would read as
/// code.
pub(crate) fn check_arguments(cx: &mut Analysis<'_>, name: &str, args: &[Argument], stdin: &HoleSet, at: usize) {
    let Some(program) = find_program(name) else { return };
    let mut call = Call { cx, name, stdin, at };
    match program {
        Program::Shell => call.shell(args),
        Program::Interpreter(interpreter) => call.interpreter(&interpreter, args),
        Program::Wrapper(wrapper) => call.wrapper(&wrapper, args),
        Program::Runner(runner) => call.runner(&runner, args),
        Program::Code => call.all_code(args),
        Program::RemoteShell => call.remote_shell(args),
        Program::Carrier(carrier) => call.carrier(&carrier, args),
        Program::Git => call.git(args),
        Program::Find => call.find(args),
        Program::Xargs => call.xargs(args),
        Program::Env => call.env(args),
        Program::Builtin(builtin) => call.builtin(builtin, args),
    }
}

/// A call of a program.
struct Call<'c, 's> {
    cx: &'c mut Analysis<'s>,
    name: &'c str,
    stdin: &'c HoleSet,
    at: usize,
}

impl Call<'_, '_> {
    fn report_code(&mut self, holes: &HoleSet, at: usize) {
        self.cx.report(holes, at, Reason::Code(self.name.to_owned()));
    }

    fn report_option(&mut self, holes: &HoleSet, at: usize) {
        self.cx.report(holes, at, Reason::Option(self.name.to_owned()));
    }

    fn all_code(&mut self, args: &[Argument]) {
        for arg in args {
            self.report_code(&arg.holes, arg.at);
        }
    }

    /// Runs the program that the arguments begin with.
    fn run_nested(&mut self, args: &[Argument], stdin: &HoleSet) {
        if let Some(first) = args.first() {
            let names = first.literal.clone().map(|name| vec![name]);
            self.cx.run(names, args, stdin);
        }
    }

    fn shell(&mut self, args: &[Argument]) {
        let mut at = 0;
        let mut reads_stdin = false;
        while let Some(arg) = args.get(at) {
            at += 1;
            let Some(text) = &arg.literal else {
                // The script, or an option that says where it stands.
                return self.report_code(&arg.holes, arg.at);
            };
            match text.as_str() {
                "-o" | "+o" | "-O" | "+O" | "--rcfile" | "--init-file" => {
                    if let Some(value) = args.get(at) {
                        self.report_code(&value.holes, value.at);
                    }
                    at += 1;
                }
                "-" | "--" => {}
                text if text.starts_with("--") || text.starts_with('+') => {}
                text if text.starts_with('-') && text.contains('c') => {
                    let Some(code) = args.get(at) else { return };
                    self.report_code(&code.holes, code.at);
                    let positional = join_holes(&args[at + 1..]);
                    if let Some(code) = &code.literal {
                        self.cx.nested_script(code, self.stdin, &positional, self.at, self.name);
                    }
                    return;
                }
                text if text.starts_with('-') => reads_stdin |= text.contains('s'),
                "/dev/stdin" => break,
                // An argument of the script that stands on standard input.
                _ if reads_stdin => {}
                file => {
                    let written = self.cx.file(file);
                    return self.cx.report(&written, arg.at, Reason::File(file.to_owned()));
                }
            }
        }
        let stdin = self.stdin.clone();
        self.report_code(&stdin, self.at);
    }

    fn interpreter(&mut self, interpreter: &Interpreter, args: &[Argument]) {
        let (mut at, mut operands, mut has_code, mut options_ended) = (0, 0, false, false);
        while let Some(arg) = args.get(at) {
            at += 1;
            let text = arg.literal.as_deref().unwrap_or(&arg.prefix);
            if text.starts_with('-') && text != "-" && !options_ended {
                if arg.literal.as_deref() == Some("--") {
                    options_ended = true;
                } else if arg.literal.is_some() && is_option(interpreter.module, text) {
                    if let Some(module) = args.get(at) {
                        self.report_code(&module.holes, module.at);
                    }
                    return;
                } else if arg.literal.is_some()
                    && (is_option(interpreter.preload, text) || ends_in_option(interpreter.code, text))
                {
                    if let Some(code) = args.get(at) {
                        self.report_code(&code.holes, code.at);
                    }
                    has_code |= !is_option(interpreter.preload, text);
                    at += 1;
                } else if arg.literal.is_some() && is_option(interpreter.data, text) {
                    at += 1;
                } else if !arg.holes.is_empty() && !is_data_option(interpreter, text) {
                    self.report_code(&arg.holes, arg.at);
                } else if has_joined_value(interpreter.code, text) {
                    has_code = true;
                }
                continue;
            }
            if has_code {
                return self.late_options(interpreter, options_ended, &args[at - 1..]);
            }
            if arg.literal.as_deref() == Some("-") {
                break;
            }
            if operands < interpreter.data_operands && !arg.several {
                operands += 1;
                if arg.prefix.is_empty() && !options_ended {
                    self.report_option(&arg.holes, arg.at);
                }
                continue;
            }
            self.report_code(&arg.holes, arg.at);
            if let Some(file) = &arg.literal {
                let written = self.cx.file(file);
                self.cx.report(&written, arg.at, Reason::File(file.clone()));
            }
            return self.late_options(interpreter, options_ended, &args[at..]);
        }
        if !has_code && interpreter.stdin {
            let stdin = self.stdin.clone();
            self.report_code(&stdin, self.at);
        }
    }

    /// Reports values that would be read as options after the operands, where those may stand.
    fn late_options(&mut self, interpreter: &Interpreter, options_ended: bool, args: &[Argument]) {
        let mut expects_value = false;
        for arg in args.iter().take_while(|_| interpreter.late_options && !options_ended) {
            let text = arg.literal.as_deref().unwrap_or(&arg.prefix);
            if arg.literal.as_deref() == Some("--") {
                return;
            }
            if arg.holes.is_empty() {
                expects_value = text.starts_with('-') && ends_in_option(interpreter.code, text);
                continue;
            }
            if expects_value || (text.starts_with('-') && !is_data_option(interpreter, text)) {
                self.report_code(&arg.holes, arg.at);
            } else if text.is_empty() {
                self.report_option(&arg.holes, arg.at);
            }
            expects_value = false;
        }
    }

    fn wrapper(&mut self, wrapper: &Wrapper, args: &[Argument]) {
        let (mut at, mut operands) = (0, wrapper.operands);
        while let Some(arg) = args.get(at) {
            let text = arg.literal.as_deref().unwrap_or(&arg.prefix);
            if text.starts_with('-') {
                at += 1;
                if has_option(wrapper.code, text) || has_option(wrapper.choices, text) {
                    let value = args.get(at).filter(|_| !text.contains('='));
                    at += usize::from(value.is_some());
                    let value = value.unwrap_or(arg);
                    self.report_code(&value.holes.clone(), value.at);
                    let is_script = has_option(wrapper.code, text) && value.at != arg.at;
                    if let Some(script) = value.literal.clone().filter(|_| is_script) {
                        self.cx.nested_script(&script, self.stdin, &HoleSet::default(), self.at, self.name);
                    }
                    continue;
                }
                if arg.literal.is_none() && !text.contains('=') {
                    self.report_option(&arg.holes, arg.at);
                }
                if is_option(wrapper.values, text) {
                    at += 1;
                }
                // `sudo -s` and `sudo -i` give the rest to a shell.
                if matches!(self.name, "sudo" | "doas") && matches!(text, "-s" | "-i" | "--shell" | "--login") {
                    return self.all_code(&args[at..]);
                }
                continue;
            }
            // Variables may stand before the program of `sudo`.
            if matches!(self.name, "sudo" | "doas" | "xvfb-run") && self.assigns(arg) {
                at += 1;
                continue;
            }
            // `nice -5`, `taskset 3`.
            if operands > 0 {
                operands -= 1;
                at += 1;
                continue;
            }
            break;
        }
        let stdin = self.stdin.clone();
        self.run_nested(&args[at.min(args.len())..], &stdin);
    }

    /// Whether an argument is `NAME=value`; reports one that chooses programs.
    fn assigns(&mut self, arg: &Argument) -> bool {
        let Some((name, _)) = split_assignment(arg) else { return false };
        if chooses_program(name) {
            self.cx.report(&arg.holes, arg.at, Reason::Variable(name.to_owned()));
        }
        true
    }

    fn env(&mut self, args: &[Argument]) {
        let mut at = 0;
        while let Some(arg) = args.get(at) {
            let text = arg.literal.as_deref().unwrap_or(&arg.prefix);
            if text.starts_with("-S") || text.starts_with("--split-string") {
                return self.all_code(&args[at..]);
            }
            if text.starts_with('-') {
                at += if matches!(text, "-u" | "-C" | "--unset" | "--chdir") { 2 } else { 1 };
                continue;
            }
            if !self.assigns(arg) {
                break;
            }
            at += 1;
        }
        let stdin = self.stdin.clone();
        self.run_nested(&args[at.min(args.len())..], &stdin);
    }

    fn runner(&mut self, runner: &Runner, args: &[Argument]) {
        let Some(found) =
            args.iter().position(|arg| arg.literal.as_deref().is_some_and(|text| runner.subcommands.contains(&text)))
        else {
            // Another subcommand: it reads data, unless a value would choose it.
            let first = args.iter().find(|arg| !arg.prefix.starts_with('-'));
            if let Some(first) = first.filter(|arg| arg.literal.is_none() && arg.prefix.is_empty()) {
                self.report_code(&first.holes.clone(), first.at);
            }
            return;
        };
        self.all_code(&args[..found]);
        let mut at = found + 1;
        let mut operands = runner.operands;
        while let Some(arg) = args.get(at) {
            let text = arg.literal.as_deref().unwrap_or(&arg.prefix);
            if text == "--" {
                at += 1;
                if operands == 0 || self.name == "kubectl" || self.name == "oc" {
                    break;
                }
                continue;
            }
            if text.starts_with('-') {
                let takes_value = arg.literal.is_some() && !text.contains('=') && !runner.flags.contains(&text);
                if text.starts_with("--entrypoint") {
                    let value = if text.contains('=') { Some(arg) } else { args.get(at + 1) };
                    if let Some(value) = value {
                        self.report_code(&value.holes.clone(), value.at);
                    }
                } else if arg.literal.is_none() && !text.contains('=') {
                    self.report_option(&arg.holes, arg.at);
                }
                // A program that is given options before it names its own program's by `--`.
                at += if takes_value && runner.operands > 0 { 2 } else { 1 };
                continue;
            }
            if operands == 0 {
                break;
            }
            operands -= 1;
            // A name of an image or a container chooses what is run, if nothing else does.
            if arg.prefix.is_empty() {
                self.cx.report(&arg.holes, arg.at, Reason::Program);
            }
            at += 1;
        }
        let stdin = self.stdin.clone();
        self.run_nested(&args[at.min(args.len())..], &stdin);
    }

    fn remote_shell(&mut self, args: &[Argument]) {
        const VALUES: &[&str] =
            &["-B", "-b", "-c", "-D", "-E", "-e", "-I", "-i", "-L", "-l", "-m", "-p", "-Q", "-R", "-S", "-W", "-w"];
        let mut at = 0;
        while let Some(arg) = args.get(at) {
            at += 1;
            let text = arg.literal.as_deref().unwrap_or(&arg.prefix);
            if text == "--" {
                continue;
            }
            if text.starts_with('-') {
                self.report_option(&arg.holes, arg.at);
                if matches!(text, "-o" | "-F" | "-J") {
                    if let Some(value) = args.get(at) {
                        self.report_code(&value.holes, value.at);
                    }
                    at += 1;
                } else if is_option(VALUES, text) {
                    at += 1;
                }
                continue;
            }
            let after_dashes = at >= 2 && args[at - 2].literal.as_deref() == Some("--");
            if arg.prefix.is_empty() && !after_dashes {
                self.report_option(&arg.holes, arg.at);
            }
            break;
        }
        let command = &args[at.min(args.len())..];
        self.all_code(command);
        if command.is_empty() {
            let stdin = self.stdin.clone();
            self.report_code(&stdin, self.at);
        } else {
            let stdin = self.stdin.clone();
            self.run_nested(command, &stdin);
        }
    }

    fn carrier(&mut self, carrier: &Carrier, args: &[Argument]) {
        let mut before: Option<&str> = None;
        for (at, arg) in args.iter().enumerate() {
            let text = arg.literal.as_deref().unwrap_or(&arg.prefix);
            if arg.literal.as_deref() == Some("--") {
                return;
            }
            if !arg.holes.is_empty() {
                let is_bundle = at == 1 && before.is_some_and(|b| b.ends_with('f') && !b.starts_with("--"));
                if before.is_some_and(|option| ends_in_option(carrier.code, option)) {
                    self.report_code(&arg.holes, arg.at);
                } else if text.starts_with('-') {
                    if has_joined_value(carrier.code, text) || !text.contains('=') {
                        self.report_option(&arg.holes, arg.at);
                    }
                } else if text.is_empty()
                    && carrier.operands
                    && !is_bundle
                    && !before.is_some_and(|option| is_option(carrier.data, option))
                {
                    self.report_option(&arg.holes, arg.at);
                }
            }
            before = arg.literal.as_deref();
        }
    }

    fn git(&mut self, args: &[Argument]) {
        let mut at = 0;
        while let Some(arg) = args.get(at) {
            let text = arg.literal.as_deref().unwrap_or(&arg.prefix);
            if !text.starts_with('-') {
                break;
            }
            at += 1;
            if has_option(GIT_GLOBAL_CODE, text) {
                let value = if text == "-c" || text == "--config-env" { args.get(at) } else { Some(arg) };
                if let Some(value) = value {
                    self.report_code(&value.holes.clone(), value.at);
                }
                at += usize::from(text == "-c" || text == "--config-env");
            } else if arg.literal.is_none() && !text.contains('=') {
                self.report_option(&arg.holes, arg.at);
            } else if is_option(GIT_GLOBAL_VALUES, text) {
                at += 1;
            }
        }
        let Some(subcommand) = args.get(at) else { return };
        // It may be an alias, and an alias may be a command.
        self.report_code(&subcommand.holes, subcommand.at);
        let rest = &args[at + 1..];
        match subcommand.literal.as_deref() {
            Some(name) if GIT_CODE.contains(&name) => self.all_code(rest),
            Some(name) if GIT_CARRIERS.contains(&name) => self.carrier(&GIT_OPTIONS, rest),
            _ => {}
        }
    }

    fn find(&mut self, args: &[Argument]) {
        let mut at = 0;
        while let Some(arg) = args.get(at) {
            at += 1;
            if arg.several {
                self.report_option(&arg.holes, arg.at);
            }
            if matches!(arg.literal.as_deref(), Some("-exec" | "-execdir" | "-ok" | "-okdir")) {
                let rest = &args[at..];
                let end =
                    rest.iter().position(|a| matches!(a.literal.as_deref(), Some(";" | "+"))).unwrap_or(rest.len());
                self.run_nested(&rest[..end], &HoleSet::default());
                at += end;
            }
        }
    }

    fn xargs(&mut self, args: &[Argument]) {
        const VALUES: &[&str] = &["-n", "-P", "-L", "-d", "-a", "-s", "-E", "--max-args", "--max-procs", "--delimiter"];
        let (mut at, mut replaced) = (0, None);
        while let Some(arg) = args.get(at) {
            let text = arg.literal.as_deref().unwrap_or(&arg.prefix);
            if !text.starts_with('-') {
                break;
            }
            at += 1;
            if text == "-I" {
                replaced = args.get(at).and_then(|a| a.literal.clone());
                at += 1;
            } else if let Some(mark) = text.strip_prefix("-I").or_else(|| text.strip_prefix("--replace=")) {
                replaced = Some(mark.to_owned());
            } else if text == "-i" || text == "--replace" {
                replaced = Some("{}".to_owned());
            } else if is_option(VALUES, text) {
                at += 1;
            }
        }
        let mut command: Vec<Argument> = args[at.min(args.len())..].to_vec();
        match &replaced {
            Some(mark) => {
                for arg in &mut command {
                    if let Some(text) = arg.literal.clone().filter(|text| text.contains(mark.as_str())) {
                        arg.prefix = text.split(mark.as_str()).next().unwrap_or_default().to_owned();
                        arg.literal = arg.literal.take().filter(|_| self.stdin.is_empty());
                        arg.holes.include(self.stdin);
                    }
                }
            }
            None if !command.is_empty() => {
                let holes = self.stdin.clone();
                command.push(Argument { literal: None, prefix: String::new(), holes, several: true, at: self.at });
            }
            None => {}
        }
        self.run_nested(&command, &HoleSet::default());
    }

    fn builtin(&mut self, builtin: Builtin, args: &[Argument]) {
        match builtin {
            Builtin::Alias => self.all_code(args),
            Builtin::ChangeDirectory => self.cx.change_directory(&join_holes(args)),
            Builtin::Declare => {
                for arg in args {
                    match split_assignment(arg) {
                        Some((name, literal)) => self.cx.assign_reported(name, &arg.holes, literal, arg.at),
                        None => self.report_code(&arg.holes, arg.at),
                    }
                }
            }
            Builtin::Eval => self.eval(args, &HoleSet::default()),
            Builtin::Trap => {
                let args = match args.first().and_then(|a| a.literal.as_deref()) {
                    Some("--") => &args[1..],
                    _ => args,
                };
                self.eval(&args[..args.len().min(1)], &HoleSet::default());
            }
            Builtin::Let => {
                for arg in args {
                    self.cx.report(&arg.holes, arg.at, Reason::Arithmetic);
                }
            }
            Builtin::Printf => {
                if let [first, name, ..] = args
                    && first.literal.as_deref() == Some("-v")
                {
                    self.report_code(&name.holes, name.at);
                    if let Some(variable) = &name.literal {
                        self.cx.assign_reported(variable, &join_holes(&args[2..]), None, name.at);
                    }
                }
            }
            Builtin::Read => {
                for arg in args {
                    self.report_code(&arg.holes, arg.at);
                    if let Some(variable) = arg.literal.as_deref().filter(|name| !name.starts_with('-')) {
                        let given = match self.name {
                            "getopts" => self.cx.all_values(),
                            _ => self.stdin.clone(),
                        };
                        self.cx.assign_reported(variable, &given, None, arg.at);
                    }
                }
            }
            Builtin::Set => {
                let holes = join_holes(args);
                if let Some(first) = args.first().filter(|arg| arg.literal.is_none() && arg.prefix.is_empty()) {
                    self.report_option(&first.holes.clone(), first.at);
                }
                self.cx.add_positional(&holes);
            }
            Builtin::Source => {
                let Some(file) = args.first() else { return };
                self.report_code(&file.holes, file.at);
                if let Some(name) = &file.literal {
                    let written = self.cx.file(name);
                    self.cx.report(&written, file.at, Reason::File(name.clone()));
                    if name == "/dev/stdin" {
                        let stdin = self.stdin.clone();
                        self.report_code(&stdin, file.at);
                    }
                }
                self.cx.add_positional(&join_holes(&args[1..]));
            }
            Builtin::Test => {
                let numeric = ["-eq", "-ne", "-lt", "-le", "-gt", "-ge"];
                let is_numeric = self.name == "[["
                    && args.iter().any(|a| a.literal.as_deref().is_some_and(|text| numeric.contains(&text)));
                let names = args.iter().any(|a| a.literal.as_deref() == Some("-v"));
                if is_numeric || names {
                    for arg in args {
                        self.cx.report(&arg.holes, arg.at, Reason::Arithmetic);
                    }
                }
            }
            Builtin::Unset => self.all_code(args),
        }
    }

    /// Arguments that are joined and read as a script.
    fn eval(&mut self, args: &[Argument], positional: &HoleSet) {
        self.all_code(args);
        let literals: Option<Vec<&str>> = args.iter().map(|arg| arg.literal.as_deref()).collect();
        match literals {
            Some(texts) => {
                self.cx.nested_script(&texts.join(" "), self.stdin, positional, self.at, self.name);
            }
            None => {
                // A text that nobody knows may name any variable.
                let values = self.cx.all_values();
                self.report_code(&values, self.at);
            }
        }
    }
}

fn join_holes(args: &[Argument]) -> HoleSet {
    let mut holes = HoleSet::default();
    args.iter().for_each(|arg| {
        holes.include(&arg.holes);
    });
    holes
}
