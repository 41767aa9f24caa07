//! What the file writes in places like the one at the cursor. Programs repeat themselves: what followed the same words
//! before is likely to follow them again, the more of them are the same. (Tu, Su and Devanbu, "On the localness of
//! software", 2014, measure this for names; here it ranks what the checker allows.)

use cascade_grammar::{Token, TokenClass};
use rustc_hash::FxHashMap as HashMap;

use super::Question;

/// How many tokens before the cursor are compared.
const BEFORE: usize = 6;
/// Each token more that is the same makes a place count so many times more.
const BASE: f32 = 3.0;
/// What a token counts that is of the same class, but another one.
const SAME_CLASS: f32 = 0.3;
/// What nothing in particular counts, so that one place alone is no habit.
const DOUBT: f32 = 6.0;
/// The score of a certain habit, for each token that is the same, and at most.
const SCORE: f32 = 10.0;
const MOST: f32 = 48.0;

/// Names with what they count for.
#[derive(Default)]
pub(super) struct Habits<'a> {
    votes: HashMap<&'a str, f32>,
    all: f32,
    /// How much of the surroundings of the best place is the same.
    likeness: f32,
}

impl<'a> Habits<'a> {
    /// Compares the surroundings of the cursor with those of all other names of the file.
    pub(super) fn learn(question: &Question<'a>) -> Self {
        let mut habits = Self { all: DOUBT, ..Self::default() };
        // Nothing is imported twice.
        if question.imports.iter().any(|import| import.touches(question.offset)) {
            return habits;
        }
        let own = &question.analysis.modules[question.module].parse.tokens;
        let Ok(at) = own.binary_search_by_key(&question.offset, |token| token.span().start) else { return habits };
        let text = |token: &Token| question.text.get(token.span().range()).unwrap_or_default();
        let here = Surroundings::of(own, at, &text);
        let others = question.kept.map(|(kept, changed)| (&*kept.modules[question.module].parse.tokens, Some(changed)));
        for (tokens, left_out) in others.into_iter().chain([(own.as_slice(), None)]) {
            for (number, token) in tokens.iter().enumerate() {
                if !matches!(token.class(), TokenClass::Name | TokenClass::Keyword | TokenClass::Constant)
                    || token.span().start == question.offset
                    || left_out.is_some_and(|span| span.touches(token.span().start))
                {
                    continue;
                }
                let likeness = here.likeness(tokens, number, &text);
                if likeness >= 1.0 {
                    let vote = BASE.powf(likeness);
                    *habits.votes.entry(text(token)).or_default() += vote;
                    habits.all += vote;
                    habits.likeness = habits.likeness.max(likeness);
                }
            }
        }
        habits
    }

    /// What the habits of the file add to the score of a name.
    pub(super) fn score(&self, name: &str) -> i32 {
        let votes = self.votes.get(name).copied().unwrap_or_default();
        ((self.likeness * SCORE).min(MOST) * votes / self.all) as i32
    }
}

/// The tokens before a place, the nearest first, and the one after it.
struct Surroundings<'a> {
    before: Vec<(TokenClass, &'a str)>,
    after: Option<(TokenClass, &'a str)>,
}

impl<'a> Surroundings<'a> {
    fn of(tokens: &[Token], at: usize, text: &impl Fn(&Token) -> &'a str) -> Self {
        let before = tokens.iter().take(at).rev().take(BEFORE);
        Self {
            before: before.map(|token| (token.class(), text(token))).collect(),
            after: tokens.get(at + 1).map(|token| (token.class(), text(token))),
        }
    }

    /// How many tokens around another place are the same, up to the first that is of another kind.
    fn likeness(&self, tokens: &[Token], at: usize, text: &impl Fn(&Token) -> &'a str) -> f32 {
        let alike = |token: &Token, (class, known): (TokenClass, &str)| {
            let same_class = token.class() == class;
            let free = matches!(class, TokenClass::Name | TokenClass::StringText | TokenClass::Number);
            match same_class {
                true if text(token) == known => Some(1.0),
                true if free => Some(SAME_CLASS),
                _ => None,
            }
        };
        let before = tokens.iter().take(at).rev().zip(&self.before);
        let same: f32 = before.map_while(|(token, known)| alike(token, *known)).sum();
        let after = tokens.get(at + 1).zip(self.after).and_then(|(token, known)| alike(token, known));
        if same == 0.0 { 0.0 } else { same + after.unwrap_or_default() }
    }
}
