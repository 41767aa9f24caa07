//! Parallel branches: their counts add up, their times overlap.

use cascade_ir::{Expr, For, Parallel, limits::MAX_BRANCHES};

use super::{
    Context, Variables, Walk,
    amounts::Amounts,
    figure::{Bound, Figure, Repetition},
    poly::Poly,
};

impl<'p> Walk<'p> {
    /// The lower bound of the number of branches that run at once.
    fn concurrency(&mut self, max: Option<&'p Expr>, variables: &mut Variables<'p>) -> u128 {
        // The agents of a swarm may be fewer than its branches.
        if self.in_swarm {
            return 1;
        }
        let Some(expr) = max else { return MAX_BRANCHES as u128 };
        let exact = self.estimator.eval(expr, &mut variables.bounds).exact;
        exact.and_then(|n| u128::try_from(n).ok()).unwrap_or(1).max(1)
    }

    /// `for … parallel`.
    pub(super) fn fan_out(
        &mut self,
        node: &'p For,
        body: &Amounts,
        many: &Repetition,
        variables: &mut Variables<'p>,
    ) -> Amounts {
        let width = self.concurrency(node.max.as_ref(), variables);
        let mut amounts = body.times(many);
        amounts.time = match many.times.as_number() {
            Some(n) => body.time.times(&Repetition { times: Poly::number(n.div_ceil(width)), ..many.clone() }),
            None if width == 1 => body.time.times(many),
            // While a branch waits for a free slot, all slots are busy.
            None => shared_time(&body.time.times(many), width, &body.time),
        };
        amounts
    }

    /// `parallel`.
    pub(super) fn parallel(&mut self, node: &'p Parallel, variables: &mut Variables<'p>, around: &Context) -> Amounts {
        let outside = self.in_swarm;
        self.in_swarm |= node.swarm.is_some();
        let sum = self.branches(node, variables, around);
        self.in_swarm = outside;
        sum
    }

    fn branches(&mut self, node: &'p Parallel, variables: &mut Variables<'p>, around: &Context) -> Amounts {
        let width = self.concurrency(node.max.as_ref(), variables);
        let mut sum = Amounts::default();
        let mut work = Figure::default();
        let mut times = Vec::with_capacity(node.branches.len());
        // A branch may stand before the branches it depends on.
        let mut order: Vec<usize> = Vec::with_capacity(node.branches.len());
        let mut seen = vec![false; node.branches.len()];
        (0..node.branches.len()).for_each(|i| add_after_dependencies(node, i, &mut seen, &mut order));
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
            true if !self.in_swarm => longest,
            _ if width == 1 => work,
            _ => shared_time(&work, width, &longest),
        };
        sum
    }
}

/// An upper bound of the time for work that is divided among `width` slots, given the longest
/// chain of dependent work.
fn shared_time(work: &Figure, width: u128, longest: &Figure) -> Figure {
    let mut time = work.clone();
    if let Bound::AtMost(poly) = &work.bound {
        time.bound = Bound::AtMost(poly.divide_by(width));
    }
    time.add(longest);
    time
}

/// Depth-first: appends the dependencies of a branch to `order`, then the branch.
fn add_after_dependencies(node: &Parallel, index: usize, seen: &mut [bool], order: &mut Vec<usize>) {
    if std::mem::replace(&mut seen[index], true) {
        return;
    }
    for before in node.branches.get(index).into_iter().flat_map(|b| &b.after) {
        if (*before as usize) < seen.len() {
            add_after_dependencies(node, *before as usize, seen, order);
        }
    }
    order.push(index);
}
