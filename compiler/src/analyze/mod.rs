//! Analyses loaded files: collects the declarations, checks the bodies, callees before callers,
//! merges what each of them found, and assembles the program.

mod order;

use std::collections::HashMap;

use cascade_grammar::ast::{ItemKind, Span};
use cascade_ir as ir;

use crate::{
    body::{self, BodyInput, DeclaredExpressions, ReachedStages},
    callees::Callees,
    checks::{names::unused_names, tests::duplicate_test},
    cost,
    declare::{Collected, declare},
    diagnostic::{Diagnostic, Severity},
    findings::{Findings, UsedNames},
    index::{Callable, Index, Recorder},
    module::Files,
    program::{CheckedBodies, assemble_program},
    types::Types,
    world::{Declared, Signature, View, World},
};

/// Optional results of [`compile_with`](crate::compile_with).
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Whether the entries of the index are recorded. A plain check does not need them.
    pub index: bool,
    /// Only the bodies at this offset of the root file are checked; there is no program then. Who asks about one
    /// place does not wait for the rest.
    pub focus: Option<u32>,
}

/// What the analysis of all files gives.
pub(crate) struct Analyzed {
    /// The program; `None` when the analysis was cancelled.
    pub program: Option<ir::Program>,
    pub declared: Declared,
    pub types: Types,
    /// Empty unless it was asked for.
    pub index: Index,
    pub diagnostics: Vec<Diagnostic>,
}

/// Checks and lowers all modules; `root` is the file that was asked for.
pub(crate) fn analyze(files: Files<'_>, root: usize, options: Options, is_cancelled: &dyn Fn() -> bool) -> Analyzed {
    let Collected { declared, mut types, findings } = declare(files, options.index, &DeclaredExpressions);
    let world = World { files, declared: &declared };
    let mut driver = Driver {
        world,
        types: &mut types,
        findings,
        callees: Callees::default(),
        bodies: CheckedBodies::default(),
        budgets: cost::Budgets::default(),
        focus: options.focus.map(|offset| (root, offset)),
    };
    let complete = driver.check_bodies(is_cancelled) && options.focus.is_none();
    let Driver { findings, bodies, budgets, .. } = driver;
    let mut diagnostics = Vec::new();
    let mut used = UsedNames::new(files.modules.len());
    let mut recorder = Recorder::new(options.index);
    for part in findings {
        diagnostics.extend(part.diagnostics);
        part.used_names.into_iter().for_each(|name| used.insert(name));
        recorder.include(part.index);
    }
    let program = complete.then(|| {
        diagnostics.extend(unused_names(world, &used));
        assemble_program(world, &types, bodies, root)
    });
    // What the worst case costs matters here only to those who have said what it may.
    if let Some(program) = &program
        && !budgets.cascades.is_empty()
        && diagnostics.iter().all(|d| d.severity != Severity::Error)
    {
        cost::warn_of_budgets(program, files.map, &budgets, &mut diagnostics);
    }
    declared.record_definitions(&types, &mut recorder);
    let index = Index::new(recorder, files.modules.len());
    Analyzed { program, declared, types, index, diagnostics }
}

/// Checks the body of one declaration in a world that is declared already, for who asks about a place in it. Gives
/// its entries of the index; nothing is known of what it calls but the signatures.
pub(crate) fn analyze_body(world: World<'_>, types: &mut Types, module: usize, item: usize) -> Index {
    let declared = world.declared;
    let mut callees = Callees::default();
    callees.skills.resize_with(declared.skills.len(), || None);
    callees.cascades.resize_with(declared.cascades.len(), || None);
    let input = BodyInput { world, types, callees: &callees, findings: Findings::new(true) };
    let own = |signature: &&Signature| (signature.origin.module, signature.origin.item) == (module, item);
    let node = world.files.item(module, item);
    let findings = match &node.kind {
        ItemKind::Fn(decl) => declared.fns.iter().find(own).and_then(|signature| match signature.of {
            Callable::Fn(id) => Some(body::check_fn(input, ir::FnId(id), decl).findings),
            _ => None,
        }),
        ItemKind::Skill(decl) => declared.skills.iter().find(own).and_then(|signature| match signature.of {
            Callable::Skill(id) => Some(body::check_skill(input, ir::SkillId(id), decl, node).findings),
            _ => None,
        }),
        ItemKind::Cascade(decl) => declared.cascades.iter().find(own).and_then(|signature| match signature.of {
            Callable::Cascade(id) => Some(body::check_cascade(input, ir::CascadeId(id), decl, node).findings),
            _ => None,
        }),
        ItemKind::Test(test) => Some(body::check_test(input, &mut ReachedStages::default(), module, test).findings),
        _ => None,
    };
    let mut recorder = Recorder::new(true);
    recorder.include(findings.unwrap_or_default().index);
    Index::new(recorder, world.files.modules.len())
}

/// Checks the bodies one after the other, and keeps what they gave.
struct Driver<'a> {
    world: World<'a>,
    types: &'a mut Types,
    /// By module.
    findings: Vec<Findings>,
    callees: Callees,
    bodies: CheckedBodies,
    budgets: cost::Budgets,
    /// The only place whose bodies are checked.
    focus: Option<(usize, u32)>,
}

impl Driver<'_> {
    /// Checks all bodies, callees before callers. `false` when it was cancelled in between.
    fn check_bodies(&mut self, is_cancelled: &dyn Fn() -> bool) -> bool {
        self.check_functions(is_cancelled)
            && self.check_skills(is_cancelled)
            && self.check_cascades(is_cancelled)
            && self.check_tests_and_attributes(is_cancelled)
    }

    /// Whether the body of an item is checked.
    fn is_wanted(&self, module: usize, span: Span) -> bool {
        self.focus.is_none_or(|(root, offset)| root == module && span.touches(offset))
    }

    /// What the check of a body in a module reads.
    fn input(&mut self, module: usize) -> BodyInput<'_> {
        let findings = self.findings[module].of_next_part();
        BodyInput { world: self.world, types: self.types, callees: &self.callees, findings }
    }

    fn check_functions(&mut self, is_cancelled: &dyn Fn() -> bool) -> bool {
        let (order, recursion) = order::order_of_fns(self.world);
        self.report(recursion);
        let mut functions: Vec<Option<ir::Function>> = order.iter().map(|_| None).collect();
        for index in order {
            if is_cancelled() {
                return false;
            }
            let origin = self.world.declared.fns[index].origin;
            let id = ir::FnId(index as u32);
            let item = self.world.files.item(origin.module, origin.item);
            if !self.is_wanted(origin.module, item.span) {
                continue;
            }
            let checked = match &item.kind {
                ItemKind::Fn(decl) => body::check_fn(self.input(origin.module), id, decl),
                ItemKind::Const(decl) => body::check_const(self.input(origin.module), id, decl),
                _ => continue,
            };
            functions[index] = Some(checked.ir);
            self.findings[origin.module].include(checked.findings);
        }
        self.bodies.functions = functions.into_iter().flatten().collect();
        true
    }

    fn check_skills(&mut self, is_cancelled: &dyn Fn() -> bool) -> bool {
        let count = self.world.declared.skills.len();
        self.callees.skills.resize_with(count, || None);
        let mut skills: Vec<Option<ir::Skill>> = (0..count).map(|_| None).collect();
        let has_tools = |index: &usize| self.world.has_tools(self.world.declared.skills[*index].origin);
        // A skill with tools may name other skills, which are checked before it and have none.
        let (last, first): (Vec<usize>, Vec<usize>) = (0..count).partition(has_tools);
        for index in first.into_iter().chain(last) {
            if is_cancelled() {
                return false;
            }
            let origin = self.world.declared.skills[index].origin;
            let item = self.world.files.item(origin.module, origin.item);
            let ItemKind::Skill(decl) = &item.kind else { continue };
            if !self.is_wanted(origin.module, item.span) {
                continue;
            }
            let checked = body::check_skill(self.input(origin.module), ir::SkillId(index as u32), decl, item);
            skills[index] = Some(checked.ir);
            self.callees.skills[index] = Some(checked.summary);
            self.findings[origin.module].include(checked.findings);
        }
        self.bodies.skills.extend(skills.into_iter().flatten());
        true
    }

    fn check_cascades(&mut self, is_cancelled: &dyn Fn() -> bool) -> bool {
        let (order, recursion) = order::order_of_cascades(self.world);
        self.report(recursion);
        self.callees.cascades.resize_with(order.len(), || None);
        let mut cascades: Vec<Option<ir::Cascade>> = order.iter().map(|_| None).collect();
        for index in order {
            if is_cancelled() {
                return false;
            }
            let id = ir::CascadeId(index as u32);
            let origin = self.world.declared.cascades[index].origin;
            let item = self.world.files.item(origin.module, origin.item);
            let ItemKind::Cascade(decl) = &item.kind else { continue };
            if !self.is_wanted(origin.module, item.span) {
                continue;
            }
            let checked = body::check_cascade(self.input(origin.module), id, decl, item);
            cascades[index] = Some(checked.ir);
            self.callees.cascades[index] = Some(checked.summary);
            if !checked.budgets.is_empty() {
                self.budgets.clauses.extend(checked.budgets);
                self.budgets.cascades.push(id);
            }
            self.findings[origin.module].include(checked.findings);
        }
        self.bodies.cascades = cascades.into_iter().flatten().collect();
        true
    }

    /// Checks the tests, and the attributes of all declarations but cascades, which have theirs
    /// checked with their bodies.
    fn check_tests_and_attributes(&mut self, is_cancelled: &dyn Fn() -> bool) -> bool {
        let mut reached = ReachedStages::default();
        for (module, parsed) in self.world.files.modules.iter().enumerate() {
            let mut names = HashMap::new();
            for item in &parsed.parse.file.items {
                if !self.is_wanted(module, item.span) {
                    continue;
                }
                if let ItemKind::Test(test) = &item.kind {
                    if is_cancelled() {
                        return false;
                    }
                    let checked = body::check_test(self.input(module), &mut reached, module, test);
                    self.findings[module].include(checked.findings);
                    self.bodies.tests.extend(checked.ir.map(|test| (module, test)));
                    if let Some(name) = checked.name
                        && let Some(first) = names.insert(name.clone(), test.name.span)
                    {
                        let view = View { world: self.world, types: self.types, module };
                        let d = duplicate_test(view, &name, test.name.span, first);
                        self.findings[module].report(d);
                    }
                }
                if !item.attributes.is_empty() && !matches!(item.kind, ItemKind::Cascade(_)) {
                    let findings = body::check_attributes(self.input(module), module, item);
                    self.findings[module].include(findings);
                }
            }
        }
        true
    }

    fn report(&mut self, found: Vec<(usize, Diagnostic)>) {
        for (module, diagnostic) in found {
            self.findings[module].report(diagnostic);
        }
    }
}
