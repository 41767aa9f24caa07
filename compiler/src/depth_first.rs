//! Depth-first search of a directed graph: an order of its nodes, and the edges that close cycles.
//!
//! Files import files, functions call functions, types contain types, stages read stages. Each of
//! these graphs is put in order, and its cycles are found, by [`search_depth_first`].

/// The result of a [`search_depth_first`].
#[derive(Debug)]
pub(crate) struct Search<E> {
    /// All nodes. A node follows the nodes that its edges lead to, but for edges that close a cycle.
    pub order: Vec<usize>,
    /// A cycle for each edge that leads back to a node from which the search came.
    pub cycles: Vec<Cycle<E>>,
}

/// A path that leads back to its first node.
#[derive(Debug)]
pub(crate) struct Cycle<E> {
    /// The nodes of the path, from the one that the closing edge leads to, to the one that it leaves.
    pub nodes: Vec<usize>,
    /// The label of the edge that closes the cycle.
    pub closing: E,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Unvisited,
    /// On the path from the start of the search to the current node.
    Open,
    Done,
}

/// Visits the nodes `0..count`. `edges` gives the edges of a node, each as the node that it leads
/// to and a label; it is asked once for each node. Edges are followed in the order given.
pub(crate) fn search_depth_first<E>(count: usize, mut edges: impl FnMut(usize) -> Vec<(usize, E)>) -> Search<E> {
    let mut state = vec![State::Unvisited; count];
    let mut found = Search { order: Vec::with_capacity(count), cycles: Vec::new() };
    let mut path: Vec<(usize, std::vec::IntoIter<(usize, E)>)> = Vec::new();
    for start in 0..count {
        if state[start] != State::Unvisited {
            continue;
        }
        state[start] = State::Open;
        path.push((start, edges(start).into_iter()));
        while let Some((node, remaining)) = path.last_mut() {
            let Some((next, label)) = remaining.next() else {
                state[*node] = State::Done;
                found.order.push(*node);
                path.pop();
                continue;
            };
            match state[next] {
                State::Unvisited => {
                    state[next] = State::Open;
                    path.push((next, edges(next).into_iter()));
                }
                State::Open => {
                    let nodes = path.iter().map(|(node, _)| *node).skip_while(|node| *node != next).collect();
                    found.cycles.push(Cycle { nodes, closing: label });
                }
                State::Done => {}
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::search_depth_first;

    fn run(graph: &[&[usize]]) -> (Vec<usize>, Vec<(Vec<usize>, usize)>) {
        let found = search_depth_first(graph.len(), |node| graph[node].iter().map(|next| (*next, node)).collect());
        (found.order, found.cycles.into_iter().map(|cycle| (cycle.nodes, cycle.closing)).collect())
    }

    #[test]
    fn a_node_follows_those_that_it_leads_to() {
        assert_eq!(run(&[&[1, 2], &[3], &[3], &[]]), (vec![3, 1, 2, 0], vec![]));
    }

    #[test]
    fn each_closing_edge_gives_a_cycle() {
        assert_eq!(run(&[&[1], &[2, 0], &[1]]), (vec![2, 1, 0], vec![(vec![1, 2], 2), (vec![0, 1], 1)]));
        assert_eq!(run(&[&[0]]), (vec![0], vec![(vec![0], 0)]));
    }
}
