//! Types.

use cascade_grammar::ast::{TypeExpr, TypeExprKind};

use super::Formatter;
use super::doc::Doc;

impl<'t> Formatter<'t> {
    pub(super) fn ty(&mut self, ty: &'t TypeExpr) -> Doc<'t> {
        match &ty.kind {
            TypeExprKind::Named { path, args } => {
                let path = self.path(path);
                if args.is_empty() {
                    return path;
                }
                let mut docs = vec![path, Doc::Text("<")];
                for (index, arg) in args.iter().enumerate() {
                    if index > 0 {
                        docs.push(Doc::Text(", "));
                    }
                    docs.push(self.ty(arg));
                }
                docs.push(Doc::Text(">"));
                Doc::seq(docs)
            }
            TypeExprKind::Optional(inner) => Doc::seq([self.ty(inner), Doc::Text("?")]),
            TypeExprKind::Record(fields) => {
                let entries = self.field_entries(fields);
                let first = fields.first().map(|field| field.span.start);
                self.braces(entries, first, ty.span.end.saturating_sub(1)).doc()
            }
            TypeExprKind::Where(inner, predicate) => {
                let inner = self.ty(inner);
                Doc::seq([inner, Doc::Text(" where "), self.expr(predicate)])
            }
            TypeExprKind::Error => Doc::Text(self.str(ty.span)),
        }
    }
}
