//! `cascadec schema` and `cascadec import`: types of the language as JSON Schema, and back.

use std::path::{Path, PathBuf};

use cascade_compiler::import;
use cascade_grammar::ast::{File, ItemKind};
use cascade_runtime::schema::schema_of_type;

use crate::{
    args::{ImportArgs, SchemaArgs},
    commands::{print_text, write_file},
    error::Stop,
    files,
    projects::Projects,
};

/// `cascadec schema`.
pub fn run_schema(args: &SchemaArgs, color: bool) -> Result<u8, Stop> {
    let file = match &args.file {
        Some(file) => file.clone(),
        None => find_declaring_file(&args.ty)?,
    };
    let program = files::load_program(&file, color, true)?;
    let Some(index) = program.types.iter().position(|def| def.name == args.ty) else {
        let mut names: Vec<String> = program.types.iter().map(|def| format!("`{}`", def.name)).collect();
        names.sort();
        return Err(Stop::usage_help(
            format!("`{}` has no type `{}`", program.name, args.ty),
            format!("it knows {}", names.join(", ")),
        ));
    };
    let id = cascade_ir::TypeId(u32::try_from(index).unwrap_or(u32::MAX));
    let text = serde_json::to_string_pretty(&schema_of_type(&program, id)).unwrap_or_default() + "\n";
    match &args.output {
        Some(path) => write_file(path, &text)?,
        None => print_text(&text)?,
    }
    Ok(0)
}

/// The file of the project that declares a type.
fn find_declaring_file(name: &str) -> Result<PathBuf, Stop> {
    let all = files::expand_paths(&[], &mut Projects::default())?.files;
    let mut found = Vec::new();
    for file in all {
        let (_, text) = files::read_source(&file)?;
        // A file without the word need not be read as a program.
        if text.contains(name) && has_declaration(&cascade_grammar::parse(&text).file, name) {
            found.push(file);
        }
    }
    match found.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(Stop::usage_help(
            format!("no file of this project declares a type `{name}`"),
            format!("name the file that knows it: `cascadec schema {name} FILE`"),
        )),
        several => {
            let names: Vec<String> = several.iter().map(|file| format!("`{}`", file.display())).collect();
            Err(Stop::usage_help(
                format!("several files declare a type `{name}`: {}", names.join(", ")),
                format!("say which: `cascadec schema {name} FILE`"),
            ))
        }
    }
}

fn has_declaration(file: &File, name: &str) -> bool {
    file.items.iter().any(|item| match &item.kind {
        ItemKind::Type(decl) => decl.name.text == name,
        ItemKind::Alias(decl) => decl.name.text == name,
        ItemKind::Enum(decl) => decl.name.text == name,
        _ => false,
    })
}

/// `cascadec import`.
pub fn run_import(args: &ImportArgs, color: bool) -> Result<u8, Stop> {
    let (name, text) = files::read_source(&args.file)?;
    let schema: serde_json::Value =
        serde_json::from_str(&text).map_err(|e| Stop::usage(format!("`{name}` is not JSON: {e}")))?;
    if !schema.is_object() && !schema.is_boolean() {
        return Err(Stop::usage_help(
            format!("`{name}` is not a JSON Schema"),
            "a schema is a JSON object such as { \"type\": \"object\", \"properties\": … }",
        ));
    }
    let stem = args.file.file_stem().map(|stem| stem.to_string_lossy().replace(".schema", "")).unwrap_or_default();
    let root = args.name.clone().unwrap_or_else(|| if stem == "-" { "Root".to_owned() } else { stem });
    let imported = import::import_types(&schema, &root);
    let head = format!("//! Written by `cascadec import` from {}.\n", source_name(&args.file));
    let text = if imported.text.is_empty() { head } else { format!("{head}\n{}", imported.text) };
    match &args.output {
        Some(path) => write_file(path, &text)?,
        None => print_text(&text)?,
    }
    let (yellow, end) = if color { ("\x1b[1;33m", "\x1b[0m") } else { ("", "") };
    for lost in &imported.lost {
        eprintln!("{yellow}warning{end}: {}: cannot be expressed: {}", lost.place, lost.what);
    }
    Ok(0)
}

fn source_name(file: &Path) -> String {
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if name == "-" { "standard input".to_owned() } else { format!("`{name}`") }
}
