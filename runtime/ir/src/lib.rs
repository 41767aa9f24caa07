//! The instruction tree that the compiler writes and the runtime reads.
//!
//! Plain data: no behaviour, no spans of syntax, nothing that needs the sources. Names are
//! resolved to slots and indexes; types are kept because answers are checked against them
//! when they arrive. [`FORMAT`] changes whenever a program written before could be misread.

mod effect;
mod expr;
pub mod limits;
pub mod markup;
pub mod read;
pub mod screen;
mod stmt;
mod test;
mod types;
mod visit;

pub use effect::*;
pub use expr::*;
pub use stmt::*;
pub use test::*;
pub use types::*;
pub use visit::*;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// Version of the format of [`Program`]; a reader accepts its own only.
pub const FORMAT: u32 = 2;

/// A compiled program: everything that a run needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Program {
    /// [`FORMAT`] of the writer.
    pub format: u32,
    /// The file that was compiled, as the user named it.
    pub name: String,
    /// Source files by [`Place::file`], for messages only.
    pub files: Vec<String>,
    /// Declared types by [`TypeId`].
    pub types: Vec<TypeDef>,
    /// Models by [`ModelId`].
    pub models: Vec<Model>,
    /// Routes by [`RouteId`].
    pub routes: Vec<Route>,
    /// Shared state by index.
    pub memories: Vec<Memory>,
    /// Pure functions by [`FnId`].
    pub functions: Vec<Function>,
    /// Skills by [`SkillId`].
    pub skills: Vec<Skill>,
    /// Cascades by [`CascadeId`]; none leads back to itself by its calls.
    #[serde(deserialize_with = "visit::read_numbered")]
    pub cascades: Vec<Cascade>,
    /// Cascades that a user may run: those of the compiled file itself, in its order.
    pub entries: Vec<CascadeId>,
    /// The entry that is meant when none is named: the only one, the one called `main`, or the
    /// only one that no other entry calls.
    pub main: Option<CascadeId>,
    /// Takes a stage that names no model.
    pub default_route: Option<RouteId>,
    /// Tests of the compiled file itself, in its order.
    pub tests: Vec<Test>,
    /// Variables of the environment that defaults name by `env("NAME")`.
    #[serde(default)]
    pub variables: Vec<SmolStr>,
    /// MCP servers by [`ServerId`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub servers: Vec<McpServer>,
}

impl Program {
    /// Whether it compares models by what is known of their answers: by a `best_of` of a route, or by `strategy adaptive`
    /// of a swarm.
    pub fn compares_models(&self) -> bool {
        self.routes.iter().any(|route| route.arms.iter().any(|arm| arm.by.is_some())) || self.has_adaptive_swarm()
    }

    fn has_adaptive_swarm(&self) -> bool {
        struct Search(bool);
        impl visit::Visitor<'_> for Search {
            fn visit_work(&mut self, work: &Work) {
                if let Work::Parallel(node) = work {
                    self.0 |= node.swarm.as_ref().is_some_and(|swarm| swarm.strategy == Strategy::Adaptive);
                }
                visit::walk_work(self, work);
            }
        }
        let mut search = Search(false);
        for cascade in &self.cascades {
            visit::Visitor::visit_cascade(&mut search, cascade);
        }
        search.0
    }

    /// A program of this format without any declaration.
    pub fn empty(name: impl Into<String>) -> Self {
        Self {
            format: FORMAT,
            name: name.into(),
            files: Vec::new(),
            types: Vec::new(),
            models: Vec::new(),
            routes: Vec::new(),
            memories: Vec::new(),
            functions: Vec::new(),
            skills: Vec::new(),
            cascades: Vec::new(),
            entries: Vec::new(),
            main: None,
            default_route: None,
            tests: Vec::new(),
            variables: Vec::new(),
            servers: Vec::new(),
        }
    }
}

/// A place in a source file, counted from 1, for messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
pub struct Place {
    /// Index into [`Program::files`].
    pub file: u32,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u32);
        impl $name {
            /// The index as `usize`.
            pub fn index(self) -> usize { self.0 as usize }
        }
    )*};
}
ids! {
    /// Index into [`Program::types`].
    TypeId;
    /// Index into [`Program::models`].
    ModelId;
    /// Index into [`Program::routes`].
    RouteId;
    /// Index into [`Program::memories`].
    MemoryId;
    /// Index into [`Program::functions`].
    FnId;
    /// Index into [`Program::skills`].
    SkillId;
    /// Index into [`Program::cascades`].
    CascadeId;
    /// Index into [`Program::servers`].
    ServerId;
    /// A variable of the activation of one cascade, fn or skill.
    Slot;
}

/// A parameter of a cascade or a skill. Its value is put into its slot before the body.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Param {
    /// Its name, as callers from outside use it.
    pub name: SmolStr,
    /// Its type; values from outside are checked against it.
    pub ty: Type,
    /// Its documentation.
    pub doc: String,
    /// Taken when a caller from outside gives nothing; evaluated with the earlier parameters
    /// in place. Calls inside the program always pass every argument.
    pub default: Option<Expr>,
    /// Where it lives: parameters take the first slots in order.
    pub slot: Slot,
}

/// A pure function.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Function {
    /// Its name, for messages.
    pub name: SmolStr,
    /// How many of the first slots are parameters.
    pub params: u32,
    /// How many slots an activation needs, parameters included.
    pub slots: u32,
    /// What it computes.
    pub body: Expr,
}

/// A cascade.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cascade {
    /// Its name.
    pub name: SmolStr,
    /// Its documentation.
    pub doc: String,
    /// Where it is declared.
    pub place: Place,
    /// Its inputs.
    pub params: Vec<Param>,
    /// Type of its result; `Null` when it gives none.
    pub result: Type,
    /// How many slots an activation needs, parameters included.
    pub slots: u32,
    /// Its own clauses (timeout, budget, …), which hold for every activation.
    pub clauses: Clauses,
    /// What it does. Ends by `Return`, or falls off the end with `Null`.
    pub body: Block,
    /// `on success(result)`.
    pub on_success: Option<Hook>,
    /// `on failure(error)`: the error is a record of the built-in type `Error`.
    pub on_failure: Option<Hook>,
    /// `on cancel`.
    pub on_cancel: Option<Hook>,
    /// `@version`, `@command`, `@schedule`, `@webhook`, …: name and rendered arguments.
    pub attributes: Vec<(SmolStr, Vec<Const>)>,
    /// The memories on MCP servers that it, or what it calls, reads or changes. They are read before it begins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remote_memories: Vec<MemoryId>,
}

/// A block that runs when a cascade has ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hook {
    /// Where the result or the error is put.
    pub slot: Option<Slot>,
    /// What to do.
    pub body: Block,
}

/// Typed shared state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// Its name.
    pub name: SmolStr,
    /// Whether it outlives the run.
    pub global: bool,
    /// Its keys.
    pub keys: Vec<MemoryKey>,
    /// The MCP server that keeps it (`via mcp`); this machine if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<ServerId>,
    /// Where it is declared.
    pub place: Place,
}

/// A key of a [`Memory`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MemoryKey {
    /// Its name.
    pub name: SmolStr,
    /// Its type.
    pub ty: Type,
    /// Its first value (closed: no slots); `Null` when absent.
    pub initial: Expr,
}

/// A model that prompts can be sent to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// Its name in the program.
    pub name: SmolStr,
    /// `anthropic`, `openai`, `google`, `openai_compatible`, `claude_cli`, `codex_cli`,
    /// `gemini_cli`, `acp`, `agent_cli`.
    pub provider: SmolStr,
    /// The provider's own name for it.
    pub id: String,
    /// Base URL, for `openai_compatible` and for gateways.
    pub base_url: Option<String>,
    /// Name of the environment variable that holds the key; the provider's usual one if absent.
    pub key_env: Option<String>,
    /// Context window in tokens.
    pub context: Option<u64>,
    /// Most output tokens of one answer.
    pub max_output: Option<u64>,
    /// Capabilities.
    pub provides: Vec<SmolStr>,
    /// Price in millionths of a US dollar per million input tokens.
    pub price_input: Option<i64>,
    /// Price in millionths of a US dollar per million output tokens.
    pub price_output: Option<i64>,
    /// Price in millionths of a US dollar per million input tokens that the provider reads from its cache; that of
    /// other input if absent.
    pub price_cache_read: Option<i64>,
    /// Price in millionths of a US dollar per million input tokens that the provider writes into its cache; that of
    /// other input if absent.
    pub price_cache_write: Option<i64>,
    /// Rendering of structured values in prompts.
    pub prefers: Rendering,
    /// The program that is the agent, for `acp` and `agent_cli`: a closed expression of type command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Expr>,
}

/// A table that picks a model by capability.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Route {
    /// Its name.
    pub name: SmolStr,
    /// First match wins.
    pub arms: Vec<RouteArm>,
}

/// A row of a [`Route`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RouteArm {
    /// The capability that it is for; `None` for all.
    pub capability: Option<SmolStr>,
    /// The models, in the order of preference.
    pub models: Vec<ModelRef>,
    /// How to choose among several: `success`, `cost`, `latency`; `None`: the first available.
    pub by: Option<SmolStr>,
}

/// A model or a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ModelRef {
    /// A model.
    Model(ModelId),
    /// A route.
    Route(RouteId),
}
