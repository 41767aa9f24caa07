//! Which files models take and give, by the provider that they are asked through.

use cascade_ir::{ArtifactKind, Model, Program, Type, TypeDefKind};

use crate::request::Attachment;

/// Whether a provider takes files of a media type: as text, or as a file of its API.
pub fn is_accepted(provider: &str, media: &str) -> bool {
    const TEXTS: [&str; 2] = ["text/plain", "image/svg+xml"];
    let usual = matches!(media, "image/png" | "image/jpeg" | "image/webp" | "application/pdf");
    TEXTS.contains(&media)
        || match provider {
            "anthropic" | "openai" => usual || media == "image/gif",
            "openai_compatible" => usual || matches!(media, "image/gif" | "audio/wav" | "audio/mpeg"),
            "google" => usual || media == "image/heic" || media.starts_with("audio/") || media.starts_with("video/"),
            // An agent is given text, and reads other files itself.
            _ => false,
        }
}

/// Whether a provider gives files of a kind as answers.
pub fn is_given(provider: &str, kind: ArtifactKind) -> bool {
    kind == ArtifactKind::Image && matches!(provider, "google" | "openai")
}

/// Why a model cannot be asked with these files, or for a file of this kind. `None`: it can.
pub(crate) fn find_obstacle(
    model: &Model,
    for_agent: bool,
    files: &[Attachment],
    wanted: Option<ArtifactKind>,
) -> Option<String> {
    let provider = if for_agent { "agent" } else { model.provider.as_str() };
    if let Some(kind) = wanted.filter(|kind| !is_given(provider, *kind)) {
        let kind = kind_name(kind);
        return Some(format!("`{}` gives no {kind}: the provider `{provider}` has none", model.name));
    }
    let refused = files.iter().find(|file| !is_accepted(provider, &file.media))?;
    let media = match refused.media.as_str() {
        "application/octet-stream" => "neither text nor of a known format",
        media => media,
    };
    Some(format!("`{}` ({media}) cannot be sent to `{}` (provider `{provider}`)", refused.path, model.name))
}

fn kind_name(kind: ArtifactKind) -> &'static str {
    match kind {
        ArtifactKind::File => "files",
        ArtifactKind::Image => "images",
        ArtifactKind::Audio => "audio",
        ArtifactKind::Video => "videos",
    }
}

/// The kind of the file that an answer of this type is, if it is one.
pub(crate) fn wanted_file(program: &Program, ty: &Type) -> Option<ArtifactKind> {
    match ty {
        Type::Artifact(kind) => Some(*kind),
        Type::Optional(inner) | Type::Refined(inner, _) => wanted_file(program, inner),
        Type::Named(id) => match program.types.get(id.index()).map(|def| &def.kind) {
            Some(TypeDefKind::Alias(inner)) => wanted_file(program, inner),
            _ => None,
        },
        _ => None,
    }
}
