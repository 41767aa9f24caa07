//! Commits the change of a copy to a branch of the user's repository, from outside.

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use super::{
    Change, Content, Kind, Result, Tree, TreeError, error_at,
    repository::{Repository, git_command, output_of},
};

/// Commits the changes on a new branch, on top of the commit that is checked out. Neither the files of the user nor the
/// index are touched. A branch that an earlier process made for the same changes is taken as it is.
///
/// # Errors
/// `Git` when there is no repository or no commit, or the branch exists with something else; `Conflict` when the change
/// builds on edits that are not committed.
pub fn commit_on_branch(tree: &Tree, changes: &[Change], branch: &str, message: &str, seconds: i64) -> Result<()> {
    let source = tree.source();
    let Some(repository) = Repository::of(source)? else {
        return Err(TreeError::Git(format!(
            "`{}` is in no git repository: there is no branch to make",
            source.display()
        )));
    };
    let top = &repository.top;
    let reference = format!("refs/heads/{branch}");
    output_of(git_command(top).args(["check-ref-format", "--branch", branch]))
        .map_err(|_| TreeError::Git(format!("`{branch}` is no name for a branch")))?;
    let head = lossy_text(
        output_of(git_command(top).args(["rev-parse", "--verify", "-q", "HEAD^{commit}"]))
            .map_err(|_| TreeError::Git("the repository has no commit to put a branch on".to_owned()))?,
    );
    let prefix = source.strip_prefix(top).unwrap_or(Path::new(""));
    let steps = tree.merge(changes, |path| committed_file(top, &head, &prefix.join(path)))?;
    // An index of its own, outside of the repository.
    let index = tree.root.join("branch.index");
    let with_index = |command: &mut Command| {
        command.env("GIT_INDEX_FILE", &index);
    };
    let mut read = git_command(top);
    with_index(read.args(["read-tree", &head]));
    output_of(&mut read)?;
    let mut update = git_command(top);
    with_index(update.args(["update-index", "-z", "--index-info"]));
    let mut lines = Vec::new();
    for step in steps {
        let path = prefix.join(&step.path);
        let (mode, object) = match &step.new {
            Some(content) => (mode_of(content.kind), write_object(top, content)?),
            None => ("0", "0".repeat(head.len())),
        };
        lines.extend_from_slice(format!("{mode} {object}\t{}\0", path.display()).as_bytes());
    }
    output_with_input(&mut update, &lines)?;
    let mut write = git_command(top);
    with_index(write.arg("write-tree"));
    let written = lossy_text(output_of(&mut write)?);
    fs::remove_file(&index).map_err(error_at(&index))?;
    // The same commit each time: a run that is killed here makes it again.
    let mut commit = git_command(top);
    let date = format!("@{seconds} +0000");
    commit.args(["-c", "commit.gpgSign=false", "commit-tree", &written, "-p", &head, "-m", message]);
    commit.env("GIT_AUTHOR_DATE", &date).env("GIT_COMMITTER_DATE", &date);
    let has_name = git_command(top).args(["config", "user.email"]).output().is_ok_and(|found| found.status.success());
    if !has_name {
        for (name, value) in [("NAME", "Cascade"), ("EMAIL", "cascade@localhost")] {
            commit.env(format!("GIT_AUTHOR_{name}"), value).env(format!("GIT_COMMITTER_{name}"), value);
        }
    }
    let commit = lossy_text(output_of(&mut commit)?);
    // A branch with the same files on the same commit is that of an earlier process.
    let existing = output_of(git_command(top).args([
        "rev-parse",
        "-q",
        &format!("{reference}^{{tree}}"),
        &format!("{reference}^"),
    ]));
    if existing.is_ok_and(|existing| lossy_text(existing) == format!("{written}\n{head}")) {
        return Ok(());
    }
    let none = "0".repeat(commit.len());
    output_of(git_command(top).args(["update-ref", &reference, &commit, &none]))
        .map(drop)
        .map_err(|_| TreeError::Git(format!("there is a branch `{branch}` already")))
}

fn lossy_text(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).trim().to_owned()
}

fn mode_of(kind: Kind) -> &'static str {
    match kind {
        Kind::File => "100644",
        Kind::Executable => "100755",
        Kind::Link => "120000",
    }
}

/// A file of a commit.
fn committed_file(top: &Path, commit: &str, path: &Path) -> Result<Option<Content>> {
    let listed = output_of(git_command(top).args(["ls-tree", "-z", commit, "--"]).arg(path))?;
    let listed = String::from_utf8_lossy(&listed).into_owned();
    let mut words = listed.split(['\t', '\0']).next().unwrap_or_default().split(' ');
    let (Some(mode), Some("blob"), Some(object)) = (words.next(), words.next(), words.next()) else {
        return Ok(None);
    };
    let kind = match mode {
        "100755" => Kind::Executable,
        "120000" => Kind::Link,
        _ => Kind::File,
    };
    Ok(Some(Content { kind, bytes: output_of(git_command(top).args(["cat-file", "blob", object]))? }))
}

/// Writes an object with exactly these bytes.
fn write_object(top: &Path, content: &Content) -> Result<String> {
    let mut command = git_command(top);
    command.args(["hash-object", "-w", "--stdin", "--no-filters"]);
    output_with_input(&mut command, &content.bytes).map(lossy_text)
}

fn output_with_input(command: &mut Command, input: &[u8]) -> Result<Vec<u8>> {
    let failed = |error: std::io::Error| TreeError::Git(format!("git cannot be used: {error}"));
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(failed)?;
    // It reads all of its input before it writes more than a line.
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input).map_err(failed)?;
    }
    let output = child.wait_with_output().map_err(failed)?;
    match output.status.success() {
        true => Ok(output.stdout),
        false => Err(TreeError::Git(format!("git failed: {}", String::from_utf8_lossy(&output.stderr).trim()))),
    }
}
