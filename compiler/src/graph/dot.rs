//! The graph in DOT, the input language of Graphviz.

use cascade_ir::screen::neutralize_controls;

use super::{Node, NodeKind, Part, Picture};

/// A cascade as a directed graph with clusters.
pub fn to_dot(picture: &Picture) -> String {
    let mut w = Writer { out: String::new(), next: 0 };
    w.line(0, &format!("digraph {} {{", quote_text(&picture.name)));
    w.line(1, "rankdir=TB;");
    w.line(1, "node [shape=box, style=rounded, fontname=\"sans-serif\"];");
    w.line(1, &format!("start [label={}, shape=oval];", quote_text(&picture.name)));
    w.parts(&picture.parts, vec![("start".to_owned(), String::new())], 1);
    w.line(0, "}");
    w.out
}

struct Writer {
    out: String,
    next: u32,
}

/// Nodes with edges to whatever follows them, each with the label of its edge.
type Ends = Vec<(String, String)>;

fn quote_text(text: &str) -> String {
    format!(
        "\"{}\"",
        neutralize_controls(text).replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\r', "")
    )
}

impl Writer {
    fn line(&mut self, depth: usize, text: &str) {
        self.out.push_str(&"  ".repeat(depth));
        self.out.push_str(text);
        self.out.push('\n');
    }

    fn id(&mut self) -> String {
        self.next += 1;
        format!("n{}", self.next)
    }

    fn parts(&mut self, parts: &[Part], mut from: Ends, depth: usize) -> Ends {
        for part in parts {
            from = self.part(part, &from, depth);
        }
        from
    }

    fn edges(&mut self, from: &Ends, to: &str, depth: usize) {
        for (f, label) in from {
            let label = if label.is_empty() { String::new() } else { format!(" [label={}]", quote_text(label)) };
            self.line(depth, &format!("{f} -> {to}{label};"));
        }
    }

    fn part(&mut self, part: &Part, from: &Ends, depth: usize) -> Ends {
        match part {
            Part::Box(node) => {
                let id = self.id();
                self.line(depth, &format!("{id} [{}];", node_shape(node)));
                self.edges(from, &id, depth);
                if node.kind == NodeKind::End { Vec::new() } else { vec![(id, String::new())] }
            }
            Part::Choice(head, ways) => {
                let id = self.id();
                self.line(depth, &format!("{id} [label={}, shape=diamond, style=\"\"];", quote_text(&head.title)));
                self.edges(from, &id, depth);
                let mut ends = Vec::new();
                for (label, parts) in ways {
                    ends.extend(self.parts(parts, vec![(id.clone(), label.clone())], depth));
                }
                ends
            }
            Part::Frame(head, parts) => {
                let id = self.id();
                self.line(depth, &format!("subgraph cluster_{id} {{"));
                self.line(depth + 1, &format!("label={};", quote_text(&head.title)));
                let ends = self.parts(parts, from.clone(), depth + 1);
                self.line(depth, "}");
                ends
            }
            Part::Parallel(head, branches) => {
                let id = self.id();
                self.line(depth, &format!("subgraph cluster_{id} {{"));
                self.line(depth + 1, &format!("label={};", quote_text(&head.title)));
                let mut done: Vec<Option<Ends>> = vec![None; branches.len()];
                while done.iter().any(Option::is_none) {
                    let mut progress = false;
                    for (i, (part, after)) in branches.iter().enumerate() {
                        if done[i].is_some() || after.iter().any(|a| done[*a].is_none()) {
                            continue;
                        }
                        let before: Ends = if after.is_empty() {
                            from.clone()
                        } else {
                            after.iter().flat_map(|a| done[*a].clone().unwrap_or_default()).collect()
                        };
                        done[i] = Some(self.part(part, &before, depth + 1));
                        progress = true;
                    }
                    if !progress {
                        break;
                    }
                }
                self.line(depth, "}");
                let waited: Vec<usize> = branches.iter().flat_map(|(_, after)| after.clone()).collect();
                done.into_iter()
                    .enumerate()
                    .filter(|(i, _)| !waited.contains(i))
                    .flat_map(|(_, e)| e.unwrap_or_default())
                    .collect()
            }
        }
    }
}

fn node_shape(node: &Node) -> String {
    let label = if node.detail.is_empty() { node.title.clone() } else { format!("{}\n{}", node.title, node.detail) };
    let shape = match node.kind {
        NodeKind::Cascade => ", peripheries=2",
        NodeKind::Gate => ", shape=hexagon",
        NodeKind::End => ", shape=oval",
        NodeKind::Person => ", shape=trapezium",
        _ => "",
    };
    format!("label={}{shape}", quote_text(&label))
}
