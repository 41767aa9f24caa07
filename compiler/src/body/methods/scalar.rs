//! Methods of maps, text, paths and numbers.

use cascade_ir::Builtin as B;

use super::Call;
use crate::{body::BodyChecker, checks::methods::regular_expression, types::Ty};

impl BodyChecker<'_> {
    pub(super) fn infer_map_method(&mut self, call: &mut Call<'_>, element: Ty, map: Ty) -> Option<(B, Ty)> {
        let strings = self.context.types.list(Ty::STRING);
        match call.name.text.as_str() {
            "len" => self.check_no_arguments(call, B::Len, Ty::INT),
            "is_empty" => self.check_no_arguments(call, B::IsEmpty, Ty::BOOL),
            "keys" => self.check_no_arguments(call, B::Keys, strings),
            "values" => {
                let ty = self.context.types.list(element);
                self.check_no_arguments(call, B::Values, ty)
            }
            "entries" => {
                let pair = self.context.types.record(vec![("key".into(), Ty::STRING), ("value".into(), element)]);
                let ty = self.context.types.list(pair);
                self.check_no_arguments(call, B::Entries, ty)
            }
            "get" => {
                let ty = self.context.types.optional(element);
                self.check_fixed_arguments(call, B::Get, &[Ty::STRING], ty)
            }
            "contains" => self.check_fixed_arguments(call, B::Contains, &[Ty::STRING], Ty::BOOL),
            "set" => self.check_fixed_arguments(call, B::Set, &[Ty::STRING, element], map),
            "remove" => self.check_fixed_arguments(call, B::Remove, &[Ty::STRING], map),
            "merge" => self.check_fixed_arguments(call, B::Merge, &[map], map),
            "map_values" => {
                let ty = self.check_lambda_argument(call, &[element], None);
                Some((B::MapValues, self.context.types.map(ty)))
            }
            _ => None,
        }
    }

    pub(super) fn infer_text_method(&mut self, call: &mut Call<'_>) -> Option<(B, Ty)> {
        use Ty as T;
        let strings = self.context.types.list(T::STRING);
        let mut opt = |t: Ty| self.context.types.optional(t);
        let (int_opt, float_opt, json_opt) = (opt(T::INT), opt(T::FLOAT), opt(T::JSON));
        match call.name.text.as_str() {
            "len" => self.check_no_arguments(call, B::Len, T::INT),
            "is_empty" => self.check_no_arguments(call, B::IsEmpty, T::BOOL),
            "split" => self.check_fixed_arguments(call, B::Split, &[T::STRING], strings),
            "trim" => self.check_no_arguments(call, B::Trim, T::STRING),
            "lines" => self.check_no_arguments(call, B::Lines, strings),
            "words" => self.check_no_arguments(call, B::Words, strings),
            "lower" => self.check_no_arguments(call, B::Lower, T::STRING),
            "upper" => self.check_no_arguments(call, B::Upper, T::STRING),
            "replace" => self.check_fixed_arguments(call, B::Replace, &[T::STRING, T::STRING], T::STRING),
            "starts_with" => self.check_fixed_arguments(call, B::StartsWith, &[T::STRING], T::BOOL),
            "ends_with" => self.check_fixed_arguments(call, B::EndsWith, &[T::STRING], T::BOOL),
            "contains" => self.check_fixed_arguments(call, B::Contains, &[T::STRING], T::BOOL),
            "index_of" => self.check_fixed_arguments(call, B::IndexOf, &[T::STRING], int_opt),
            "matches" => {
                self.context
                    .report(call.args.first().and_then(|pattern| regular_expression(self.context.view(), pattern)));
                self.check_fixed_arguments(call, B::Matches, &[T::STRING], T::BOOL)
            }
            "capture" => {
                self.context
                    .report(call.args.first().and_then(|pattern| regular_expression(self.context.view(), pattern)));
                let group = self.context.types.optional(T::STRING);
                let groups = self.context.types.list(group);
                let ty = self.context.types.optional(groups);
                self.check_fixed_arguments(call, B::Capture, &[T::STRING], ty)
            }
            "take" => self.check_fixed_arguments(call, B::Take, &[T::INT], T::STRING),
            "skip" => self.check_fixed_arguments(call, B::Skip, &[T::INT], T::STRING),
            "reverse" => self.check_no_arguments(call, B::Reverse, T::STRING),
            "repeat" => self.check_fixed_arguments(call, B::Repeat, &[T::INT], T::STRING),
            "pad_start" => self.check_arguments_up_to(call, B::PadStart, &[T::INT, T::STRING], 1, T::STRING),
            "pad_end" => self.check_arguments_up_to(call, B::PadEnd, &[T::INT, T::STRING], 1, T::STRING),
            "to_int" => self.check_no_arguments(call, B::ToInt, int_opt),
            "to_float" => self.check_no_arguments(call, B::ToFloat, float_opt),
            "parse_json" => self.check_no_arguments(call, B::ParseJson, json_opt),
            "parse_time" => {
                let time = self.context.types.optional(Ty::TIME);
                self.check_no_arguments(call, B::ParseTime, time)
            }
            _ => None,
        }
    }

    pub(super) fn infer_path_method(&mut self, call: &mut Call<'_>) -> Option<(B, Ty)> {
        let text = self.context.types.optional(Ty::STRING);
        let path = self.context.types.optional(Ty::PATH);
        match call.name.text.as_str() {
            "join" => self.check_fixed_arguments(call, B::PathJoin, &[Ty::PATH], Ty::PATH),
            "name" => self.check_no_arguments(call, B::PathName, Ty::STRING),
            "stem" => self.check_no_arguments(call, B::PathStem, Ty::STRING),
            "extension" => self.check_no_arguments(call, B::PathExtension, text),
            "parent" => self.check_no_arguments(call, B::PathParent, path),
            "starts_with" => self.check_fixed_arguments(call, B::StartsWith, &[Ty::STRING], Ty::BOOL),
            "ends_with" => self.check_fixed_arguments(call, B::EndsWith, &[Ty::STRING], Ty::BOOL),
            _ => None,
        }
    }

    pub(super) fn infer_number_method(&mut self, call: &mut Call<'_>, ty: Ty) -> Option<(B, Ty)> {
        match call.name.text.as_str() {
            "abs" => self.check_no_arguments(call, B::Abs, ty),
            "to_float" => self.check_no_arguments(call, B::ToFloat, Ty::FLOAT),
            "round" => {
                let result = if call.args.is_empty() { Ty::INT } else { Ty::FLOAT };
                self.check_arguments_up_to(call, B::Round, &[Ty::INT], 0, result)
            }
            "floor" => self.check_no_arguments(call, B::Floor, Ty::INT),
            "ceil" => self.check_no_arguments(call, B::Ceil, Ty::INT),
            "clamp" => self.check_fixed_arguments(call, B::Clamp, &[ty, ty], ty),
            _ => None,
        }
    }
}
