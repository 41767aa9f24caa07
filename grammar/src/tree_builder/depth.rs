//! The depth of the tree. Every node stores its depth, so a depth is computed from the children alone.
//! A node deeper than [`MAX_DEPTH`] becomes an `Error` node while it is built, so no recursive pass
//! over the tree can overflow the stack.

use super::TreeBuilder;
use crate::SyntaxErrorKind;
use crate::ast::*;

impl TreeBuilder<'_> {
    /// An expression; an error when it is too deep.
    pub(crate) fn expr(&mut self, kind: ExprKind, span: Span) -> Expr {
        let depth = depth_below(&kind) + 1;
        if depth > MAX_DEPTH {
            self.too_deep(span);
            return Expr { kind: ExprKind::Error, span, depth: 0 };
        }
        Expr { kind, span, depth }
    }

    /// A type; an error when it is too deep.
    pub(crate) fn ty(&mut self, kind: TypeExprKind, span: Span) -> TypeExpr {
        let depth = match &kind {
            TypeExprKind::Named { args, .. } => max_depth(args.iter().map(|ty| ty.depth)),
            TypeExprKind::Optional(ty) => ty.depth,
            TypeExprKind::Record(fields) => max_depth(fields.iter().map(field_depth)),
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

fn max_depth(depths: impl Iterator<Item = u16>) -> u16 {
    depths.max().unwrap_or(0)
}

fn optional_depth(expr: &Option<Expr>) -> u16 {
    expr.as_ref().map_or(0, |expr| expr.depth)
}

fn optional_type_depth(ty: &Option<TypeExpr>) -> u16 {
    ty.as_ref().map_or(0, |ty| ty.depth)
}

fn field_depth(field: &FieldDecl) -> u16 {
    field.ty.depth.max(optional_depth(&field.default))
}

fn string_depth(literal: &StrLit) -> u16 {
    max_depth(literal.parts.iter().map(|part| match part {
        StrPart::Text { .. } => 0,
        StrPart::Hole { expr, .. } => expr.depth,
    }))
}

fn depth_below(kind: &ExprKind) -> u16 {
    match kind {
        ExprKind::Null
        | ExprKind::Bool(_)
        | ExprKind::Int(_)
        | ExprKind::Float(_)
        | ExprKind::Duration(_)
        | ExprKind::Money(_)
        | ExprKind::Name(_)
        | ExprKind::Error => 0,
        ExprKind::Str(literal) | ExprKind::Command(literal) => string_depth(literal),
        ExprKind::List(items) => max_depth(items.iter().map(|item| item.depth)),
        ExprKind::Record(entries) => max_depth(entries.iter().map(|entry| match entry {
            RecordEntry::Field { value, .. } | RecordEntry::Spread(value) => value.depth,
        })),
        ExprKind::Field { receiver, .. } => receiver.depth,
        ExprKind::Index { receiver, index } => receiver.depth.max(index.depth),
        ExprKind::Call { callee, args, .. } => callee.depth.max(max_depth(args.iter().map(|arg| arg.value.depth))),
        ExprKind::Unary(_, value) | ExprKind::Paren(value) => value.depth,
        ExprKind::Binary(left, _, right) => left.depth.max(right.depth),
        ExprKind::Cast { value, ty, .. } => value.depth.max(ty.depth),
        ExprKind::Lambda { body, .. } => body.depth,
        ExprKind::If(node) => {
            let otherwise = match &node.otherwise {
                None => 0,
                Some(Else::Block(body)) => block_depth(body),
                Some(Else::If(next)) => next.depth,
            };
            node.condition.depth.max(block_depth(&node.then)).max(otherwise)
        }
        ExprKind::Match(node) => node.subject.depth.max(max_depth(node.arms.iter().map(arm_depth))),
        ExprKind::Range(low, high) => low.depth.max(high.depth),
        ExprKind::For(node) => node.iterable.depth.max(optional_depth(&node.max)).max(block_depth(&node.body)),
        ExprKind::Repeat(node) => {
            optional_depth(&node.max).max(block_depth(&node.body)).max(optional_depth(&node.until))
        }
        ExprKind::Parallel(node) => optional_depth(&node.max).max(block_depth(&node.body)),
        ExprKind::Swarm(node) => optional_depth(&node.max).max(block_depth(&node.body)),
        ExprKind::Sandbox(node) => {
            let hosts = match &node.network {
                Some(NetworkSetting::Hosts(hosts)) => hosts.depth,
                Some(NetworkSetting::Word(_)) | None => 0,
            };
            node.dir.depth.max(hosts).max(block_depth(&node.body))
        }
    }
}

fn arm_depth(arm: &MatchArm) -> u16 {
    let pattern = match &arm.pattern.kind {
        PatternKind::Literal(value) => value.depth,
        PatternKind::Range(low, high) => optional_depth(low).max(optional_depth(high)),
        // Alternatives do not nest, and their parts are literals.
        PatternKind::OneOf(_) => 1,
        PatternKind::Wildcard | PatternKind::Variant { .. } | PatternKind::Error => 0,
    };
    let body = match &arm.body {
        ArmBody::Block(body) | ArmBody::Statement(body) => block_depth(body),
        ArmBody::Expr(value) => value.depth,
    };
    pattern.max(optional_depth(&arm.guard)).max(body)
}

fn block_depth(block: &Block) -> u16 {
    max_depth(block.stmts.iter().map(stmt_depth))
}

fn stmt_depth(stmt: &Stmt) -> u16 {
    let args = stmt.attributes.iter().flat_map(|attribute| &attribute.args);
    max_depth(args.map(|arg| arg.depth)).max(match &stmt.kind {
        StmtKind::Stage { ty, value, clauses, .. } => {
            optional_type_depth(ty).max(value.depth).max(max_depth(clauses.iter().map(clause_depth)))
        }
        StmtKind::Let { ty, value, .. } | StmtKind::Var { ty, value, .. } => optional_type_depth(ty).max(value.depth),
        StmtKind::LetFields { value, .. } => value.depth,
        StmtKind::Assign { target, value, .. } => target.depth.max(value.depth),
        StmtKind::Gate { condition, message } | StmtKind::Warn { condition, message } => {
            condition.depth.max(optional_depth(message))
        }
        StmtKind::Fail(value) | StmtKind::Log(value) => value.depth,
        StmtKind::Return(value) => optional_depth(value),
        StmtKind::Expr(value, clauses) => value.depth.max(max_depth(clauses.iter().map(clause_depth))),
        StmtKind::On { body, .. } => block_depth(body) + 1,
        StmtKind::Error => 0,
    })
}

fn clause_depth(clause: &Clause) -> u16 {
    match &clause.kind {
        ClauseKind::Using(value)
        | ClauseKind::Budget(value)
        | ClauseKind::TokenBudget(value)
        | ClauseKind::Cache(value)
        | ClauseKind::Exclusive { name: value, .. }
        | ClauseKind::Branch(value) => value.depth,
        ClauseKind::Timeout { total, idle } => total.depth.max(optional_depth(idle)),
        ClauseKind::Retry { count, backoff } => {
            let backoff = backoff.as_ref();
            count.depth.max(backoff.map_or(0, |(first, last)| first.depth.max(last.depth)))
        }
        ClauseKind::OnError { action, .. } => match action {
            ErrorAction::Fix { using, max } => optional_depth(using).max(optional_depth(max)),
            ErrorAction::Use(value) | ErrorAction::Fallback(value) => value.depth,
            ErrorAction::Escalate(message) | ErrorAction::Fail(message) => optional_depth(message),
            ErrorAction::Redistribute | ErrorAction::Skip | ErrorAction::Keep | ErrorAction::Error => 0,
        },
        ClauseKind::Needs(_) | ClauseKind::Isolate | ClauseKind::Discard | ClauseKind::Error => 0,
    }
}
