//! Methods of maps, text, paths and numbers.

use cascade_ir::Builtin as B;

use super::Call;
use crate::{codes, elab::body::Body, types::Ty};

impl<'a> Body<'_, 'a> {
    pub(super) fn map_method(&mut self, call: &mut Call<'_, 'a>, element: Ty, map: Ty) -> Option<(B, Ty)> {
        let strings = self.cx.types.list(Ty::STRING);
        match call.name.text.as_str() {
            "len" => self.none(call, B::Len, Ty::INT),
            "is_empty" => self.none(call, B::IsEmpty, Ty::BOOL),
            "keys" => self.none(call, B::Keys, strings),
            "values" => {
                let ty = self.cx.types.list(element);
                self.none(call, B::Values, ty)
            }
            "entries" => {
                let pair = self.cx.types.record(vec![("key".into(), Ty::STRING), ("value".into(), element)]);
                let ty = self.cx.types.list(pair);
                self.none(call, B::Entries, ty)
            }
            "get" => {
                let ty = self.cx.types.optional(element);
                self.simple(call, B::Get, &[Ty::STRING], ty)
            }
            "contains" => self.simple(call, B::Contains, &[Ty::STRING], Ty::BOOL),
            "set" => self.simple(call, B::Set, &[Ty::STRING, element], map),
            "remove" => self.simple(call, B::Remove, &[Ty::STRING], map),
            "merge" => self.simple(call, B::Merge, &[map], map),
            "map_values" => {
                let ty = self.one_lambda(call, &[element], None);
                Some((B::MapValues, self.cx.types.map(ty)))
            }
            _ => None,
        }
    }

    pub(super) fn text_method(&mut self, call: &mut Call<'_, 'a>) -> Option<(B, Ty)> {
        use Ty as T;
        let strings = self.cx.types.list(T::STRING);
        let mut opt = |t: Ty| self.cx.types.optional(t);
        let (int_opt, float_opt, json_opt) = (opt(T::INT), opt(T::FLOAT), opt(T::JSON));
        match call.name.text.as_str() {
            "len" => self.none(call, B::Len, T::INT),
            "is_empty" => self.none(call, B::IsEmpty, T::BOOL),
            "split" => self.simple(call, B::Split, &[T::STRING], strings),
            "trim" => self.none(call, B::Trim, T::STRING),
            "lines" => self.none(call, B::Lines, strings),
            "words" => self.none(call, B::Words, strings),
            "lower" => self.none(call, B::Lower, T::STRING),
            "upper" => self.none(call, B::Upper, T::STRING),
            "replace" => self.simple(call, B::Replace, &[T::STRING, T::STRING], T::STRING),
            "starts_with" => self.simple(call, B::StartsWith, &[T::STRING], T::BOOL),
            "ends_with" => self.simple(call, B::EndsWith, &[T::STRING], T::BOOL),
            "contains" => self.simple(call, B::Contains, &[T::STRING], T::BOOL),
            "index_of" => self.simple(call, B::IndexOf, &[T::STRING], int_opt),
            "matches" => {
                self.regex(call);
                self.simple(call, B::Matches, &[T::STRING], T::BOOL)
            }
            "capture" => {
                self.regex(call);
                let group = self.cx.types.optional(T::STRING);
                let groups = self.cx.types.list(group);
                let ty = self.cx.types.optional(groups);
                self.simple(call, B::Capture, &[T::STRING], ty)
            }
            "take" => self.simple(call, B::Take, &[T::INT], T::STRING),
            "skip" => self.simple(call, B::Skip, &[T::INT], T::STRING),
            "reverse" => self.none(call, B::Reverse, T::STRING),
            "repeat" => self.simple(call, B::Repeat, &[T::INT], T::STRING),
            "pad_start" => self.upto(call, B::PadStart, &[T::INT, T::STRING], 1, T::STRING),
            "pad_end" => self.upto(call, B::PadEnd, &[T::INT, T::STRING], 1, T::STRING),
            "to_int" => self.none(call, B::ToInt, int_opt),
            "to_float" => self.none(call, B::ToFloat, float_opt),
            "parse_json" => self.none(call, B::ParseJson, json_opt),
            _ => None,
        }
    }

    /// A pattern that is written out is checked now rather than when it is used.
    fn regex(&mut self, call: &Call<'_, 'a>) {
        use cascade_grammar::ast::{ExprKind, StrPart};
        let Some(arg) = call.args.first() else { return };
        let ExprKind::Str(text) = &arg.value.kind else { return };
        if let [StrPart::Text { text, .. }] = text.parts.as_slice()
            && let Err(error) = regex_syntax::parse(text)
        {
            let why = match &error {
                regex_syntax::Error::Parse(e) => e.kind().to_string(),
                regex_syntax::Error::Translate(e) => e.kind().to_string(),
                other => other.to_string(),
            };
            let d = self
                .diag(codes::MISMATCH, arg.value.span, format!("this is not a regular expression: {why}"))
                .label("cannot be read as a pattern")
                .help("a backslash in text is written `\\\\`: `\"\\\\d+\"`");
            self.report(d);
        }
    }

    pub(super) fn path_method(&mut self, call: &mut Call<'_, 'a>) -> Option<(B, Ty)> {
        let text = self.cx.types.optional(Ty::STRING);
        let path = self.cx.types.optional(Ty::PATH);
        match call.name.text.as_str() {
            "join" => self.simple(call, B::PathJoin, &[Ty::PATH], Ty::PATH),
            "name" => self.none(call, B::PathName, Ty::STRING),
            "stem" => self.none(call, B::PathStem, Ty::STRING),
            "extension" => self.none(call, B::PathExtension, text),
            "parent" => self.none(call, B::PathParent, path),
            "starts_with" => self.simple(call, B::StartsWith, &[Ty::STRING], Ty::BOOL),
            "ends_with" => self.simple(call, B::EndsWith, &[Ty::STRING], Ty::BOOL),
            _ => None,
        }
    }

    pub(super) fn number_method(&mut self, call: &mut Call<'_, 'a>, ty: Ty) -> Option<(B, Ty)> {
        match call.name.text.as_str() {
            "abs" => self.none(call, B::Abs, ty),
            "round" => {
                let result = if call.args.is_empty() { Ty::INT } else { Ty::FLOAT };
                self.upto(call, B::Round, &[Ty::INT], 0, result)
            }
            "floor" => self.none(call, B::Floor, Ty::INT),
            "ceil" => self.none(call, B::Ceil, Ty::INT),
            "clamp" => self.simple(call, B::Clamp, &[ty, ty], ty),
            _ => None,
        }
    }
}
