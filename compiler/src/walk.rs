//! Visits every expression below a node, the node itself first.

use cascade_grammar::ast::{
    ArmBody, Attach, Block, Clause, ClauseKind, Else, ErrorAction, Expr, ExprKind, FnBody, Item, ItemKind, MockOutcome,
    NetworkSetting, Param, RecordEntry, Setting, SkillLine, SkillLineKind, Stmt, StmtKind, StrLit, StrPart, TestLine,
    TestLineKind,
};

/// Calls `f` for every expression of the body of a fn.
pub(crate) fn fn_body<'a>(body: &'a FnBody, f: &mut dyn FnMut(&'a Expr)) {
    match body {
        FnBody::Expr(value) => walk_expr(value, f),
        FnBody::Block(b) => walk_block(b, f),
    }
}

/// Calls `f` for every expression of a block.
pub(crate) fn walk_block<'a>(b: &'a Block, f: &mut dyn FnMut(&'a Expr)) {
    for s in &b.stmts {
        walk_stmt(s, f);
    }
}

/// Calls `f` for every expression of a statement.
pub(crate) fn walk_stmt<'a>(s: &'a Stmt, f: &mut dyn FnMut(&'a Expr)) {
    match &s.kind {
        StmtKind::Stage { value, clauses: c, .. } | StmtKind::Expr(value, c) => {
            walk_expr(value, f);
            walk_clauses(c, f);
        }
        StmtKind::Let { value, .. } | StmtKind::LetFields { value, .. } | StmtKind::Var { value, .. } => {
            walk_expr(value, f)
        }
        StmtKind::Assign { target, value, .. } => {
            walk_expr(target, f);
            walk_expr(value, f);
        }
        StmtKind::Gate { condition, message } | StmtKind::Warn { condition, message } => {
            walk_expr(condition, f);
            optional_expr(message, f);
        }
        StmtKind::Fail(e) | StmtKind::Log(e) => walk_expr(e, f),
        StmtKind::Return(e) => optional_expr(e, f),
        StmtKind::On { body, .. } => walk_block(body, f),
        StmtKind::Error => {}
    }
}

/// Calls `f` for every expression of clauses.
pub(crate) fn walk_clauses<'a>(list: &'a [Clause], f: &mut dyn FnMut(&'a Expr)) {
    for clause in list {
        match &clause.kind {
            ClauseKind::Using(e)
            | ClauseKind::Budget(e)
            | ClauseKind::TokenBudget(e)
            | ClauseKind::Cache(e)
            | ClauseKind::Exclusive { name: e, .. }
            | ClauseKind::Branch(e) => walk_expr(e, f),
            ClauseKind::Timeout { total, idle } => {
                walk_expr(total, f);
                optional_expr(idle, f);
            }
            ClauseKind::Retry { count, backoff } => {
                walk_expr(count, f);
                if let Some((low, high)) = backoff {
                    walk_expr(low, f);
                    walk_expr(high, f);
                }
            }
            ClauseKind::OnError { action, .. } => match action {
                ErrorAction::Fix { using, max } => {
                    optional_expr(using, f);
                    optional_expr(max, f);
                }
                ErrorAction::Use(e) | ErrorAction::Fallback(e) => walk_expr(e, f),
                ErrorAction::Escalate(e) | ErrorAction::Fail(e) => optional_expr(e, f),
                ErrorAction::Redistribute | ErrorAction::Skip | ErrorAction::Keep | ErrorAction::Error => {}
            },
            ClauseKind::Needs(_) | ClauseKind::Isolate | ClauseKind::Discard | ClauseKind::Error => {}
        }
    }
}

fn optional_expr<'a>(e: &'a Option<Expr>, f: &mut dyn FnMut(&'a Expr)) {
    if let Some(e) = e {
        walk_expr(e, f);
    }
}

fn string_literal<'a>(s: &'a StrLit, f: &mut dyn FnMut(&'a Expr)) {
    for part in &s.parts {
        if let StrPart::Hole { expr: e, .. } = part {
            walk_expr(e, f);
        }
    }
}

/// Calls `f` for an expression and all below it.
pub(crate) fn walk_expr<'a>(e: &'a Expr, f: &mut dyn FnMut(&'a Expr)) {
    f(e);
    match &e.kind {
        ExprKind::Null
        | ExprKind::Bool(_)
        | ExprKind::Int(_)
        | ExprKind::Float(_)
        | ExprKind::Duration(_)
        | ExprKind::Money(_)
        | ExprKind::Name(_)
        | ExprKind::Error => {}
        ExprKind::Str(s) | ExprKind::Command(s) => string_literal(s, f),
        ExprKind::List(items) => items.iter().for_each(|i| walk_expr(i, f)),
        ExprKind::Record(entries) => entries.iter().for_each(|entry| match entry {
            RecordEntry::Field { value, .. } => walk_expr(value, f),
            RecordEntry::Spread(base) => walk_expr(base, f),
        }),
        ExprKind::Field { receiver, .. } => walk_expr(receiver, f),
        ExprKind::Index { receiver, index } => {
            walk_expr(receiver, f);
            walk_expr(index, f);
        }
        ExprKind::Call { callee, args, .. } => {
            walk_expr(callee, f);
            args.iter().for_each(|a| walk_expr(&a.value, f));
        }
        ExprKind::Unary(_, x) | ExprKind::Paren(x) => walk_expr(x, f),
        ExprKind::Binary(a, _, b) | ExprKind::Range(a, b) => {
            walk_expr(a, f);
            walk_expr(b, f);
        }
        ExprKind::Cast { value, .. } => walk_expr(value, f),
        ExprKind::Lambda { body, .. } => walk_expr(body, f),
        ExprKind::If(x) => {
            walk_expr(&x.condition, f);
            walk_block(&x.then, f);
            match &x.otherwise {
                Some(Else::Block(b)) => walk_block(b, f),
                Some(Else::If(e)) => walk_expr(e, f),
                None => {}
            }
        }
        ExprKind::Match(x) => {
            walk_expr(&x.subject, f);
            for arm in &x.arms {
                optional_expr(&arm.guard, f);
                match &arm.body {
                    ArmBody::Block(b) | ArmBody::Statement(b) => walk_block(b, f),
                    ArmBody::Expr(e) => walk_expr(e, f),
                }
            }
        }
        ExprKind::For(x) => {
            walk_expr(&x.iterable, f);
            optional_expr(&x.max, f);
            walk_block(&x.body, f);
        }
        ExprKind::Repeat(x) => {
            optional_expr(&x.max, f);
            walk_block(&x.body, f);
            optional_expr(&x.until, f);
        }
        ExprKind::Parallel(x) => {
            optional_expr(&x.max, f);
            walk_block(&x.body, f);
        }
        ExprKind::Swarm(x) => {
            optional_expr(&x.max, f);
            walk_block(&x.body, f);
        }
        ExprKind::Sandbox(x) => {
            walk_expr(&x.dir, f);
            if let Some(NetworkSetting::Hosts(hosts)) = &x.network {
                walk_expr(hosts, f);
            }
            walk_block(&x.body, f);
        }
    }
}

/// The outermost blocks inside of a statement.
pub(crate) fn blocks_of<'a>(s: &'a Stmt, out: &mut Vec<&'a Block>) {
    let value = match &s.kind {
        StmtKind::Stage { value, .. }
        | StmtKind::Expr(value, _)
        | StmtKind::Let { value, .. }
        | StmtKind::LetFields { value, .. }
        | StmtKind::Var { value, .. }
        | StmtKind::Assign { value, .. }
        | StmtKind::Return(Some(value)) => value,
        _ => return,
    };
    let mut values = vec![value];
    while let Some(e) = values.pop() {
        match &e.kind {
            ExprKind::If(x) => {
                out.push(&x.then);
                match &x.otherwise {
                    Some(Else::Block(b)) => out.push(b),
                    Some(Else::If(e)) => values.push(e),
                    None => {}
                }
            }
            ExprKind::Match(x) => {
                for arm in &x.arms {
                    match &arm.body {
                        ArmBody::Block(b) | ArmBody::Statement(b) => out.push(b),
                        ArmBody::Expr(e) => values.push(e),
                    }
                }
            }
            ExprKind::For(x) => out.push(&x.body),
            ExprKind::Repeat(x) => out.push(&x.body),
            ExprKind::Parallel(x) => out.push(&x.body),
            ExprKind::Swarm(x) => out.push(&x.body),
            ExprKind::Sandbox(x) => out.push(&x.body),
            ExprKind::Paren(inner) => values.push(inner),
            _ => {}
        }
    }
}

/// Calls `f` for every expression of a declaration.
pub(crate) fn walk_item<'a>(item: &'a Item, f: &mut dyn FnMut(&'a Expr)) {
    let params = |params: &'a [Param], f: &mut dyn FnMut(&'a Expr)| {
        params.iter().for_each(|param| optional_expr(&param.default, f));
    };
    match &item.kind {
        ItemKind::Skill(decl) => {
            params(&decl.params, f);
            decl.body.iter().for_each(|line| skill_line(line, f));
        }
        ItemKind::Fn(decl) => {
            params(&decl.params, f);
            fn_body(&decl.body, f);
        }
        ItemKind::Const(decl) => walk_expr(&decl.value, f),
        ItemKind::Cascade(decl) => {
            params(&decl.params, f);
            walk_clauses(&decl.clauses, f);
            walk_block(&decl.body, f);
        }
        ItemKind::Test(decl) => decl.body.iter().for_each(|line| test_line(line, f)),
        ItemKind::Type(decl) => decl.fields.iter().for_each(|field| optional_expr(&field.default, f)),
        ItemKind::Memory(decl) => decl.entries.iter().for_each(|field| optional_expr(&field.default, f)),
        ItemKind::Model(decl) => walk_settings(&decl.settings, f),
        ItemKind::Mcp(decl) => walk_settings(&decl.settings, f),
        ItemKind::Import(_)
        | ItemKind::Alias(_)
        | ItemKind::Enum(_)
        | ItemKind::Route(_)
        | ItemKind::Edition(_)
        | ItemKind::Error => {}
    }
}

fn walk_settings<'a>(list: &'a [Setting], f: &mut dyn FnMut(&'a Expr)) {
    list.iter().for_each(|setting| walk_expr(&setting.value, f));
}

fn skill_line<'a>(line: &'a SkillLine, f: &mut dyn FnMut(&'a Expr)) {
    use SkillLineKind as Line;
    match &line.kind {
        Line::Prompt(e)
        | Line::Run(e)
        | Line::Builtin(e)
        | Line::System(e)
        | Line::Temperature(e)
        | Line::MaxTokens(e)
        | Line::Attach(Attach::Value(e))
        | Line::In(e)
        | Line::Stdin(e)
        | Line::OutputFiles { pattern: e, .. }
        | Line::Return(e) => walk_expr(e, f),
        Line::Agent { dir, prompt } => {
            optional_expr(dir, f);
            walk_expr(prompt, f);
        }
        Line::Http { url, settings: list, .. } => {
            walk_expr(url, f);
            walk_settings(list, f);
        }
        Line::Mcp { args, .. } => optional_expr(args, f),
        Line::Attach(Attach::Files { pattern, dir }) => {
            walk_expr(pattern, f);
            optional_expr(dir, f);
        }
        Line::Env(list) => walk_settings(list, f),
        Line::SkillFile(text) => string_literal(text, f),
        Line::Needs(_) | Line::Tools(_) | Line::Exit(_) | Line::Output { .. } | Line::Error => {}
    }
}

fn test_line<'a>(line: &'a TestLine, f: &mut dyn FnMut(&'a Expr)) {
    match &line.kind {
        TestLineKind::Mock { outcomes, .. } => {
            for outcome in outcomes {
                let (value, times, after) = match outcome {
                    MockOutcome::Value { value, times, after } => (Some(value), times, after),
                    MockOutcome::Fails { message, times, after, .. } => (message.as_ref(), times, after),
                };
                value.into_iter().chain(times).chain(after).for_each(|e| walk_expr(e, f));
            }
        }
        TestLineKind::Run(e) | TestLineKind::Expect(e) | TestLineKind::Let { value: e, .. } => walk_expr(e, f),
        TestLineKind::ExpectStage { times: e, .. } | TestLineKind::ExpectFails { message: e, .. } => {
            optional_expr(e, f);
        }
        TestLineKind::Error => {}
    }
}
