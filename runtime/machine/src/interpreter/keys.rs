//! Names of effects that outlive a run, and edits of the program: hashes.

use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
};

use cascade_ir::{Model, ModelId, Param, Rendering};
use sha2::{Digest, Sha256};
use smol_str::SmolStr;

use crate::{
    key_parts::{KeyParts, KeyVersion},
    project_key::ProjectKey,
    request::{Attachment, PersonRequest},
    value::{Arg, Value, to_json},
};

/// A digest of named parts.
#[derive(Default)]
struct PartsHasher(Sha256);

impl PartsHasher {
    fn part(&mut self, name: &str, content: &[u8]) {
        for bytes in [name.as_bytes(), content] {
            self.0.update((bytes.len() as u64).to_le_bytes());
            self.0.update(bytes);
        }
    }

    fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

/// A hash of what makes a model another one.
pub(super) fn model_digest(version: KeyVersion, model: &Model) -> [u8; 32] {
    let base_url = model.base_url.as_deref().unwrap_or_default();
    if version < KeyVersion::V2 {
        let mut hash = Sha256::new();
        for part in [model.provider.as_str(), &model.id, base_url] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
        return hash.finalize().into();
    }
    let mut hash = PartsHasher::default();
    hash.part("provider", model.provider.as_bytes());
    hash.part("id", model.id.as_bytes());
    if !base_url.is_empty() {
        hash.part("base_url", base_url.as_bytes());
    }
    // How values are written into the prompt is part of what the model is asked.
    if let (true, Ok(rendering)) = (model.prefers != Rendering::default(), serde_json::to_vec(&model.prefers)) {
        hash.part("prefers", &rendering);
    }
    hash.finish()
}

/// The digest of a part of a key.
#[derive(Debug, Clone, Copy)]
pub(super) struct PartDigest {
    /// Of the content of the part.
    content: [u8; 32],
    /// As it is recorded: keyed, where the scheme is.
    recorded: [u8; 32],
}

/// What the key of an effect is made of.
pub(super) struct KeySource<'a> {
    /// Of the compiled skill.
    pub(super) digest: PartDigest,
    pub(super) params: &'a [Param],
    pub(super) args: &'a [Value],
    /// The model that is asked.
    pub(super) model: Option<(ModelId, &'a Model)>,
    /// The models that the stage names, by itself or by a route, in the order of preference.
    pub(super) candidates: &'a [(ModelId, &'a Model)],
    pub(super) attached: &'a [Attachment],
    /// Of what was said before in a conversation, or of the call of a tool in it.
    pub(super) conversation: Option<[u8; 32]>,
    /// Where a program runs, or an agent works.
    pub(super) place: Option<KeyPlace<'a>>,
}

/// The place of an effect as a part of its key.
#[derive(Clone, Copy)]
pub(super) struct KeyPlace<'a> {
    /// The directory of the run.
    pub(super) folder: &'a str,
    /// The directory of the effect, relative to it.
    pub(super) directory: Option<&'a str>,
    /// The declared variables.
    pub(super) env: &'a [(SmolStr, Option<Arg>)],
}

/// How the keys of a run are made.
#[derive(Clone, Debug, Default)]
pub(super) struct KeyScheme {
    version: KeyVersion,
    /// The key of the project, where the run has one.
    project: Option<ProjectKey>,
    /// The directory of the run and its digest, which is a part of most keys.
    folder: Option<(String, PartDigest)>,
    /// The digests of the program's models, each computed when it is first needed.
    models: Vec<OnceLock<PartDigest>>,
}

impl KeyScheme {
    /// The scheme of a version. Version 3 without the key of a project is version 2.
    pub(super) fn new(version: KeyVersion, project: Option<&ProjectKey>) -> Self {
        let version = if project.is_none() { version.min(KeyVersion::V2) } else { version };
        Self { version, project: project.cloned(), folder: None, models: Vec::new() }
    }

    /// The same for a run in a directory, whose digest is computed once.
    pub(super) fn in_folder(mut self, folder: &str) -> Self {
        self.folder = Some((folder.to_owned(), self.folder_digest(Path::new(folder))));
        self
    }

    /// The same for a program with so many models, whose digests are each computed once.
    pub(super) fn for_models(mut self, count: usize) -> Self {
        self.models.resize_with(count, OnceLock::new);
        self
    }

    /// The digest of a model as a part of a key.
    fn model_part(&self, id: ModelId, model: &Model) -> PartDigest {
        let compute = || self.part_digest("model", model_digest(KeyVersion::V2, model));
        self.models.get(id.index()).map_or_else(compute, |known| *known.get_or_init(compute))
    }

    fn folder_digest(&self, folder: &Path) -> PartDigest {
        match &self.folder {
            // Paths that mean the same may be written differently, and then they are different parts.
            Some((known, digest)) if Path::new(known).as_os_str() == folder.as_os_str() => *digest,
            _ => self.part_digest("folder", Sha256::digest(folder.to_string_lossy().as_bytes()).into()),
        }
    }

    /// The digest of a part of a key whose content has this digest.
    pub(super) fn part_digest(&self, name: &str, content: [u8; 32]) -> PartDigest {
        let recorded = match &self.project {
            // Only the beginning of a digest is recorded, and so it was when it was not keyed.
            Some(project) if self.version >= KeyVersion::V3 => project.digest(name, &content[..8]),
            _ => content,
        };
        PartDigest { content, recorded }
    }

    pub(super) fn version(&self) -> KeyVersion {
        self.version
    }

    /// A key of version 2 as one of this scheme.
    fn keyed(&self, key: String) -> String {
        match (&self.project, self.version) {
            (Some(project), KeyVersion::V3 | KeyVersion::V4) => {
                let prefix = match self.version {
                    KeyVersion::V3 => KeyVersion::V3_PREFIX,
                    _ => KeyVersion::V4_PREFIX,
                };
                prefixed_hex(prefix, &project.digest("key", key.as_bytes()))
            }
            _ => key,
        }
    }

    /// The key of an effect of the run itself, such as the opening of a sandbox.
    pub(super) fn own_effect_key(&self, name: &str, texts: &[String]) -> (String, KeyParts) {
        let mut hash = PartsHasher::default();
        texts.iter().for_each(|text| hash.part("text", text.as_bytes()));
        let digest = hash.finish();
        let mut parts = KeyParts::default();
        parts.push(name, &self.part_digest(name, digest).recorded);
        (self.keyed(prefixed_hex(KeyVersion::V2_PREFIX, &digest)), parts)
    }

    /// The key of an effect's answer, and what it is made of.
    pub(super) fn effect_key(&self, source: &KeySource<'_>) -> (String, KeyParts) {
        match self.version {
            KeyVersion::V0 => (effect_key_v0(source), KeyParts::default()),
            KeyVersion::V1 => effect_key_v1(source),
            KeyVersion::V2 | KeyVersion::V3 | KeyVersion::V4 => {
                let (key, parts) = self.effect_key_v2(source);
                (self.keyed(key), parts)
            }
        }
    }

    fn effect_key_v2(&self, source: &KeySource<'_>) -> (String, KeyParts) {
        let KeySource { digest, params, args, model, candidates, attached, conversation, place } = source;
        let (mut hash, mut parts) = (PartsHasher::default(), KeyParts::default());
        let mut push = |name: &str, digest: PartDigest| {
            hash.part(name, &digest.content);
            parts.push(name, &digest.recorded);
        };
        push("skill", *digest);
        for (i, arg) in args.iter().enumerate() {
            let name = params.get(i).map_or_else(|| format!("input.{i}"), |param| format!("input.{}", param.name));
            push(&name, self.part_digest(&name, value_digest(KeyVersion::V2, arg)));
        }
        if let Some((id, model)) = model {
            push("model", self.model_part(*id, model));
        }
        // What a single model means is said by the part above.
        if candidates.len() > 1 {
            let mut all = PartsHasher::default();
            for (id, model) in *candidates {
                all.part("model", &self.model_part(*id, model).content);
            }
            push("candidates", self.part_digest("candidates", all.finish()));
        }
        if !attached.is_empty() {
            push("attached", self.part_digest("attached", attached_digest(attached)));
        }
        if let Some(conversation) = conversation {
            push("conversation", self.part_digest("conversation", *conversation));
        }
        if let Some(KeyPlace { folder, directory, env }) = place {
            let directory = match directory {
                Some(directory) => Path::new(folder).join(directory),
                None => PathBuf::from(folder),
            };
            push("folder", self.folder_digest(&directory));
            if !env.is_empty() {
                push("environment", self.part_digest("environment", environment_digest(env)));
            }
        }
        (prefixed_hex(KeyVersion::V2_PREFIX, &hash.finish()), parts)
    }
}

fn prefixed_hex(prefix: &str, digest: &[u8]) -> String {
    let mut text = String::with_capacity(prefix.len() + 2 * digest.len());
    text.push_str(prefix);
    push_hex(&mut text, digest);
    text
}

/// Declared variables by name and value; of a secret only that it is one.
fn environment_digest(env: &[(SmolStr, Option<Arg>)]) -> [u8; 32] {
    let mut hash = PartsHasher::default();
    for (name, value) in env {
        match value {
            Some(value) if value.secret => hash.part(name, b"secret"),
            Some(value) => hash.part(name, format!("={}", value.text).as_bytes()),
            None => hash.part(name, b"removed"),
        }
    }
    hash.finish()
}

fn effect_key_v0(source: &KeySource<'_>) -> String {
    let mut hash = Sha256::new();
    hash.update(source.digest.content);
    for arg in source.args {
        hash_value(KeyVersion::V0, arg, &mut hash);
    }
    if let Some((_, model)) = source.model {
        for part in [model.provider.as_str(), &model.id, model.base_url.as_deref().unwrap_or_default()] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
    }
    for file in source.attached {
        hash.update(file.path.as_bytes());
        hash.update(file.hash.as_bytes());
    }
    to_hex(&hash.finalize())
}

fn effect_key_v1(source: &KeySource<'_>) -> (String, KeyParts) {
    let mut hash = Sha256::new();
    let mut parts = KeyParts::default();
    parts.push("skill", &source.digest.content);
    hash.update(source.digest.content);
    let model = source.model.map(|(_, model)| model_digest(KeyVersion::V1, model));
    if let Some(model) = &model {
        parts.push("model", model);
    }
    for (i, arg) in source.args.iter().enumerate() {
        let one = value_digest(KeyVersion::V1, arg);
        parts.push(format!("input.{i}"), &one);
        hash.update(one);
    }
    if let Some(model) = &model {
        hash.update(model);
    }
    if !source.attached.is_empty() {
        let one = attached_digest(source.attached);
        parts.push("attached", &one);
        hash.update(one);
    }
    (to_hex(&hash.finalize()), parts)
}

fn attached_digest(attached: &[Attachment]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for file in attached {
        hash.update((file.path.len() as u64).to_le_bytes());
        hash.update(file.path.as_bytes());
        hash.update(file.hash.as_bytes());
    }
    hash.finalize().into()
}

fn value_digest(version: KeyVersion, value: &Value) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash_value(version, value, &mut hash);
    hash.finalize().into()
}

/// The key of a question.
pub(super) fn question_key(scheme: &KeyScheme, question: &PersonRequest) -> String {
    if scheme.version() >= KeyVersion::V2 {
        let mut hash = PartsHasher::default();
        hash.part("kind", question.kind.as_bytes());
        hash.part("question", question.question.as_bytes());
        for option in &question.options {
            hash.part("option", option.as_bytes());
        }
        return scheme.keyed(format!("{}{}", KeyVersion::V2_PREFIX, to_hex(&hash.finish())));
    }
    let mut hash = Sha256::new();
    hash.update(question.kind.as_bytes());
    hash.update(question.question.as_bytes());
    for option in &question.options {
        hash.update([0]);
        hash.update(option.as_bytes());
    }
    to_hex(&hash.finalize())
}

/// The same for all attempts to get one answer in a run, different between runs, and when an
/// edit makes it another question.
pub(super) fn idempotency_key(version: KeyVersion, run: &str, path: &str, key: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(run.as_bytes());
    hash.update([0]);
    hash.update(path.as_bytes());
    if version != KeyVersion::V0 {
        hash.update([0]);
        hash.update(key.as_bytes());
    }
    let mut text = to_hex(&hash.finalize());
    text.truncate(32);
    text
}

/// Values by kind and content. Of a secret it counts only that there is one: secrets are renewed, and
/// a hash of a short one would give it away. Version 1 counted its text.
fn hash_value(version: KeyVersion, value: &Value, hash: &mut Sha256) {
    hash.update(value.kind().as_bytes());
    match value {
        Value::List(items) => {
            hash.update((items.len() as u64).to_le_bytes());
            for item in items.iter() {
                hash_value(version, item, hash);
            }
        }
        Value::Map(_) | Value::Record(_) | Value::Variant(_) => {
            if let Value::Variant(v) = value {
                hash.update(v.name.as_bytes());
            }
            for (name, item) in value.entries().into_iter().flatten() {
                hash.update((name.len() as u64).to_le_bytes());
                hash.update(name.as_bytes());
                hash_value(version, item, hash);
            }
            hash.update(b"}");
        }
        Value::Secret(_) if version >= KeyVersion::V2 => {}
        Value::Secret(secret) => hash.update(Sha256::digest(secret.reveal().as_bytes())),
        Value::Command(command) => {
            for arg in command.argv() {
                if arg.secret && version >= KeyVersion::V2 {
                    hash.update(u64::MAX.to_le_bytes());
                    continue;
                }
                hash.update((arg.text.len() as u64).to_le_bytes());
                hash.update(arg.text.as_bytes());
            }
        }
        Value::Str(text) => {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text.as_bytes());
        }
        other => hash.update(to_json(other).to_string().as_bytes()),
    }
}

/// Lower case hex.
pub fn to_hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    push_hex(&mut text, bytes);
    text
}

/// Appends bytes in hex to a text. Every effect has several digests in hex, so whole pieces are appended and not single
/// characters.
pub(crate) fn push_hex(text: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut piece = [0; 64];
    for bytes in bytes.chunks(piece.len() / 2) {
        for (digits, byte) in piece.chunks_exact_mut(2).zip(bytes) {
            digits[0] = DIGITS[usize::from(byte >> 4)];
            digits[1] = DIGITS[usize::from(byte & 15)];
        }
        // The digits are ASCII.
        text.push_str(std::str::from_utf8(&piece[..2 * bytes.len()]).unwrap_or_default());
    }
}
