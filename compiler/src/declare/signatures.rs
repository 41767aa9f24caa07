//! Signatures: the parameters and results of fns, skills and cascades.

use cascade_grammar::ast::{ItemKind, Param, TypeExpr};

use super::Declarer;
use crate::{
    codes,
    types::Ty,
    world::{ParamInfo, doc_text},
};

impl Declarer<'_> {
    /// Resolves all signatures.
    pub(super) fn declare_signatures(&mut self) {
        for index in 0..self.declared.fns.len() {
            let origin = self.declared.fns[index].origin;
            let module = origin.module;
            let ItemKind::Fn(decl) = &self.files.item(module, origin.item).kind else { continue };
            // The result is known since the constants were declared.
            let (params, _) = self.resolve_signature(module, &decl.params, None);
            if decl.result.is_none() && !decl.name.text.is_empty() {
                let message = format!("`{}` does not say what it gives", decl.name.text);
                let d = self
                    .view(module)
                    .diagnostic(codes::CANNOT_INFER, decl.name.span, message)
                    .label("no result")
                    .help("write `-> T` after the parameters");
                self.report(module, d);
            }
            self.declared.fns[index].params = params;
        }
        for index in 0..self.declared.skills.len() {
            let origin = self.declared.skills[index].origin;
            let ItemKind::Skill(decl) = &self.files.item(origin.module, origin.item).kind else { continue };
            let (params, result) = self.resolve_signature(origin.module, &decl.params, decl.result.as_ref());
            let signature = &mut self.declared.skills[index];
            (signature.params, signature.result) = (params, result);
        }
        for index in 0..self.declared.cascades.len() {
            let origin = self.declared.cascades[index].origin;
            let ItemKind::Cascade(decl) = &self.files.item(origin.module, origin.item).kind else { continue };
            let (params, result) = self.resolve_signature(origin.module, &decl.params, decl.result.as_ref());
            let signature = &mut self.declared.cascades[index];
            (signature.params, signature.result) = (params, result);
        }
    }

    fn resolve_signature(
        &mut self,
        module: usize,
        params: &[Param],
        result: Option<&TypeExpr>,
    ) -> (Vec<ParamInfo>, Ty) {
        let mut out: Vec<ParamInfo> = Vec::new();
        for param in params {
            self.check_value_name(module, &param.name);
            let ty = self.resolve_type(module, &param.ty);
            if out.iter().any(|p| p.name == param.name.text && !p.name.is_empty()) {
                let d = self
                    .view(module)
                    .diagnostic(
                        codes::DUPLICATE,
                        param.name.span,
                        format!("the parameter `{}` is there twice", param.name.text),
                    )
                    .label("again here");
                self.report(module, d);
            }
            let default = param.default.as_ref().map(|default| self.check_constant(module, default, ty));
            let (name, doc) = (param.name.text.clone(), doc_text(&param.docs));
            out.push(ParamInfo { name, ty, doc, default, span: param.name.span });
        }
        let result = match result {
            Some(ty) => self.resolve_type(module, ty),
            None => Ty::NULL,
        };
        (out, result)
    }
}
