//! Branches at once: their counts add up, their time does not.

use cascade_ir::{Expr, For, Parallel, limits::MAX_BRANCHES};

use super::{
    Around, Variables, Walk,
    amounts::Amounts,
    figure::{Bound, Figure, Many},
    poly::Poly,
};

impl<'p> Walk<'p> {
    /// How many branches run at once, if there are so many; as few as there may be.
    fn at_once(&mut self, max: Option<&'p Expr>, variables: &mut Variables<'p>) -> u128 {
        let Some(expr) = max else { return MAX_BRANCHES as u128 };
        let known = self.knower.eval(expr, &mut variables.known).exact;
        known.and_then(|n| u128::try_from(n).ok()).unwrap_or(1).max(1)
    }

    /// `for … parallel`.
    pub(super) fn fan_out(
        &mut self,
        node: &'p For,
        body: &Amounts,
        many: &Many,
        variables: &mut Variables<'p>,
    ) -> Amounts {
        let width = self.at_once(node.max.as_ref(), variables);
        let mut amounts = body.times(many);
        amounts.time = match many.times.as_number() {
            Some(n) => body.time.times(&Many { times: Poly::number(n.div_ceil(width)), ..many.clone() }),
            None if width == 1 => body.time.times(many),
            // Whenever a branch waits for its turn, all others work.
            None => shared(&body.time.times(many), width, &body.time),
        };
        amounts
    }

    /// `parallel`.
    pub(super) fn parallel(&mut self, node: &'p Parallel, variables: &mut Variables<'p>, around: &Around) -> Amounts {
        let width = self.at_once(node.max.as_ref(), variables);
        let mut sum = Amounts::default();
        let mut work = Figure::default();
        let mut times = Vec::with_capacity(node.branches.len());
        // What a branch is fed by may stand after it.
        let mut order: Vec<usize> = Vec::with_capacity(node.branches.len());
        let mut seen = vec![false; node.branches.len()];
        (0..node.branches.len()).for_each(|i| visit(node, i, &mut seen, &mut order));
        times.resize(node.branches.len(), Figure::default());
        let mut longest = Figure::default();
        for index in order {
            let Some(branch) = node.branches.get(index) else { continue };
            let own = self.stmt(&branch.stmt, variables, around);
            work.add(&own.time);
            let mut until = Figure::default();
            branch.after.iter().filter_map(|i| times.get(*i as usize)).for_each(|before| until.join(before));
            until.add(&own.time);
            longest.join(&until);
            if let Some(place) = times.get_mut(index) {
                *place = until;
            }
            sum.add_counts(&own);
        }
        sum.time = match node.branches.len() as u128 <= width {
            true => longest,
            false if width == 1 => work,
            false => shared(&work, width, &longest),
        };
        sum
    }
}

/// The time of all work done by so many at once, when the longest chain takes this long.
fn shared(work: &Figure, width: u128, longest: &Figure) -> Figure {
    let mut time = work.clone();
    if let Bound::AtMost(poly) = &work.bound {
        time.bound = Bound::AtMost(poly.share(width));
    }
    time.add(longest);
    time
}

/// Puts what a branch waits for before it.
fn visit(node: &Parallel, index: usize, seen: &mut [bool], order: &mut Vec<usize>) {
    if std::mem::replace(&mut seen[index], true) {
        return;
    }
    for before in node.branches.get(index).into_iter().flat_map(|b| &b.after) {
        if (*before as usize) < seen.len() {
            visit(node, *before as usize, seen, order);
        }
    }
    order.push(index);
}
