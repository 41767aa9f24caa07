//! How deep a tree is. Every node knows its depth, so each sum looks one level down only; what
//! is deeper than the limit is cut while it is built, so nothing that recurses can overflow.

use super::Cx;
use crate::SyntaxErrorKind;
use crate::ast::*;

impl Cx<'_> {
    /// An expression; an error when it is too deep.
    pub(crate) fn expr(&mut self, kind: ExprKind, span: Span) -> Expr {
        let depth = below(&kind) + 1;
        if depth > MAX_DEPTH {
            self.too_deep(span);
            return Expr { kind: ExprKind::Error, span, depth: 0 };
        }
        Expr { kind, span, depth }
    }

    /// A type; an error when it is too deep.
    pub(crate) fn ty(&mut self, kind: TypeExprKind, span: Span) -> TypeExpr {
        let depth = match &kind {
            TypeExprKind::Named { args, .. } => most(args.iter().map(|ty| ty.depth)),
            TypeExprKind::Optional(ty) => ty.depth,
            TypeExprKind::Record(fields) => most(fields.iter().map(field)),
            TypeExprKind::Where(ty, predicate) => ty.depth.max(predicate.depth),
            TypeExprKind::Error => 0,
        } + 1;
        if depth > MAX_DEPTH {
            self.too_deep(span);
            return TypeExpr { kind: TypeExprKind::Error, span, depth: 0 };
        }
        TypeExpr { kind, span, depth }
    }

    fn too_deep(&mut self, span: Span) {
        if !self.too_deep {
            self.error(SyntaxErrorKind::TooDeep, span);
        }
        self.too_deep = true;
    }
}

fn most(depths: impl Iterator<Item = u16>) -> u16 {
    depths.max().unwrap_or(0)
}

fn opt(expr: &Option<Expr>) -> u16 {
    expr.as_ref().map_or(0, |expr| expr.depth)
}

fn opt_ty(ty: &Option<TypeExpr>) -> u16 {
    ty.as_ref().map_or(0, |ty| ty.depth)
}

fn field(field: &FieldDecl) -> u16 {
    field.ty.depth.max(opt(&field.default))
}

fn str_lit(literal: &StrLit) -> u16 {
    most(literal.parts.iter().map(|part| match part {
        StrPart::Text { .. } => 0,
        StrPart::Hole { expr, .. } => expr.depth,
    }))
}

fn below(kind: &ExprKind) -> u16 {
    match kind {
        ExprKind::Null
        | ExprKind::Bool(_)
        | ExprKind::Int(_)
        | ExprKind::Float(_)
        | ExprKind::Duration(_)
        | ExprKind::Money(_)
        | ExprKind::Name(_)
        | ExprKind::Error => 0,
        ExprKind::Str(literal) | ExprKind::Command(literal) => str_lit(literal),
        ExprKind::List(items) => most(items.iter().map(|item| item.depth)),
        ExprKind::Record(entries) => most(entries.iter().map(|entry| match entry {
            RecordEntry::Field { value, .. } | RecordEntry::Spread(value) => value.depth,
        })),
        ExprKind::Field { receiver, .. } => receiver.depth,
        ExprKind::Index { receiver, index } => receiver.depth.max(index.depth),
        ExprKind::Call { callee, args, .. } => callee.depth.max(most(args.iter().map(|arg| arg.value.depth))),
        ExprKind::Unary(_, value) | ExprKind::Paren(value) => value.depth,
        ExprKind::Binary(left, _, right) => left.depth.max(right.depth),
        ExprKind::Cast { value, ty, .. } => value.depth.max(ty.depth),
        ExprKind::Lambda { body, .. } => body.depth,
        ExprKind::If(node) => {
            let otherwise = match &node.otherwise {
                None => 0,
                Some(Else::Block(body)) => block(body),
                Some(Else::If(next)) => next.depth,
            };
            node.condition.depth.max(block(&node.then)).max(otherwise)
        }
        ExprKind::Match(node) => node.subject.depth.max(most(node.arms.iter().map(arm))),
        ExprKind::For(node) => node.iterable.depth.max(opt(&node.max)).max(block(&node.body)),
        ExprKind::Repeat(node) => opt(&node.max).max(block(&node.body)).max(opt(&node.until)),
        ExprKind::Parallel(node) => opt(&node.max).max(block(&node.body)),
        ExprKind::Swarm(node) => opt(&node.max).max(block(&node.body)),
        ExprKind::Sandbox(node) => node.dir.depth.max(block(&node.body)),
    }
}

fn arm(arm: &MatchArm) -> u16 {
    let pattern = match &arm.pattern.kind {
        PatternKind::Literal(value) => value.depth,
        PatternKind::Range(low, high) => opt(low).max(opt(high)),
        PatternKind::Wildcard | PatternKind::Variant { .. } | PatternKind::Error => 0,
    };
    let body = match &arm.body {
        ArmBody::Block(body) => block(body),
        ArmBody::Expr(value) => value.depth,
    };
    pattern.max(opt(&arm.guard)).max(body)
}

fn block(block: &Block) -> u16 {
    most(block.stmts.iter().map(stmt))
}

fn stmt(stmt: &Stmt) -> u16 {
    let args = stmt.attributes.iter().flat_map(|attribute| &attribute.args);
    most(args.map(|arg| arg.depth)).max(match &stmt.kind {
        StmtKind::Stage { ty, value, clauses, .. } => opt_ty(ty).max(value.depth).max(most(clauses.iter().map(clause))),
        StmtKind::Let { ty, value, .. } | StmtKind::Var { ty, value, .. } => opt_ty(ty).max(value.depth),
        StmtKind::Assign { target, value, .. } => target.depth.max(value.depth),
        StmtKind::Gate { condition, message } | StmtKind::Warn { condition, message } => {
            condition.depth.max(opt(message))
        }
        StmtKind::Fail(value) | StmtKind::Log(value) => value.depth,
        StmtKind::Return(value) => opt(value),
        StmtKind::Expr(value, clauses) => value.depth.max(most(clauses.iter().map(clause))),
        StmtKind::On { body, .. } => block(body) + 1,
        StmtKind::Error => 0,
    })
}

fn clause(clause: &Clause) -> u16 {
    match &clause.kind {
        ClauseKind::Using(value)
        | ClauseKind::Budget(value)
        | ClauseKind::TokenBudget(value)
        | ClauseKind::Cache(value)
        | ClauseKind::Branch(value) => value.depth,
        ClauseKind::Timeout { total, idle } => total.depth.max(opt(idle)),
        ClauseKind::Retry { count, backoff } => {
            let backoff = backoff.as_ref();
            count.depth.max(backoff.map_or(0, |(first, last)| first.depth.max(last.depth)))
        }
        ClauseKind::OnError { action, .. } => match action {
            ErrorAction::Fix { using, max } => opt(using).max(opt(max)),
            ErrorAction::Use(value) | ErrorAction::Fallback(value) => value.depth,
            ErrorAction::Escalate(message) | ErrorAction::Fail(message) => opt(message),
            ErrorAction::Redistribute | ErrorAction::Skip | ErrorAction::Error => 0,
        },
        ClauseKind::Needs(_) | ClauseKind::Isolate | ClauseKind::Discard | ClauseKind::Error => 0,
    }
}
