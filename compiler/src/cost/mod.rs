//! The worst case of a cascade: an upper bound of its stages, model calls, tokens, money and time,
//! and the construct that dominates each bound.
//!
//! The analysis is one walk over the instruction tree. A sequence is the sum of its parts, a choice
//! the maximum of its alternatives, a loop a product. A value that only a run knows, such as the
//! length of an input, stays a named variable: `3 + 2·len(files)`. Under the assumptions listed in
//! [`amounts::NoteKind`] no run exceeds these bounds; property tests of the workspace compare the two.

mod amounts;
mod budgets;
mod figure;
mod guard;
mod models;
mod parallel;
mod poly;
mod report;
mod value_bounds;

use std::rc::Rc;

use cascade_ir::{
    Block, CascadeId, ErrorAction, Expr, For, Hook, HookKind, Model, ModelRef, OnError, Pattern, Place, Program,
    SkillId, Slot, Stage, Stmt, Visitor, Work, walk_hook, walk_stmt, walk_work,
};
use smol_str::{SmolStr, format_smolstr};

pub use amounts::{ExceededBudget, NoteKind, Share};
pub(crate) use budgets::{Budget, Budgets, warn_of_budgets};
pub use figure::{Bound, Cap, Figure, NoBound, Peak};
pub use poly::Poly;
pub use report::{cost_figures, report_json, report_text, short_report};

use amounts::Amounts;
use figure::Repetition;
use value_bounds::{BoundsEstimator, ValueBounds};

/// The most expressions evaluated for lengths and sizes; beyond it values count as unknown.
const FUEL: u32 = 2_000_000;
/// The most distinct argument lists analysed for one cascade; further calls share one analysis with
/// unknown arguments.
const MAX_VARIANTS: usize = 8;

/// The worst case of a cascade.
#[derive(Debug, Clone)]
pub struct Cost {
    /// The name of the cascade.
    pub cascade: SmolStr,
    /// Where the cascade is declared.
    pub place: Place,
    /// Stages that begin; a stage that is retried counts once.
    pub stages: Figure,
    /// Prompts that are sent.
    pub calls: Figure,
    /// Tokens, in and out.
    pub tokens: Figure,
    /// Millionths of a US dollar.
    pub money: Figure,
    /// Milliseconds.
    pub time: Figure,
    /// The assumptions behind the figures, each with an example.
    pub notes: Vec<(NoteKind, SmolStr, Place)>,
    /// Budgets that the worst case exceeds.
    pub exceeded: Vec<ExceededBudget>,
    /// The money by stage and model, where it is wanted.
    pub shares: Vec<Share>,
    /// The money of each stage of the cascade itself, where it is wanted.
    pub top_stages: Vec<(SmolStr, Figure)>,
}

/// The worst cases of the entry cascades of a program, or of all its cascades.
pub fn costs(program: &Program, all: bool) -> Vec<Cost> {
    let every: Vec<CascadeId> = (0..program.cascades.len()).map(|i| CascadeId(i as u32)).collect();
    costs_of(program, if all { &every } else { &program.entries })
}

/// The worst case of one cascade, and the models that its stages may ask.
pub fn cost_of(program: &Program, cascade: CascadeId) -> Option<(Cost, Vec<&Model>)> {
    let mut walk = Walk { is_detailed: true, ..Walk::new(program) };
    let cost = walk.entry(cascade)?;
    Some((cost, walk.asked))
}

/// The worst cases of the chosen cascades.
fn costs_of(program: &Program, chosen: &[CascadeId]) -> Vec<Cost> {
    let mut walk = Walk::new(program);
    chosen.iter().filter_map(|id| walk.entry(*id)).collect()
}

/// What the enclosing constructs set for a place.
#[derive(Clone)]
struct Context {
    /// The capabilities that the enclosing clauses demand of a model.
    needs: Rc<Vec<SmolStr>>,
    /// The models of the nearest `using`; `None`: any model.
    using: Option<Rc<Vec<ModelRef>>>,
    /// The prefix of variables that belong to a called cascade.
    prefix: SmolStr,
    /// Whether the nearest stage may ask a model again, and tell it why.
    asks_again: bool,
    /// Whether no stage and no block is around it, but the cascade that is looked at.
    is_top: bool,
    /// The nearest stage and its place.
    stage: SmolStr,
    place: Place,
}

/// The result for a cascade with these arguments and models.
struct CachedResult<'p> {
    args: Vec<ValueBounds<'p>>,
    using: Option<Rc<Vec<ModelRef>>>,
    in_swarm: bool,
    amounts: Rc<Amounts>,
}

struct Walk<'p> {
    program: &'p Program,
    /// Whether a swarm is around, whose agents may do one task after the other.
    in_swarm: bool,
    estimator: BoundsEstimator<'p>,
    cache: Vec<Vec<CachedResult<'p>>>,
    /// By cascade: how often each of its variables is assigned.
    writes: Vec<Option<Rc<Vec<u8>>>>,
    exceeded: Vec<ExceededBudget>,
    /// The models that the stages seen so far may ask.
    asked: Vec<&'p Model>,
    /// Whether the parts of the money are wanted: by stage and model, and by stage of the cascade itself.
    is_detailed: bool,
    /// The money of each stage of the cascade itself.
    top_stages: Vec<(SmolStr, Figure)>,
}

/// The variables of a cascade.
struct Variables<'p> {
    bounds: Vec<ValueBounds<'p>>,
    writes: Rc<Vec<u8>>,
}

impl<'p> Variables<'p> {
    /// Records the bounds of a variable that is assigned exactly once.
    fn set(&mut self, slot: Slot, bounds: ValueBounds<'p>) {
        let index = slot.0 as usize;
        if self.writes.get(index) == Some(&1)
            && let Some(place) = self.bounds.get_mut(index)
        {
            *place = bounds;
        }
    }
}

impl<'p> Walk<'p> {
    fn new(program: &'p Program) -> Self {
        Self {
            program,
            estimator: BoundsEstimator { program, fuel: FUEL },
            in_swarm: false,
            cache: program.cascades.iter().map(|_| Vec::new()).collect(),
            writes: vec![None; program.cascades.len()],
            exceeded: Vec::new(),
            asked: Vec::new(),
            is_detailed: false,
            top_stages: Vec::new(),
        }
    }

    fn entry(&mut self, id: CascadeId) -> Option<Cost> {
        let cascade = self.program.cascades.get(id.index())?;
        let args = cascade.params.iter().map(|p| ValueBounds::of_type(p.name.clone(), &p.ty)).collect();
        let using = Rc::new(self.program.default_route.map(ModelRef::Route).into_iter().collect());
        let around = Context {
            needs: Rc::default(),
            using: Some(using),
            prefix: "".into(),
            asks_again: false,
            is_top: true,
            stage: cascade.name.clone(),
            place: cascade.place,
        };
        self.exceeded.clear();
        let amounts = self.activation(id, args, &around);
        let mut exceeded = std::mem::take(&mut self.exceeded);
        exceeded.dedup();
        Some(Cost {
            cascade: cascade.name.clone(),
            place: cascade.place,
            notes: amounts.notes.iter().map(|(kind, example, place)| (kind, example.clone(), place)).collect(),
            stages: amounts.stages,
            calls: amounts.calls,
            tokens: amounts.tokens,
            money: amounts.money,
            time: amounts.time,
            exceeded,
            shares: amounts.shares,
            top_stages: std::mem::take(&mut self.top_stages),
        })
    }

    /// A call of a cascade.
    fn call(&mut self, id: CascadeId, mut args: Vec<ValueBounds<'p>>, around: &Context) -> Amounts {
        let Some(cascade) = self.program.cascades.get(id.index()) else { return Amounts::default() };
        let mut around = Context { prefix: format_smolstr!("{}.", cascade.name), ..around.clone() };
        let unknown = |arg: ValueBounds<'p>, param: &'p cascade_ir::Param| {
            arg.or_named(|| format_smolstr!("{}.{}", cascade.name, param.name), &param.ty)
        };
        args = args.into_iter().zip(&cascade.params).map(|(a, p)| unknown(a, p)).collect();
        if self.cache[id.index()].len() >= MAX_VARIANTS {
            args = cascade.params.iter().map(|p| unknown(ValueBounds::default(), p)).collect();
        }
        if self.cache[id.index()].len() >= 4 * MAX_VARIANTS {
            around.using = None;
        }
        let same = |seen: &&CachedResult<'p>| {
            seen.using == around.using && seen.in_swarm == self.in_swarm && seen.args == args
        };
        if let Some(seen) = self.cache[id.index()].iter().find(same) {
            return (*seen.amounts).clone();
        }
        let amounts = self.activation(id, args.clone(), &around);
        let seen =
            CachedResult { args, using: around.using, in_swarm: self.in_swarm, amounts: Rc::new(amounts.clone()) };
        self.cache[id.index()].push(seen);
        amounts
    }

    /// A cascade from its start to the end of its hooks.
    fn activation(&mut self, id: CascadeId, mut bounds: Vec<ValueBounds<'p>>, around: &Context) -> Amounts {
        let Some(cascade) = self.program.cascades.get(id.index()) else { return Amounts::default() };
        let writes = match self.writes.get(id.index()).cloned().flatten() {
            Some(writes) => writes,
            None => {
                let writes = Rc::new(written_memories(cascade));
                self.writes[id.index()] = Some(Rc::clone(&writes));
                writes
            }
        };
        bounds.resize((cascade.slots as usize).max(bounds.len()), ValueBounds::default());
        for (slot, written) in bounds.iter_mut().zip(writes.iter()) {
            if *written > 1 {
                *slot = ValueBounds::default();
            }
        }
        let mut variables = Variables { bounds, writes };
        self.guarded_cascade(cascade, &mut variables, around)
    }

    fn hook(&mut self, hook: Option<&'p Hook>, variables: &mut Variables<'p>, around: &Context) -> Amounts {
        match hook {
            Some(hook) => self.block(&hook.body, variables, around),
            None => Amounts::default(),
        }
    }

    fn block(&mut self, block: &'p Block, variables: &mut Variables<'p>, around: &Context) -> Amounts {
        let mut sum = Amounts::default();
        for stmt in &block.stmts {
            sum.add(&self.stmt(stmt, variables, around));
        }
        sum
    }

    fn stmt(&mut self, stmt: &'p Stmt, variables: &mut Variables<'p>, around: &Context) -> Amounts {
        match stmt {
            Stmt::Set(slot, expr) => {
                let bounds = self.estimator.eval(expr, &mut variables.bounds);
                variables.set(*slot, bounds);
                Amounts::default()
            }
            Stmt::Stage(stage) => self.stage(stage, variables, around),
            Stmt::Work(work, slot) => {
                let amounts = self.cost_of_work(work, None, variables, &Context { is_top: false, ..around.clone() });
                if let Some(slot) = slot {
                    let value = self.value(work, None, variables, around);
                    variables.set(*slot, value);
                }
                amounts
            }
            Stmt::SetField(..)
            | Stmt::Remember { .. }
            | Stmt::Gate(..)
            | Stmt::Warn(..)
            | Stmt::Log(..)
            | Stmt::Fail(..)
            | Stmt::Return(_) => Amounts::default(),
        }
    }

    pub(super) fn stage(&mut self, stage: &'p Stage, variables: &mut Variables<'p>, around: &Context) -> Amounts {
        let name = format_smolstr!("{}{}", around.prefix, stage.name);
        let inside = Context { stage: name, place: stage.place, is_top: false, ..around.clone() };
        let mut amounts = self.guarded(&stage.clauses, variables, &inside, stage.place, &stage.name, |walk, v, a| {
            walk.cost_of_work(&stage.work, Some(&stage.name), v, a)
        });
        amounts.stages.add(&Figure::number(1));
        if self.is_detailed && around.is_top {
            self.top_stages.push((stage.name.clone(), amounts.money.clone()));
        }
        let elsewhere = |h: &OnError| matches!(h.action, ErrorAction::Fallback(_) | ErrorAction::Escalate { .. });
        let value = if stage.clauses.on_error.iter().any(elsewhere) {
            ValueBounds::known_by_name(format_smolstr!("{}{}", around.prefix, stage.name))
        } else {
            self.value(&stage.work, Some(&stage.name), variables, around)
        };
        variables.set(stage.slot, value);
        amounts
    }

    /// The bounds of the value that work gives.
    fn value(
        &mut self,
        work: &'p Work,
        stage: Option<&SmolStr>,
        variables: &mut Variables<'p>,
        around: &Context,
    ) -> ValueBounds<'p> {
        let named = |name: &SmolStr| format_smolstr!("{}{name}", around.prefix);
        match (work, stage) {
            (Work::Pure(expr), _) => self.estimator.eval(expr, &mut variables.bounds),
            (Work::Skill(id, _), Some(name)) => match self.program.skills.get(id.index()) {
                Some(skill) => ValueBounds::of_type(named(name), &skill.result),
                None => ValueBounds::default(),
            },
            (Work::Cascade(id, _), Some(name)) => match self.program.cascades.get(id.index()) {
                Some(cascade) => ValueBounds::of_type(named(name), &cascade.result),
                None => ValueBounds::default(),
            },
            (Work::For(node), Some(name)) => {
                let list = self.estimator.eval(&node.list, &mut variables.bounds);
                ValueBounds::of_loop(list.len(self.program), named(name))
            }
            (Work::Parallel(node), _) => self.estimator.eval(&node.value, &mut variables.bounds),
            (_, Some(name)) => ValueBounds::known_by_name(named(name)),
            (_, None) => ValueBounds::default(),
        }
    }

    fn cost_of_work(
        &mut self,
        work: &'p Work,
        stage: Option<&SmolStr>,
        variables: &mut Variables<'p>,
        around: &Context,
    ) -> Amounts {
        match work {
            Work::Pure(_) => Amounts::default(),
            Work::Skill(id, args) => {
                let args = self.args(args, variables);
                self.skill(*id, args, around)
            }
            Work::Cascade(id, args) => {
                let args = self.args(args, variables);
                self.call(*id, args, around)
            }
            Work::Person(_) => {
                let why = format_smolstr!("`{}` waits for a person", around.stage);
                Amounts { time: Figure::unlimited(why, around.place), ..Amounts::default() }
            }
            Work::If(_, then, otherwise) => {
                let mut amounts = self.block(then, variables, around);
                amounts.join(&self.block(otherwise, variables, around));
                amounts
            }
            Work::Match(_, arms) => {
                let mut amounts = Amounts::default();
                for arm in arms {
                    if let Pattern::Variant { fields, .. } = &arm.pattern {
                        fields.iter().for_each(|(_, slot)| variables.set(*slot, ValueBounds::default()));
                    }
                    amounts.join(&self.block(&arm.body, variables, around));
                }
                amounts
            }
            Work::For(node) => self.for_loop(node, stage, variables, around),
            Work::Repeat(node) => {
                let most = self.estimator.eval(&node.max, &mut variables.bounds).upper_bound(self.program);
                let times = most.unwrap_or_else(|| Poly::name(format_smolstr!("rounds({})", around.stage)));
                let body = self.block(&node.body, variables, around);
                body.times(&Repetition { what: "`repeat`".into(), place: node.place, times })
            }
            Work::Parallel(node) => self.parallel(node, variables, around),
            Work::Block(block) => self.block(block, variables, around),
            Work::Sandbox(node) => self.block(&node.body, variables, around),
        }
    }

    fn args(&mut self, args: &'p [Expr], variables: &mut Variables<'p>) -> Vec<ValueBounds<'p>> {
        args.iter().map(|e| self.estimator.eval(e, &mut variables.bounds)).collect()
    }

    fn for_loop(
        &mut self,
        node: &'p For,
        stage: Option<&SmolStr>,
        variables: &mut Variables<'p>,
        around: &Context,
    ) -> Amounts {
        let list = self.estimator.eval(&node.list, &mut variables.bounds);
        let name = stage.unwrap_or(&node.name);
        let unknown = || Poly::name(format_smolstr!("rounds({}{name})", around.prefix));
        let times = list.len(self.program).unwrap_or_else(unknown);
        variables.set(node.item, list.item(self.program));
        let body = self.block(&node.body, variables, around);
        let many = Repetition { what: format_smolstr!("`for` of `{name}`"), place: node.place, times };
        if node.parallel && !node.body.pure_ {
            return self.fan_out(node, &body, &many, variables);
        }
        body.times(&many)
    }

    fn skill(&mut self, id: SkillId, args: Vec<ValueBounds<'p>>, around: &Context) -> Amounts {
        let Some(skill) = self.program.skills.get(id.index()) else { return Amounts::default() };
        let why = format_smolstr!("`{}` has no timeout", around.stage);
        let mut amounts = Amounts { time: Figure::unlimited(why, around.place), ..Amounts::default() };
        self.effect(skill, args, around, &mut amounts);
        amounts
    }
}

/// How often each variable of a cascade is assigned: 0, 1, or any larger number.
fn written_memories(cascade: &cascade_ir::Cascade) -> Vec<u8> {
    let mut writes = Writes(vec![0; cascade.slots as usize]);
    for param in &cascade.params {
        writes.count(param.slot);
    }
    writes.visit_cascade(cascade);
    writes.0
}

/// The number of assignments by slot.
struct Writes(Vec<u8>);

impl Writes {
    fn count(&mut self, slot: Slot) {
        if let Some(count) = self.0.get_mut(slot.0 as usize) {
            *count = count.saturating_add(1);
        }
    }
}

impl<'p> Visitor<'p> for Writes {
    fn visit_hook(&mut self, _kind: HookKind, hook: &'p Hook) {
        hook.slot.into_iter().for_each(|slot| self.count(slot));
        walk_hook(self, hook);
    }

    fn visit_stmt(&mut self, stmt: &'p Stmt) {
        match stmt {
            Stmt::Set(slot, _) => self.count(*slot),
            // Two assignments: the value before the field is changed, and the value after.
            Stmt::SetField(slot, ..) => {
                self.count(*slot);
                self.count(*slot);
            }
            Stmt::Stage(stage) => self.count(stage.slot),
            Stmt::Work(_, slot) => slot.iter().for_each(|slot| self.count(*slot)),
            _ => {}
        }
        walk_stmt(self, stmt);
    }

    fn visit_work(&mut self, work: &'p Work) {
        match work {
            Work::Match(_, arms) => {
                for arm in arms {
                    if let Pattern::Variant { fields, .. } = &arm.pattern {
                        fields.iter().for_each(|(_, slot)| self.count(*slot));
                    }
                }
            }
            Work::For(node) => self.count(node.item),
            _ => {}
        }
        walk_work(self, work);
    }
}
