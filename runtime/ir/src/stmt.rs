//! Statements: what happens in order, at once, or again, between effects.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::{CascadeId, Expr, MemoryId, NodeId, Pattern, Place, SkillId, Slot};

/// Statements in order.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Block {
    /// Its identity in the program; see [`crate::Program::number_nodes`].
    #[serde(skip)]
    pub id: NodeId,
    /// In order.
    pub stmts: Vec<Stmt>,
    /// The block's value, evaluated after the statements; `None`: it has none (null).
    pub value: Option<Expr>,
    /// Whether nothing in it, nor in the cascades that it calls, can touch the world: no effect,
    /// no wait. Such a block can be run to its end at once.
    pub pure_: bool,
    /// Where it begins; a branch that is not written begins with its `if`.
    pub place: Place,
}

/// A statement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Stmt {
    /// Puts a value into a slot (`let`, `var`, assignment).
    Set(Slot, Expr),
    /// `x.a.b = value` on a variable: the fields on the way, outermost first.
    SetField(Slot, Vec<SmolStr>, Expr),
    /// Changes a memory's key.
    Remember {
        /// The memory.
        memory: MemoryId,
        /// The key's position.
        key: u32,
        /// Whether the value is appended or merged (`+=`).
        append: bool,
        /// The value.
        value: Expr,
        /// Where.
        place: Place,
    },
    /// A stage: named work under clauses.
    Stage(Box<Stage>),
    /// Work without a name of its own.
    Work(Box<Work>, Option<Slot>),
    /// `gate cond, message`: fails when false.
    Gate(Expr, Option<Expr>, Place),
    /// `warn cond, message`: reports when false.
    Warn(Expr, Option<Expr>, Place),
    /// `log message`.
    Log(Expr, Place),
    /// `fail message`.
    Fail(Expr, Place),
    /// `return value`: ends the cascade. (Never inside a parallel branch.)
    Return(Expr),
}

/// A named unit of work: what is journalled, retried, timed and shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// Its identity in the program; see [`crate::Program::number_nodes`].
    #[serde(skip)]
    pub id: NodeId,
    /// Its name in paths; unique in its cascade (a repeated name got a suffix `#2`).
    pub name: SmolStr,
    /// Its documentation.
    pub doc: String,
    /// Where its value goes.
    pub slot: Slot,
    /// What it does.
    pub work: Work,
    /// Its clauses.
    pub clauses: Clauses,
    /// `@once`.
    pub once: bool,
    /// Where it is written.
    pub place: Place,
}

/// What a stage or a statement does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Work {
    /// Calls a skill: the only thing that touches the world.
    Skill(SkillId, Vec<Expr>),
    /// Runs a cascade.
    Cascade(CascadeId, Vec<Expr>),
    /// Asks a person.
    Person(Person),
    /// Evaluates a pure expression (a stage may name a pure `fn`'s result).
    Pure(Expr),
    /// `if`, as one of two blocks.
    If(Expr, Block, Block),
    /// `match`. The compiler has proved that an arm applies.
    Match(Expr, Vec<Arm>),
    /// `for`: the value is the list of its blocks' values.
    For(Box<For>),
    /// `repeat`: the value is the last block's value.
    Repeat(Box<Repeat>),
    /// `parallel`: the value is the record of its branches.
    Parallel(Box<Parallel>),
    /// A plain block.
    Block(Block),
    /// `sandbox`: the value is the record of the block's value, the patch and the branch.
    Sandbox(Box<Sandbox>),
}

/// `sandbox repo network off as box { }`, with what becomes of its changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sandbox {
    /// Its name in paths when it is not a stage's own work.
    pub label: SmolStr,
    /// The directory of which it has a private copy.
    pub directory: Expr,
    /// What it reaches of the network.
    pub network: SandboxNetwork,
    /// Where the path of the copy goes.
    pub name: Option<Slot>,
    /// What is done in it.
    pub body: Block,
    /// What becomes of its changes when the block ends well.
    pub end: SandboxEnd,
    /// Where it is written.
    pub place: Place,
}

/// What a sandbox reaches of the network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum SandboxNetwork {
    /// `network off`, or nothing.
    Off,
    /// `network on`.
    On,
    /// `network ["crates.io"]`: a list of hosts.
    Hosts(Expr),
}

/// What becomes of the changes of a sandbox.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub enum SandboxEnd {
    /// They are applied to the directory.
    #[default]
    Apply,
    /// `discard`.
    Discard,
    /// `branch "name"`: they are committed to a branch of the repository.
    Branch(Expr),
}

/// A question to a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Person {
    /// `approve(question) -> bool`.
    Approve(Expr),
    /// `ask(question) -> string`.
    Ask(Expr),
    /// `choose(question, options) -> string`.
    Choose(Expr, Expr),
}

/// An arm of an effectful match.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Arm {
    /// When it applies.
    pub pattern: Pattern,
    /// What must hold too.
    pub guard: Option<Expr>,
    /// What it does.
    pub body: Block,
}

/// `for`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct For {
    /// Its name in paths when it is not a stage's own work: `x` for `for x in …`.
    pub name: SmolStr,
    /// Where each element goes.
    pub item: Slot,
    /// The list.
    pub list: Expr,
    /// Whether iterations run at once, each on its own copy of the variables.
    pub parallel: bool,
    /// Most iterations at once.
    pub max: Option<Expr>,
    /// What is done with each.
    pub body: Block,
    /// Where it is written.
    pub place: Place,
}

/// `repeat max n { } until cond`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Repeat {
    /// Most rounds; below 1 is an error.
    pub max: Expr,
    /// What is done.
    pub body: Block,
    /// Where the value of a round goes before `until` is evaluated, which names it by the stage's name.
    #[serde(default)]
    pub round: Option<Slot>,
    /// When to stop early; sees the body's slots. The block's value is computed before it.
    pub until: Option<Expr>,
    /// Where it is written.
    pub place: Place,
}

/// `parallel`: a graph of branches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Parallel {
    /// `parallel first`: the value is that of the first branch that succeeds, and the others are cancelled.
    #[serde(default)]
    pub first: bool,
    /// Most branches at once.
    pub max: Option<Expr>,
    /// In the order of the text.
    pub branches: Vec<Branch>,
    /// Of a swarm: its pool of agents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub swarm: Option<Swarm>,
    /// The value: usually the record of the branches' slots.
    pub value: Expr,
    /// Where it is written.
    pub place: Place,
}

/// `swarm topology t max n strategy s`: a pool of agents that share the tasks of its stages, which are those that ask a
/// model or an agent, however deep they are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Swarm {
    /// Most agents at once.
    pub max: Option<Expr>,
    /// What an agent is told of the others.
    pub topology: Topology,
    /// Which model takes a task.
    pub strategy: Strategy,
    /// The MCP server that is told of it (`via mcp`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mirror: Option<crate::ServerId>,
}

/// What an agent of a swarm is told of the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Topology {
    /// The results of all that have finished.
    #[default]
    Mesh,
    /// The list of the tasks, and no results.
    Star,
    /// The results of its own group (a stage of the swarm) and the first line of the others.
    Hierarchical,
}

/// Which model of those that a stage names takes a task of a swarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// The one that has the fewest running tasks of the swarm.
    #[default]
    Balanced,
    /// The one that provides the least beyond what the task needs.
    Specialized,
    /// The one whose recorded answers to the skill were good most often.
    Adaptive,
}

/// A branch of a [`Parallel`]: runs on a copy of the variables as they are when it starts;
/// only its own slot is seen by others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Branch {
    /// One `Stage` or one `Set`.
    pub stmt: Stmt,
    /// The slot that it fills.
    pub slot: Slot,
    /// Positions of the branches that must be done before it.
    pub after: Vec<u32>,
}

/// Clauses of a stage or a cascade. All expressions are evaluated when the stage starts.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Clauses {
    /// `using`: a model, a route or a list of them.
    pub using: Option<Expr>,
    /// `needs`, beyond the skill's own.
    pub needs: Vec<SmolStr>,
    /// `timeout`: a duration.
    pub timeout: Option<Expr>,
    /// `idle`: a duration.
    pub idle: Option<Expr>,
    /// `retry`.
    pub retry: Option<Retry>,
    /// `budget` of money, for all attempts together.
    pub budget: Option<Expr>,
    /// `budget` of tokens (an int), in and out.
    pub budget_tokens: Option<Expr>,
    /// `budget` of time (a duration), for all attempts together.
    pub budget_time: Option<Expr>,
    /// `cache`: a duration.
    pub cache: Option<Expr>,
    /// `isolate`.
    pub isolate: bool,
    /// `exclusive`.
    #[serde(default)]
    pub exclusive: Option<Exclusive>,
    /// `on error`, in the order written.
    pub on_error: Vec<OnError>,
}

impl Clauses {
    /// Whether there is no clause: such a stage needs nothing but its work. Every field is named, so
    /// that a clause that is added to the language must be added here.
    pub fn is_empty(&self) -> bool {
        let Self {
            using,
            needs,
            timeout,
            idle,
            retry,
            budget,
            budget_tokens,
            budget_time,
            cache,
            isolate,
            exclusive,
            on_error,
        } = self;
        let single = [using, timeout, idle, budget, budget_tokens, budget_time, cache];
        single.into_iter().all(Option::is_none)
            && needs.is_empty()
            && retry.is_none()
            && !*isolate
            && exclusive.is_none()
            && on_error.is_empty()
    }
}

/// `exclusive name`: only one run of the project at a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Exclusive {
    /// The name that runs share.
    pub name: Expr,
    /// `nowait`: fails with `unavailable` when another run holds the name.
    pub nowait: bool,
}

/// `retry n backoff low..high`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Retry {
    /// Attempts after the first.
    pub count: Expr,
    /// First and longest pause; without it 1 s to 30 s.
    pub backoff: Option<(Expr, Expr)>,
}

/// `on error (kinds) action`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OnError {
    /// Its identity in the program; see [`crate::Program::number_nodes`].
    #[serde(skip)]
    pub id: NodeId,
    /// Kinds; all (but `cancelled`) when empty.
    pub kinds: Vec<ErrorKind>,
    /// `as name`: where the error goes before the action.
    #[serde(default)]
    pub binding: Option<Slot>,
    /// What to do.
    pub action: ErrorAction,
    /// Where it is written.
    pub place: Place,
}

/// What `on error` does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ErrorAction {
    /// The value is null.
    Skip,
    /// The value is the variant `failed` of an `outcome`; on success it is `ok`, with the value in a field
    /// unless the stage gives nothing.
    Keep {
        /// Whether there is a value.
        value: bool,
    },
    /// Tries again with each of these models.
    Use(Expr),
    /// Does this instead; a skill, a cascade or a pure expression.
    Fallback(Work),
    /// Lets an agent repair what made it fail, and runs it again.
    Fix(Box<Fix>),
    /// Another agent of the swarm takes the task.
    Redistribute,
    /// Fails with this message instead.
    Fail(Option<Expr>),
    /// Asks a person: try again, skip (when `skip`), give the value, or give up.
    Escalate {
        /// What the person is told.
        message: Expr,
        /// Type of the value that can be given.
        ty: crate::Type,
        /// Whether the stage may go without a value.
        skip: bool,
    },
}

/// `on error fix using models max n`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fix {
    /// Where a record of what failed is put: the argument of `repair`.
    pub failed: Slot,
    /// The repair: a call of a skill with an agent.
    pub repair: Stage,
    /// Most repairs; 1 if absent.
    pub max: Option<Expr>,
}

/// Kinds of error, as the language names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// A deadline passed.
    TimedOut,
    /// The provider asks to slow down.
    RateLimited,
    /// The provider's quota is spent for its window.
    QuotaExhausted,
    /// The service or program cannot be reached.
    Unavailable,
    /// The answer does not have the declared shape.
    InvalidOutput,
    /// A command ended with an exit code that is not accepted.
    CommandFailed,
    /// The model or service declined.
    Refused,
    /// A budget is spent.
    OverBudget,
    /// A patch does not apply.
    MergeConflict,
    /// Not permitted: credentials or policy.
    Denied,
    /// Cancelled from outside, or because a sibling failed.
    Cancelled,
    /// The program said no: a gate, `fail`, an operation without result (division by zero).
    Failed,
    /// A defect of Cascade itself.
    Internal,
}
