//! Editors with their documented set-up, where they are installed: each session sees a mistake, hovers, completes,
//! renames and formats.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

use std::{
    env, fs, io,
    path::Path,
    process::{Command, Output},
};

use cascade_tests::{binary::cascadec, programs::repository_root};

const FLOW: &str = r#"/// Greets somebody.
skill greet(name: string) -> string {
  run sh"printf 'hello, %s' $<nme>"
}

/// Greets whoever is named.
cascade main(name: string = "you") -> string {
  stage text = greet(name)
  return   text
}
"#;

/// What is seen after the line about the mode, which each editor words in its own way.
const SEEN: &str = r#"there is no value `nme`
hover: ```cascade skill greet(name: string) -> string ``` Greets somebody.
completion: text
text: 
/// Greets somebody.
skill greet(name: string) -> string {
  run sh"printf 'hello, %s' $<name>"
}

/// Greets whoever is named.
cascade main(person: string = "you") -> string {
  stage text = greet(person)
  return text
}
"#;

/// Starts an editor in a folder with the program, with `cascadec` on `PATH` and a home of its own, so that nothing of the
/// user's editor is read or written. `None` where it is not installed.
fn start(editor: &str, folder: &Path, args: &[&str]) -> Option<Output> {
    fs::write(folder.join("flow.cascade"), FLOW).unwrap();
    let home = folder.join("home");
    fs::create_dir_all(&home).unwrap();
    let programs = cascadec().as_ref().unwrap().parent().unwrap().to_owned();
    let path = env::var_os("PATH").unwrap();
    let path = env::join_paths([programs].into_iter().chain(env::split_paths(&path))).unwrap();
    let mut command = Command::new(editor);
    for variable in ["HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"] {
        command.env(variable, &home);
    }
    match command.args(args).env("PATH", path).current_dir(folder).output() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            eprintln!("{editor} is not installed: its set-up is not tried");
            None
        }
        output => Some(output.unwrap()),
    }
}

fn compare(output: &Output, mode: &str) {
    let said = String::from_utf8_lossy(&output.stdout).replace('\r', "");
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(said.trim_end(), format!("{mode}{SEEN}").trim_end(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn neovim() {
    let (root, folder) = (repository_root(), tempfile::tempdir().unwrap());
    let setup = format!("luafile {}", root.join("editors/neovim/cascade.lua").display());
    let session = format!("luafile {}", root.join("tests/editors/neovim/session.lua").display());
    let args = ["--headless", "-u", "NONE", "-i", "NONE", "-n", "--cmd", &setup, "flow.cascade", "-c", &session];
    if let Some(output) = start("nvim", folder.path(), &args) {
        compare(&output, "filetype: cascade, comments // %s\ndiagnostic: 3: ");
    }
}

#[test]
fn emacs() {
    let (root, folder) = (repository_root(), tempfile::tempdir().unwrap());
    let ready = ["--batch", "--eval", "(package-initialize)", "--eval", "(require 'eglot)"];
    let Some(output) = start("emacs", folder.path(), &ready) else { return };
    if !output.status.success() {
        eprintln!("this emacs has no eglot: its set-up is not tried");
        return;
    }
    // Exactly the lines of the page.
    let page = fs::read_to_string(root.join("docs/editors/emacs.md")).unwrap();
    let setup = page.split_once("```elisp\n").unwrap().1.split_once("```").unwrap().0;
    let init = folder.path().join("init.el");
    fs::write(&init, setup).unwrap();
    let session = root.join("tests/editors/emacs/session.el");
    let (init, session) = (init.to_string_lossy(), session.to_string_lossy());
    let args = ["--batch", "--eval", "(package-initialize)", "-l", &*init, "-l", &*session];
    let output = start("emacs", folder.path(), &args).unwrap();
    compare(&output, "mode: cascade-mode\ndiagnostic: cascade [E0201]: ");
}
