//! Ids of nodes: distinct, in the order of the text, and the same whenever a program is numbered.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::collections::HashSet;

use cascade_ir::*;
use support::*;

/// The ids in the order in which the visitor meets the nodes.
#[derive(Default)]
struct Ids(Vec<NodeId>);

impl<'p> Visitor<'p> for Ids {
    fn visit_block(&mut self, block: &'p Block) {
        self.0.push(block.id);
        walk_block(self, block);
    }

    fn visit_stage(&mut self, stage: &'p Stage) {
        self.0.push(stage.id);
        walk_stage(self, stage);
    }

    fn visit_handler(&mut self, handler: &'p OnError) {
        self.0.push(handler.id);
        walk_handler(self, handler);
    }
}

/// A program in which every node holds another one: a block that begins with a stage, which
/// begins with a block, and a hook.
fn nested() -> Program {
    let mut make = Make::new();
    let echo = make.skill("echo", 1, Effect::Http(Box::new(http())), Type::String);
    let inner = || stage("inner", 1, Work::Skill(echo, vec![slot(0)]));
    let Stmt::Stage(mut outer) = stage("outer", 2, Work::If(slot(0), block(vec![inner()]), block(vec![inner()])))
    else {
        panic!("a stage")
    };
    outer.clauses.on_error.push(on_error(&[], ErrorAction::Fallback(Work::Block(block(vec![inner()])))));
    let mut program = make.main(3, vec![Stmt::Stage(outer)]);
    if let Some(main) = program.cascades.last_mut() {
        main.on_failure = Some(Hook { slot: None, body: block(vec![inner()]) });
    }
    program
}

fn http() -> Http {
    Http {
        method: "GET".into(),
        url: Template::default(),
        headers: Vec::new(),
        query: None,
        body: None,
        status: Vec::new(),
        format: OutputFormat::Text,
        follows_redirects: false,
    }
}

fn ids(program: &Program) -> Vec<NodeId> {
    let mut ids = Ids::default();
    program.cascades.iter().for_each(|cascade| ids.visit_cascade(cascade));
    ids.0
}

#[test]
fn every_node_has_an_id_of_its_own() {
    let mut program = nested();
    assert!(ids(&program).iter().all(|id| *id == NodeId::default()), "nothing is numbered before");
    program.number_nodes();
    let ids = ids(&program);
    // Body, outer, two branches with a stage each, the handler and its block with a stage, the hook
    // with a stage.
    assert_eq!(ids.len(), 11);
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
    assert!(ids.is_sorted(), "{ids:?}");
    assert_eq!(ids.first(), Some(&NodeId(1)));
}

#[test]
fn ids_are_stable_and_not_written() {
    let mut program = nested();
    let unnumbered = serde_json::to_string(&program).unwrap();
    program.number_nodes();
    assert_eq!(serde_json::to_string(&program).unwrap(), unnumbered, "digests of a program hold no ids");
    let read: Program = serde_json::from_str(&unnumbered).unwrap();
    assert_eq!(read, program, "a program that is read is numbered");
    program.number_nodes();
    assert_eq!(read, program);
}
