//! The graph in Mermaid, which GitHub renders in Markdown.

use cascade_ir::screen::neutralize_controls;

use super::{Node, NodeKind, Part, Picture};

/// A cascade as a flowchart.
pub fn to_mermaid(picture: &Picture) -> String {
    let mut w = Writer { out: String::from("flowchart TD\n"), next: 0 };
    w.line(1, &format!("start([{}])", quote_text(&picture.name)));
    w.parts(&picture.parts, vec!["start".to_owned()], 1);
    w.out
}

struct Writer {
    out: String,
    next: u32,
}

/// Escapes a label: Mermaid interprets entities, HTML and, between back-ticks, Markdown.
fn quote_text(text: &str) -> String {
    let mut out = String::from("\"");
    for c in neutralize_controls(text).chars() {
        match c {
            '"' => out.push_str("#quot;"),
            '#' => out.push_str("#35;"),
            '&' => out.push_str("#amp;"),
            '<' => out.push_str("#lt;"),
            '>' => out.push_str("#gt;"),
            '`' => out.push_str("#96;"),
            '\n' => out.push(' '),
            c => out.push(c),
        }
    }
    out.push('"');
    out
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

    /// Writes parts in sequence; returns the nodes that precede whatever follows.
    fn parts(&mut self, parts: &[Part], mut from: Vec<String>, depth: usize) -> Vec<String> {
        for part in parts {
            from = self.part(part, &from, depth);
        }
        from
    }

    fn edges(&mut self, from: &[String], to: &str, depth: usize) {
        for f in from {
            self.line(depth, &format!("{f} --> {to}"));
        }
    }

    fn part(&mut self, part: &Part, from: &[String], depth: usize) -> Vec<String> {
        match part {
            Part::Box(node) => {
                let id = self.id();
                self.line(depth, &format!("{id}{}", node_shape(node)));
                self.edges(from, &id, depth);
                if node.kind == NodeKind::End { Vec::new() } else { vec![id] }
            }
            Part::Choice(head, ways) => {
                let id = self.id();
                self.line(depth, &format!("{id}{{{}}}", quote_text(&head.title)));
                self.edges(from, &id, depth);
                let mut ends = Vec::new();
                for (label, parts) in ways {
                    let way = self.id();
                    self.line(depth, &format!("{id} -->|{}| {way}(( ))", quote_text(label)));
                    ends.extend(self.parts(parts, vec![way], depth));
                }
                ends
            }
            Part::Frame(head, parts) => {
                let id = self.id();
                let entry = format!("{id}_in");
                self.line(depth, &format!("subgraph {id}[{}]", quote_text(&head.title)));
                self.line(depth + 1, &format!("{entry}(( ))"));
                let ends = self.parts(parts, vec![entry.clone()], depth + 1);
                self.line(depth, "end");
                self.edges(from, &entry, depth);
                ends
            }
            Part::Parallel(head, branches) => {
                let id = self.id();
                let entry = format!("{id}_in");
                self.line(depth, &format!("subgraph {id}[{}]", quote_text(&head.title)));
                self.line(depth + 1, &format!("{entry}(( ))"));
                let mut done: Vec<Vec<String>> = Vec::new();
                let mut pending: Vec<usize> = (0..branches.len()).collect();
                done.resize(branches.len(), Vec::new());
                let mut finished = vec![false; branches.len()];
                // The graph is acyclic, so each round writes at least one branch.
                while !pending.is_empty() {
                    let before = pending.len();
                    pending.retain(|i| {
                        let (part, after) = &branches[*i];
                        if !after.iter().all(|a| finished[*a]) {
                            return true;
                        }
                        let from: Vec<String> = if after.is_empty() {
                            vec![entry.clone()]
                        } else {
                            after.iter().flat_map(|a| done[*a].clone()).collect()
                        };
                        done[*i] = self.part(part, &from, depth + 1);
                        finished[*i] = true;
                        false
                    });
                    if pending.len() == before {
                        break;
                    }
                }
                self.line(depth, "end");
                self.edges(from, &entry, depth);
                let waited: Vec<usize> = branches.iter().flat_map(|(_, after)| after.clone()).collect();
                (0..branches.len()).filter(|i| !waited.contains(i)).flat_map(|i| done[i].clone()).collect()
            }
        }
    }
}

fn node_shape(node: &Node) -> String {
    let label = if node.detail.is_empty() { node.title.clone() } else { format!("{}: {}", node.title, node.detail) };
    let label = quote_text(&label);
    match node.kind {
        NodeKind::Run | NodeKind::Other => format!("[{label}]"),
        NodeKind::Http => format!("[/{label}/]"),
        NodeKind::Model => format!("({label})"),
        NodeKind::Cascade => format!("[[{label}]]"),
        NodeKind::Person => format!("[\\{label}/]"),
        NodeKind::Gate => format!("{{{{{label}}}}}"),
        NodeKind::End => format!("([{label}])"),
    }
}
