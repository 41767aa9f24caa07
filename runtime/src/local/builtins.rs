//! The built-in skills of the standard library: what a Cascade program cannot say by a command or a request
//! that works the same on every machine.
//!
//! This is the one door for such skills. A skill of the library names one by `builtin "files.read"`; its
//! parameters are the arguments, as JSON. To add one: an entry in [`SKILLS`], a function here, and a skill in
//! `stdlib/std/` with its documentation and a test.

use std::{
    fs,
    io::{self, Write},
    path::{Component, Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use cascade_ir::ErrorKind;
use serde_json::Value as Json;

use super::{
    files,
    mail::{self, Mail},
    sandboxes::Sandbox,
};
use crate::{
    failure::Raise,
    journal::now_ms,
    request::{Answer, BuiltinArg, BuiltinRequest, Output},
    value::{format_time, parse_time_as},
};

/// What a built-in skill does to the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    /// It only reads, or its second time changes nothing.
    Repeatable,
    /// Its second time would change something.
    Once,
}

type Function = fn(&Arguments<'_>) -> Result<Json, Error>;

/// The skills that need no waiting, by name.
const SKILLS: &[(&str, Effect, Function)] = &[
    ("files.read", Effect::Repeatable, read_file),
    ("files.write", Effect::Repeatable, write_file),
    ("files.append", Effect::Once, append_to_file),
    ("files.exists", Effect::Repeatable, file_exists),
    ("files.list", Effect::Repeatable, list_files),
    ("files.copy", Effect::Repeatable, copy_file),
    ("files.move", Effect::Once, move_file),
    ("files.remove", Effect::Repeatable, remove_file),
    ("files.make_folder", Effect::Repeatable, make_folder),
    ("files.temporary_folder", Effect::Once, make_temporary_folder),
    ("mail.send", Effect::Once, send_mail),
    ("time.now", Effect::Repeatable, tell_time),
    ("time.parse", Effect::Repeatable, parse_time),
    ("time.local_zone", Effect::Repeatable, tell_zone),
];

/// The skill that waits.
const WAIT: &str = "time.wait";

/// Whether a skill can be repeated when nothing is known of its outcome: it costs nothing and its second time
/// changes nothing.
pub(crate) fn is_harmless(name: &str) -> bool {
    name == WAIT || SKILLS.iter().any(|(known, effect, _)| *known == name && *effect == Effect::Repeatable)
}

/// Carries out a built-in skill. Paths are relative to the folder of the run, and in a sandbox they are in the copy.
pub(super) async fn carry_out(
    request: BuiltinRequest,
    folder: Option<PathBuf>,
    sandbox: Option<Arc<Sandbox>>,
) -> Answer {
    if request.name == WAIT {
        let arguments = Arguments { request: &request, folder: folder.as_deref(), sandbox: None };
        return match arguments.milliseconds("time") {
            Ok(ms) => {
                tokio::time::sleep(Duration::from_millis(ms)).await;
                Answer::ok(Output::Builtin(Json::Null))
            }
            Err(error) => error.into_answer(),
        };
    }
    let Some(function) = SKILLS.iter().find(|(known, ..)| *known == request.name).map(|(.., function)| *function)
    else {
        let message = format!("this version of Cascade has no built-in skill `{}`", request.name);
        return Answer::failed(ErrorKind::Denied, message);
    };
    let work = move || {
        let folder = folder.as_deref();
        let Some(sandbox) = sandbox else {
            let arguments = Arguments { request: &request, folder, sandbox: None };
            return function(&arguments).map(Output::Builtin);
        };
        let failed = |failure: Raise| Error { kind: failure.kind, message: failure.message };
        // Nothing else runs in it meanwhile, so that no link is put where a path was looked at.
        let mut entered = sandbox.enter().map_err(failed)?;
        let arguments = Arguments { request: &request, folder, sandbox: Some(&sandbox) };
        let output = Output::Builtin(function(&arguments)?);
        Ok(match entered.changes().map_err(failed)? {
            Some(patch) => Output::WithPatch(Box::new(output), patch.into()),
            None => output,
        })
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(output)) => Answer::ok(output),
        Ok(Err(error)) => error.into_answer(),
        Err(error) => Answer::failed(ErrorKind::Internal, format!("a built-in skill did not end: {error}")),
    }
}

/// Why a skill failed.
struct Error {
    kind: ErrorKind,
    message: String,
}

impl Error {
    fn new(message: String) -> Self {
        Self { kind: ErrorKind::Failed, message }
    }

    fn into_answer(self) -> Answer {
        Answer::failed(self.kind, self.message)
    }
}

/// The failure of an operation on a file; `what` says the operation.
fn file_error(what: &str, path: &str, error: &io::Error) -> Error {
    let kind = match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => ErrorKind::Denied,
        _ => ErrorKind::Failed,
    };
    Error { kind, message: format!("cannot {what} `{path}`: {error}") }
}

struct Arguments<'a> {
    request: &'a BuiltinRequest,
    folder: Option<&'a Path>,
    /// The sandbox in whose copy its paths are.
    sandbox: Option<&'a Sandbox>,
}

impl Arguments<'_> {
    fn value(&self, name: &str) -> Option<&Json> {
        let (_, arg) = self.request.args.iter().find(|(known, _)| known == name)?;
        match arg {
            BuiltinArg::Value(json) => Some(json),
            BuiltinArg::Secret(_) => None,
        }
    }

    fn text(&self, name: &str) -> Result<&str, Error> {
        self.value(name).and_then(Json::as_str).ok_or_else(|| self.missing_argument(name))
    }

    /// A secret; nothing where the skill has no such argument.
    fn secret(&self, name: &str) -> Option<&str> {
        self.request.args.iter().find(|(known, _)| known == name).and_then(|(_, arg)| match arg {
            BuiltinArg::Secret(secret) => Some(secret.text.as_str()),
            BuiltinArg::Value(_) => None,
        })
    }

    fn texts<'j>(&self, value: &'j Json, name: &str) -> Result<Vec<&'j str>, Error> {
        let list = value.get(name).and_then(Json::as_array).ok_or_else(|| self.missing_argument(name))?;
        list.iter().map(|text| text.as_str().ok_or_else(|| self.missing_argument(name))).collect()
    }

    fn flag(&self, name: &str) -> bool {
        self.value(name).and_then(Json::as_bool).unwrap_or(false)
    }

    fn milliseconds(&self, name: &str) -> Result<u64, Error> {
        let text = self.text(name)?;
        let ms = crate::value::parse_duration(text).ok_or_else(|| self.missing_argument(name))?;
        Ok(ms.max(0).unsigned_abs())
    }

    fn missing_argument(&self, name: &str) -> Error {
        Error {
            kind: ErrorKind::Internal,
            message: format!("the built-in skill `{}` was not given its `{name}`", self.request.name),
        }
    }

    /// A path as written, and where it is.
    fn path(&self, name: &str) -> Result<(&str, PathBuf), Error> {
        let text = self.text(name)?;
        if text.is_empty() || text.contains('\0') {
            return Err(Error::new(format!("`{text}` is no path")));
        }
        let path = match self.sandbox {
            Some(sandbox) => {
                let placed = sandbox.place_without_links(text);
                placed.map_err(|failure| Error { kind: failure.kind, message: failure.message })?
            }
            None => self.folder.map_or_else(|| PathBuf::from(text), |folder| folder.join(text)),
        };
        Ok((text, path))
    }
}

fn read_file(arguments: &Arguments<'_>) -> Result<Json, Error> {
    let (shown, path) = arguments.path("file")?;
    let bytes = fs::read(&path).map_err(|error| file_error("read", shown, &error))?;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Json::from(text)),
        Err(error) => Err(Error {
            kind: ErrorKind::InvalidOutput,
            message: format!("`{shown}` is no UTF-8 text: byte {} cannot be read", error.valid_up_to()),
        }),
    }
}

/// Writes a file as a whole: whoever reads it sees the old content or the new, never a part.
fn write_file(arguments: &Arguments<'_>) -> Result<Json, Error> {
    let (shown, path) = arguments.path("file")?;
    let text = arguments.text("text")?;
    write_atomically(&path, text.as_bytes()).map_err(|error| file_error("write", shown, &error))?;
    Ok(Json::Null)
}

fn write_atomically(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    // A link stays a link: what it names is written.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = target.parent().unwrap_or(folder);
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(content)?;
    let permissions = match fs::metadata(&target) {
        Ok(metadata) => Some(metadata.permissions()),
        Err(_) => default_permissions(),
    };
    if let Some(permissions) = permissions {
        file.as_file().set_permissions(permissions)?;
    }
    file.as_file().sync_all()?;
    file.persist(&target).map_err(|error| error.error)?;
    Ok(())
}

/// The permissions of a new file: temporary ones can be read by their owner only.
#[cfg(unix)]
fn default_permissions() -> Option<fs::Permissions> {
    use std::os::unix::fs::PermissionsExt;
    Some(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn default_permissions() -> Option<fs::Permissions> {
    None
}

/// Makes the folder of a file, with those above it.
fn make_folder_of(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)
}

fn append_to_file(arguments: &Arguments<'_>) -> Result<Json, Error> {
    let (shown, path) = arguments.path("file")?;
    let text = arguments.text("text")?;
    let append = || {
        make_folder_of(&path)?;
        // One write: lines of several runs do not mix.
        fs::File::options().create(true).append(true).open(&path)?.write_all(text.as_bytes())
    };
    append().map_err(|error| file_error("append to", shown, &error))?;
    Ok(Json::Null)
}

fn file_exists(arguments: &Arguments<'_>) -> Result<Json, Error> {
    let (shown, path) = arguments.path("file")?;
    path.try_exists().map(Json::from).map_err(|error| file_error("look for", shown, &error))
}

fn list_files(arguments: &Arguments<'_>) -> Result<Json, Error> {
    let (shown, folder) = arguments.path("folder")?;
    let pattern = arguments.text("pattern")?;
    if !folder.is_dir() {
        return Err(Error::new(format!("there is no folder `{shown}`")));
    }
    let found = files::find_files(pattern, &folder, arguments.flag("ignored")).map_err(Error::new)?;
    Ok(Json::from(found.iter().map(|path| path.to_string_lossy().into_owned()).collect::<Vec<_>>()))
}

fn copy_file(arguments: &Arguments<'_>) -> Result<Json, Error> {
    let ((shown, from), (_, to)) = (arguments.path("from")?, arguments.path("to")?);
    let copy = |from: &Path, to: &Path| {
        if arguments.sandbox.is_some() && fs::symlink_metadata(from)?.file_type().is_symlink() {
            // It may lead out of the copy.
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it is a link in a sandbox"));
        }
        make_folder_of(to)?;
        fs::copy(from, to).map(|_| ())
    };
    let copied = if from.is_dir() { copy_folder(&from, &to, &copy) } else { copy(&from, &to) };
    copied.map_err(|error| file_error("copy", shown, &error))?;
    Ok(Json::Null)
}

fn copy_folder(from: &Path, to: &Path, copy: &dyn Fn(&Path, &Path) -> io::Result<()>) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target, copy)?;
        } else {
            copy(&entry.path(), &target)?;
        }
    }
    Ok(())
}

fn move_file(arguments: &Arguments<'_>) -> Result<Json, Error> {
    let ((shown, from), (_, to)) = (arguments.path("from")?, arguments.path("to")?);
    let moved = || {
        make_folder_of(&to)?;
        fs::rename(&from, &to)
    };
    moved().map_err(|error| file_error("move", shown, &error))?;
    Ok(Json::Null)
}

fn remove_file(arguments: &Arguments<'_>) -> Result<Json, Error> {
    let (shown, path) = arguments.path("file")?;
    // The folder of the run itself, and what is above it, is never meant.
    let climbs = Path::new(shown).components().all(|part| !matches!(part, Component::Normal(_)));
    if climbs {
        return Err(Error { kind: ErrorKind::Denied, message: format!("`{shown}` is not removed") });
    }
    let removed = match fs::symlink_metadata(&path) {
        Ok(metadata) if metadata.is_dir() && arguments.flag("folders") => fs::remove_dir_all(&path),
        Ok(metadata) if metadata.is_dir() => {
            return Err(Error::new(format!("`{shown}` is a folder; `remove(\"{shown}\", folders: true)` removes it")));
        }
        Ok(_) => fs::remove_file(&path),
        // What is not there is removed already.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    };
    removed.map_err(|error| file_error("remove", shown, &error))?;
    Ok(Json::Null)
}

fn make_folder(arguments: &Arguments<'_>) -> Result<Json, Error> {
    let (shown, path) = arguments.path("folder")?;
    fs::create_dir_all(&path).map_err(|error| file_error("make", shown, &error))?;
    Ok(Json::Null)
}

fn make_temporary_folder(_: &Arguments<'_>) -> Result<Json, Error> {
    let made = tempfile::Builder::new().prefix("cascade-").tempdir();
    let folder =
        made.map_err(|error| file_error("make a folder in", &std::env::temp_dir().to_string_lossy(), &error))?;
    // It belongs to the run, which may go on in another process.
    Ok(Json::from(folder.keep().to_string_lossy()))
}

fn tell_time(_: &Arguments<'_>) -> Result<Json, Error> {
    Ok(Json::from(format_time(now_ms())))
}

fn parse_time(arguments: &Arguments<'_>) -> Result<Json, Error> {
    let (text, pattern, zone) = (arguments.text("text")?, arguments.text("pattern")?, arguments.text("zone")?);
    match parse_time_as(text, pattern, zone) {
        Ok(ms) => Ok(Json::from(format_time(ms))),
        Err(message) => Err(Error { kind: ErrorKind::InvalidOutput, message }),
    }
}

fn tell_zone(_: &Arguments<'_>) -> Result<Json, Error> {
    let zone = jiff::tz::TimeZone::system();
    match zone.iana_name() {
        Some(name) => Ok(Json::from(name)),
        None => Err(Error::new("the zone of this machine has no name; set `TZ`, such as `Europe/Berlin`".to_owned())),
    }
}

fn send_mail(arguments: &Arguments<'_>) -> Result<Json, Error> {
    if arguments.sandbox.is_some() {
        let message = "no mail is sent from a sandbox; send it after the sandbox".to_owned();
        return Err(Error { kind: ErrorKind::Denied, message });
    }
    let mail = arguments.value("mail").ok_or_else(|| arguments.missing_argument("mail"))?;
    let text = |name: &str| mail.get(name).and_then(Json::as_str).ok_or_else(|| arguments.missing_argument(name));
    let mut files = Vec::new();
    for file in arguments.texts(mail, "files")? {
        let path = arguments.folder.map_or_else(|| PathBuf::from(file), |folder| folder.join(file));
        let name = path.file_name().map_or_else(|| file.to_owned(), |name| name.to_string_lossy().into_owned());
        files.push((name, path));
    }
    let sent = mail::send_mail(&Mail {
        server: arguments.text("server")?,
        password: arguments.secret("password"),
        from: text("from")?,
        to: arguments.texts(mail, "to")?,
        subject: text("subject")?,
        text: text("text")?,
        files,
    });
    sent.map(|()| Json::Null).map_err(|not_sent| Error { kind: not_sent.kind, message: not_sent.message })
}
