//! The worst case of a cascade: the most stages, model calls, tokens, money and time, and what
//! makes it so much.
//!
//! The analysis is one walk over the instruction tree. One thing after the other is a sum, one or
//! the other the larger of each figure, a loop a product. What only a run knows, such as the
//! length of an input, stays a name: `3 + 2·len(files)`. Nothing that a run under the assumptions of
//! [`amounts::NoteKind`] does is ever more than what is found here; properties of the workspace's tests compare.

mod amounts;
mod figure;
mod guard;
mod known;
mod models;
mod over;
mod parallel;
mod poly;
mod tell;

use std::rc::Rc;

use cascade_ir::{
    Block, CascadeId, ErrorAction, Expr, For, Hook, HookKind, ModelRef, OnError, Pattern, Place, Program, SkillId,
    Slot, Stage, Stmt, Visitor, Work, walk_hook, walk_stmt, walk_work,
};
use smol_str::{SmolStr, format_smolstr};

pub use amounts::{NoteKind, Over};
pub use figure::{Bound, Cap, Figure, Peak, Why};
pub(crate) use over::{Budget, Budgets, warn};
pub use poly::Poly;
pub use tell::{human, json, short};

use amounts::Amounts;
use figure::Many;
use known::{Knower, Known};

/// How many expressions are looked at for the sake of lengths and sizes.
const FUEL: u32 = 2_000_000;
/// In how many ways one cascade is looked at before its callers are taken together.
const WAYS: usize = 8;

/// The worst case of a cascade.
#[derive(Debug, Clone)]
pub struct Cost {
    /// Its name.
    pub cascade: SmolStr,
    /// Where it is declared.
    pub place: Place,
    /// Stages that begin; a stage that is tried again is one.
    pub stages: Figure,
    /// Prompts that are sent.
    pub calls: Figure,
    /// Tokens, in and out.
    pub tokens: Figure,
    /// Millionths of a US dollar.
    pub money: Figure,
    /// Milliseconds.
    pub time: Figure,
    /// What the figures rest on, with an example.
    pub notes: Vec<(NoteKind, SmolStr, Place)>,
    /// Budgets that can end it in the middle.
    pub over: Vec<Over>,
}

/// The worst cases of the cascades of a program: those that a user may run, or all.
pub fn costs(program: &Program, all: bool) -> Vec<Cost> {
    let every: Vec<CascadeId> = (0..program.cascades.len()).map(|i| CascadeId(i as u32)).collect();
    of(program, if all { &every } else { &program.entries })
}

/// The worst cases of these cascades.
fn of(program: &Program, chosen: &[CascadeId]) -> Vec<Cost> {
    let mut walk = Walk::new(program);
    chosen.iter().filter_map(|id| walk.entry(*id)).collect()
}

/// What holds around a place.
#[derive(Clone)]
struct Around {
    /// What a model must provide, by the clauses around.
    needs: Rc<Vec<SmolStr>>,
    /// The models of the nearest `using`; `None`: any.
    using: Option<Rc<Vec<ModelRef>>>,
    /// Put before the names of what is not of the cascade that is looked at.
    prefix: SmolStr,
    /// The nearest stage, and where it is.
    stage: SmolStr,
    place: Place,
}

/// A cascade that was looked at with these inputs and models.
struct Seen<'p> {
    args: Vec<Known<'p>>,
    using: Option<Rc<Vec<ModelRef>>>,
    amounts: Rc<Amounts>,
}

struct Walk<'p> {
    program: &'p Program,
    knower: Knower<'p>,
    seen: Vec<Vec<Seen<'p>>>,
    /// How often each variable of a cascade is written, by cascade.
    writes: Vec<Option<Rc<Vec<u8>>>>,
    over: Vec<Over>,
}

/// The variables of a cascade.
struct Variables<'p> {
    known: Vec<Known<'p>>,
    writes: Rc<Vec<u8>>,
}

impl<'p> Variables<'p> {
    /// Keeps what is known of a variable that is written once only.
    fn set(&mut self, slot: Slot, known: Known<'p>) {
        let index = slot.0 as usize;
        if self.writes.get(index) == Some(&1)
            && let Some(place) = self.known.get_mut(index)
        {
            *place = known;
        }
    }
}

impl<'p> Walk<'p> {
    fn new(program: &'p Program) -> Self {
        Self {
            program,
            knower: Knower { program, fuel: FUEL },
            seen: program.cascades.iter().map(|_| Vec::new()).collect(),
            writes: vec![None; program.cascades.len()],
            over: Vec::new(),
        }
    }

    fn entry(&mut self, id: CascadeId) -> Option<Cost> {
        let cascade = self.program.cascades.get(id.index())?;
        let args = cascade.params.iter().map(|p| Known::named(p.name.clone(), &p.ty)).collect();
        let using = Rc::new(self.program.default_route.map(ModelRef::Route).into_iter().collect());
        let around = Around {
            needs: Rc::default(),
            using: Some(using),
            prefix: "".into(),
            stage: cascade.name.clone(),
            place: cascade.place,
        };
        self.over.clear();
        let amounts = self.activation(id, args, &around);
        let mut over = std::mem::take(&mut self.over);
        over.dedup();
        Some(Cost {
            cascade: cascade.name.clone(),
            place: cascade.place,
            notes: amounts.notes.iter().map(|(kind, example, place)| (kind, example.clone(), place)).collect(),
            stages: amounts.stages,
            calls: amounts.calls,
            tokens: amounts.tokens,
            money: amounts.money,
            time: amounts.time,
            over,
        })
    }

    /// A call of a cascade.
    fn call(&mut self, id: CascadeId, mut args: Vec<Known<'p>>, around: &Around) -> Amounts {
        let Some(cascade) = self.program.cascades.get(id.index()) else { return Amounts::default() };
        let mut around = Around { prefix: format_smolstr!("{}.", cascade.name), ..around.clone() };
        let unknown = |arg: Known<'p>, param: &'p cascade_ir::Param| {
            arg.or_named(|| format_smolstr!("{}.{}", cascade.name, param.name), &param.ty)
        };
        args = args.into_iter().zip(&cascade.params).map(|(a, p)| unknown(a, p)).collect();
        if self.seen[id.index()].len() >= WAYS {
            args = cascade.params.iter().map(|p| unknown(Known::default(), p)).collect();
        }
        if self.seen[id.index()].len() >= 4 * WAYS {
            around.using = None;
        }
        let same = |seen: &&Seen<'p>| seen.using == around.using && seen.args == args;
        if let Some(seen) = self.seen[id.index()].iter().find(same) {
            return (*seen.amounts).clone();
        }
        let amounts = self.activation(id, args.clone(), &around);
        let seen = Seen { args, using: around.using, amounts: Rc::new(amounts.clone()) };
        self.seen[id.index()].push(seen);
        amounts
    }

    /// A cascade from its start to the end of its hooks.
    fn activation(&mut self, id: CascadeId, mut known: Vec<Known<'p>>, around: &Around) -> Amounts {
        let Some(cascade) = self.program.cascades.get(id.index()) else { return Amounts::default() };
        let writes = match self.writes.get(id.index()).cloned().flatten() {
            Some(writes) => writes,
            None => {
                let writes = Rc::new(writes(cascade));
                self.writes[id.index()] = Some(Rc::clone(&writes));
                writes
            }
        };
        known.resize((cascade.slots as usize).max(known.len()), Known::default());
        for (slot, written) in known.iter_mut().zip(writes.iter()) {
            if *written > 1 {
                *slot = Known::default();
            }
        }
        let mut variables = Variables { known, writes };
        if let Some(unsupported) = cascade.unsupported.first() {
            let mut amounts = self.guarded_cascade(cascade, &mut variables, around);
            amounts.notes.put(NoteKind::NotRun, unsupported.construct.as_str(), unsupported.place);
            return amounts;
        }
        self.guarded_cascade(cascade, &mut variables, around)
    }

    fn hook(&mut self, hook: Option<&'p Hook>, variables: &mut Variables<'p>, around: &Around) -> Amounts {
        match hook {
            Some(hook) => self.block(&hook.body, variables, around),
            None => Amounts::default(),
        }
    }

    fn block(&mut self, block: &'p Block, variables: &mut Variables<'p>, around: &Around) -> Amounts {
        let mut sum = Amounts::default();
        for stmt in &block.stmts {
            sum.add(&self.stmt(stmt, variables, around));
        }
        sum
    }

    fn stmt(&mut self, stmt: &'p Stmt, variables: &mut Variables<'p>, around: &Around) -> Amounts {
        match stmt {
            Stmt::Set(slot, expr) => {
                let known = self.knower.eval(expr, &mut variables.known);
                variables.set(*slot, known);
                Amounts::default()
            }
            Stmt::Stage(stage) => self.stage(stage, variables, around),
            Stmt::Work(work, slot) => {
                let amounts = self.work(work, None, variables, around);
                if let Some(slot) = slot {
                    let value = self.value(work, None, variables, around);
                    variables.set(*slot, value);
                }
                amounts
            }
            Stmt::Unsupported(what) => {
                let mut amounts = Amounts::default();
                amounts.notes.put(NoteKind::NotRun, what.construct.as_str(), what.place);
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

    fn stage(&mut self, stage: &'p Stage, variables: &mut Variables<'p>, around: &Around) -> Amounts {
        let inside =
            Around { stage: format_smolstr!("{}{}", around.prefix, stage.name), place: stage.place, ..around.clone() };
        let mut amounts = self.guarded(&stage.clauses, variables, &inside, stage.place, &stage.name, |walk, v, a| {
            walk.work(&stage.work, Some(&stage.name), v, a)
        });
        amounts.stages.add(&Figure::number(1));
        let elsewhere = |h: &OnError| matches!(h.action, ErrorAction::Fallback(_) | ErrorAction::Escalate { .. });
        let value = if stage.clauses.on_error.iter().any(elsewhere) {
            Known::called(format_smolstr!("{}{}", around.prefix, stage.name))
        } else {
            self.value(&stage.work, Some(&stage.name), variables, around)
        };
        variables.set(stage.slot, value);
        amounts
    }

    /// What is known of the value of work that was looked at.
    fn value(
        &mut self,
        work: &'p Work,
        stage: Option<&SmolStr>,
        variables: &mut Variables<'p>,
        around: &Around,
    ) -> Known<'p> {
        let named = |name: &SmolStr| format_smolstr!("{}{name}", around.prefix);
        match (work, stage) {
            (Work::Pure(expr), _) => self.knower.eval(expr, &mut variables.known),
            (Work::Skill(id, _), Some(name)) => match self.program.skills.get(id.index()) {
                Some(skill) => Known::named(named(name), &skill.result),
                None => Known::default(),
            },
            (Work::Cascade(id, _), Some(name)) => match self.program.cascades.get(id.index()) {
                Some(cascade) => Known::named(named(name), &cascade.result),
                None => Known::default(),
            },
            (Work::For(node), Some(name)) => {
                let list = self.knower.eval(&node.list, &mut variables.known);
                Known::of_loop(list.len(self.program), named(name))
            }
            (Work::Parallel(node), _) => self.knower.eval(&node.value, &mut variables.known),
            (_, Some(name)) => Known::called(named(name)),
            (_, None) => Known::default(),
        }
    }

    fn work(
        &mut self,
        work: &'p Work,
        stage: Option<&SmolStr>,
        variables: &mut Variables<'p>,
        around: &Around,
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
                        fields.iter().for_each(|(_, slot)| variables.set(*slot, Known::default()));
                    }
                    amounts.join(&self.block(&arm.body, variables, around));
                }
                amounts
            }
            Work::For(node) => self.for_loop(node, stage, variables, around),
            Work::Repeat(node) => {
                let most = self.knower.eval(&node.max, &mut variables.known).most(self.program);
                let times = most.unwrap_or_else(|| Poly::name(format_smolstr!("rounds({})", around.stage)));
                let body = self.block(&node.body, variables, around);
                body.times(&Many { what: "`repeat`".into(), place: node.place, times })
            }
            Work::Parallel(node) => self.parallel(node, variables, around),
            Work::Block(block) => self.block(block, variables, around),
        }
    }

    fn args(&mut self, args: &'p [Expr], variables: &mut Variables<'p>) -> Vec<Known<'p>> {
        args.iter().map(|e| self.knower.eval(e, &mut variables.known)).collect()
    }

    fn for_loop(
        &mut self,
        node: &'p For,
        stage: Option<&SmolStr>,
        variables: &mut Variables<'p>,
        around: &Around,
    ) -> Amounts {
        let list = self.knower.eval(&node.list, &mut variables.known);
        let name = stage.unwrap_or(&node.name);
        let unknown = || Poly::name(format_smolstr!("rounds({}{name})", around.prefix));
        let times = list.len(self.program).unwrap_or_else(unknown);
        variables.set(node.item, list.item(self.program));
        let body = self.block(&node.body, variables, around);
        let many = Many { what: format_smolstr!("`for` of `{name}`"), place: node.place, times };
        if node.parallel && !node.body.pure_ {
            return self.fan_out(node, &body, &many, variables);
        }
        body.times(&many)
    }

    fn skill(&mut self, id: SkillId, args: Vec<Known<'p>>, around: &Around) -> Amounts {
        let Some(skill) = self.program.skills.get(id.index()) else { return Amounts::default() };
        let why = format_smolstr!("`{}` has no timeout", around.stage);
        let mut amounts = Amounts { time: Figure::unlimited(why, around.place), ..Amounts::default() };
        self.effect(skill, args, around, &mut amounts);
        amounts
    }
}

/// How often each variable of a cascade is written, as far as it matters: 0, 1 or more.
fn writes(cascade: &cascade_ir::Cascade) -> Vec<u8> {
    let mut writes = Writes(vec![0; cascade.slots as usize]);
    for param in &cascade.params {
        writes.count(param.slot);
    }
    writes.visit_cascade(cascade);
    writes.0
}

/// By slot, how often it is written.
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
            // Two writes: the value before the field is changed, and the value after.
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
