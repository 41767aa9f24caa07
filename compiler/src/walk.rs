//! Visits every expression below a node, the node itself first.

use cascade_grammar::ast::{
    ArmBody, Attach, Block, Clause, ClauseKind, Else, ErrorAction, Expr, ExprKind, FnBody, Item, ItemKind, MockOutcome,
    NetworkSetting, Param, RecordEntry, Setting, SkillLine, SkillLineKind, Stmt, StmtKind, StrLit, StrPart, TestLine,
    TestLineKind,
};

/// Calls `f` for every expression of the body of a fn.
pub(crate) fn fn_body<'a>(body: &'a FnBody, f: &mut dyn FnMut(&'a Expr)) {
    match body {
        FnBody::Expr(value) => expr(value, f),
        FnBody::Block(b) => block(b, f),
    }
}

/// Calls `f` for every expression of a block.
pub(crate) fn block<'a>(b: &'a Block, f: &mut dyn FnMut(&'a Expr)) {
    for s in &b.stmts {
        stmt(s, f);
    }
}

/// Calls `f` for every expression of a statement.
pub(crate) fn stmt<'a>(s: &'a Stmt, f: &mut dyn FnMut(&'a Expr)) {
    match &s.kind {
        StmtKind::Stage { value, clauses: c, .. } | StmtKind::Expr(value, c) => {
            expr(value, f);
            clauses(c, f);
        }
        StmtKind::Let { value, .. } | StmtKind::LetFields { value, .. } | StmtKind::Var { value, .. } => expr(value, f),
        StmtKind::Assign { target, value, .. } => {
            expr(target, f);
            expr(value, f);
        }
        StmtKind::Gate { condition, message } | StmtKind::Warn { condition, message } => {
            expr(condition, f);
            optional_expr(message, f);
        }
        StmtKind::Fail(e) | StmtKind::Log(e) => expr(e, f),
        StmtKind::Return(e) => optional_expr(e, f),
        StmtKind::On { body, .. } => block(body, f),
        StmtKind::Error => {}
    }
}

/// Calls `f` for every expression of clauses.
pub(crate) fn clauses<'a>(list: &'a [Clause], f: &mut dyn FnMut(&'a Expr)) {
    for clause in list {
        match &clause.kind {
            ClauseKind::Using(e)
            | ClauseKind::Budget(e)
            | ClauseKind::TokenBudget(e)
            | ClauseKind::Cache(e)
            | ClauseKind::Exclusive { name: e, .. }
            | ClauseKind::Branch(e) => expr(e, f),
            ClauseKind::Timeout { total, idle } => {
                expr(total, f);
                optional_expr(idle, f);
            }
            ClauseKind::Retry { count, backoff } => {
                expr(count, f);
                if let Some((low, high)) = backoff {
                    expr(low, f);
                    expr(high, f);
                }
            }
            ClauseKind::OnError { action, .. } => match action {
                ErrorAction::Fix { using, max } => {
                    optional_expr(using, f);
                    optional_expr(max, f);
                }
                ErrorAction::Use(e) | ErrorAction::Fallback(e) => expr(e, f),
                ErrorAction::Escalate(e) | ErrorAction::Fail(e) => optional_expr(e, f),
                ErrorAction::Redistribute | ErrorAction::Skip | ErrorAction::Keep | ErrorAction::Error => {}
            },
            ClauseKind::Needs(_) | ClauseKind::Isolate | ClauseKind::Discard | ClauseKind::Error => {}
        }
    }
}

fn optional_expr<'a>(e: &'a Option<Expr>, f: &mut dyn FnMut(&'a Expr)) {
    if let Some(e) = e {
        expr(e, f);
    }
}

fn string_literal<'a>(s: &'a StrLit, f: &mut dyn FnMut(&'a Expr)) {
    for part in &s.parts {
        if let StrPart::Hole { expr: e, .. } = part {
            expr(e, f);
        }
    }
}

/// Calls `f` for an expression and all below it.
pub(crate) fn expr<'a>(e: &'a Expr, f: &mut dyn FnMut(&'a Expr)) {
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
        ExprKind::List(items) => items.iter().for_each(|i| expr(i, f)),
        ExprKind::Record(entries) => entries.iter().for_each(|entry| match entry {
            RecordEntry::Field { value, .. } => expr(value, f),
            RecordEntry::Spread(base) => expr(base, f),
        }),
        ExprKind::Field { receiver, .. } => expr(receiver, f),
        ExprKind::Index { receiver, index } => {
            expr(receiver, f);
            expr(index, f);
        }
        ExprKind::Call { callee, args, .. } => {
            expr(callee, f);
            args.iter().for_each(|a| expr(&a.value, f));
        }
        ExprKind::Unary(_, x) | ExprKind::Paren(x) => expr(x, f),
        ExprKind::Binary(a, _, b) | ExprKind::Range(a, b) => {
            expr(a, f);
            expr(b, f);
        }
        ExprKind::Cast { value, .. } => expr(value, f),
        ExprKind::Lambda { body, .. } => expr(body, f),
        ExprKind::If(x) => {
            expr(&x.condition, f);
            block(&x.then, f);
            match &x.otherwise {
                Some(Else::Block(b)) => block(b, f),
                Some(Else::If(e)) => expr(e, f),
                None => {}
            }
        }
        ExprKind::Match(x) => {
            expr(&x.subject, f);
            for arm in &x.arms {
                optional_expr(&arm.guard, f);
                match &arm.body {
                    ArmBody::Block(b) | ArmBody::Statement(b) => block(b, f),
                    ArmBody::Expr(e) => expr(e, f),
                }
            }
        }
        ExprKind::For(x) => {
            expr(&x.iterable, f);
            optional_expr(&x.max, f);
            block(&x.body, f);
        }
        ExprKind::Repeat(x) => {
            optional_expr(&x.max, f);
            block(&x.body, f);
            optional_expr(&x.until, f);
        }
        ExprKind::Parallel(x) => {
            optional_expr(&x.max, f);
            block(&x.body, f);
        }
        ExprKind::Swarm(x) => {
            optional_expr(&x.max, f);
            block(&x.body, f);
        }
        ExprKind::Sandbox(x) => {
            expr(&x.dir, f);
            if let Some(NetworkSetting::Hosts(hosts)) = &x.network {
                expr(hosts, f);
            }
            block(&x.body, f);
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
pub(crate) fn item<'a>(item: &'a Item, f: &mut dyn FnMut(&'a Expr)) {
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
        ItemKind::Const(decl) => expr(&decl.value, f),
        ItemKind::Cascade(decl) => {
            params(&decl.params, f);
            clauses(&decl.clauses, f);
            block(&decl.body, f);
        }
        ItemKind::Test(decl) => decl.body.iter().for_each(|line| test_line(line, f)),
        ItemKind::Type(decl) => decl.fields.iter().for_each(|field| optional_expr(&field.default, f)),
        ItemKind::Memory(decl) => decl.entries.iter().for_each(|field| optional_expr(&field.default, f)),
        ItemKind::Model(decl) => settings(&decl.settings, f),
        ItemKind::Mcp(decl) => settings(&decl.settings, f),
        ItemKind::Import(_)
        | ItemKind::Alias(_)
        | ItemKind::Enum(_)
        | ItemKind::Route(_)
        | ItemKind::Edition(_)
        | ItemKind::Error => {}
    }
}

fn settings<'a>(list: &'a [Setting], f: &mut dyn FnMut(&'a Expr)) {
    list.iter().for_each(|setting| expr(&setting.value, f));
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
        | Line::Return(e) => expr(e, f),
        Line::Agent { dir, prompt } => {
            optional_expr(dir, f);
            expr(prompt, f);
        }
        Line::Http { url, settings: list, .. } => {
            expr(url, f);
            settings(list, f);
        }
        Line::Mcp { args, .. } => optional_expr(args, f),
        Line::Attach(Attach::Files { pattern, dir }) => {
            expr(pattern, f);
            optional_expr(dir, f);
        }
        Line::Env(list) => settings(list, f),
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
                value.into_iter().chain(times).chain(after).for_each(|e| expr(e, f));
            }
        }
        TestLineKind::Run(e) | TestLineKind::Expect(e) | TestLineKind::Let { value: e, .. } => expr(e, f),
        TestLineKind::ExpectStage { times: e, .. } | TestLineKind::ExpectFails { message: e, .. } => {
            optional_expr(e, f);
        }
        TestLineKind::Error => {}
    }
}
