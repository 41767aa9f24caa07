//! The graph as SVG. It is laid out here, without Graphviz, since a structured program has a
//! hierarchical layout.
//!
//! Each part has a size; a sequence is stacked, alternatives and branches are placed side by side.
//! The branches of a `parallel` are placed in columns by their dependencies.

use std::fmt::Write as _;

use cascade_ir::{markup::push_escaped, screen::neutralize_controls};

use super::{Annotations, Head, Node, NodeKind, Origin, Part, Picture};

const GAP: f64 = 26.0;
const PAD: f64 = 16.0;
const HEAD: f64 = 22.0;
const BOX_HEIGHT: f64 = 46.0;
const LETTER: f64 = 7.4;

/// A graph as SVG, in colours for light and dark pages. Each part that has annotations is a group (`g`): with
/// `data-place="file:line:column"` of what it shows, and after a run with the class `done`, `failed`, `running`,
/// `waiting` or `not-done`, and a `title` that says more.
pub fn to_svg(picture: &Picture, annotations: &Annotations<'_>) -> String {
    let body = layout_stack(&picture.parts);
    let title_width = picture.name.chars().count() as f64 * 9.0 + 2.0 * PAD;
    let (width, height) = (body.width.max(title_width) + 2.0 * PAD, body.height + 2.0 * PAD + 40.0);
    let mut out = Pen { text: String::new(), annotations };
    let _ = write!(
        out.text,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0} {height:.0}" width="{width:.0}" height="{height:.0}" role="img" aria-label="{}">
<style>
text {{ font: 13px ui-sans-serif, system-ui, sans-serif; fill: #1f2328 }}
.title {{ font-weight: 600; font-size: 16px }}
.detail {{ font-size: 11px; fill: #656d76 }}
.head {{ font-size: 12px; fill: #656d76 }}
.box {{ fill: #f6f8fa; stroke: #8c959f }}
.run {{ fill: #ddf4ff; stroke: #54aeff }}
.http {{ fill: #fff8c5; stroke: #d4a72c }}
.model {{ fill: #fbefff; stroke: #c297ff }}
.cascade {{ fill: #dafbe1; stroke: #4ac26b }}
.person {{ fill: #fff1e5; stroke: #fb8f44 }}
.gate {{ fill: #ffeff7; stroke: #ff80c8 }}
.frame {{ fill: none; stroke: #8c959f; stroke-dasharray: 4 3 }}
.edge {{ fill: none; stroke: #8c959f; stroke-width: 1.4 }}
.tip {{ fill: #8c959f }}
{}@media (prefers-color-scheme: dark) {{
  text {{ fill: #e6edf3 }} .detail, .head {{ fill: #9198a1 }}
  .box {{ fill: #21262d }} .run {{ fill: #0c2d6b }} .http {{ fill: #4b2900 }} .model {{ fill: #3c1e70 }}
  .cascade {{ fill: #033a16 }} .person {{ fill: #5a1e02 }} .gate {{ fill: #5e103e }}
}}
</style>
<text class="title" x="{PAD}" y="{:.0}">{}</text>
"#,
        escape_xml(&picture.name),
        if annotations.is_of_run() { RUN_STYLE } else { "" },
        PAD + 14.0,
        escape_xml(&picture.name)
    );
    body.draw(&mut out, (width - body.width) / 2.0, PAD + 34.0);
    out.text.push_str("</svg>\n");
    out.text
}

/// How parts look after a run.
const RUN_STYLE: &str = "\
.done > .shape { stroke: #1a7f37; stroke-width: 2 } .done > .sign { fill: #1a7f37 }
.failed > .shape { stroke: #d1242f; stroke-width: 2.5 } .failed > .sign { fill: #d1242f }
.running > .shape { stroke: #0969da; stroke-width: 2.5 } .running > .sign { fill: #0969da }
.waiting > .shape { stroke: #9a6700; stroke-width: 2.5 } .waiting > .sign { fill: #9a6700 }
.not-done > .shape { stroke: #6e7781; stroke-dasharray: 2 2 } .not-done > .sign { fill: #6e7781 }
.glyph { font-size: 11px; font-weight: 700; fill: #ffffff }
";

/// What is drawn so far, and what parts are annotated with.
struct Pen<'a> {
    text: String,
    annotations: &'a Annotations<'a>,
}

impl Pen<'_> {
    /// Draws a part by `draw`, as a group where it has annotations; its upper right corner is at `x` and `y`.
    fn part(&mut self, origin: &Origin, name: &str, (x, y): (f64, f64), draw: impl FnOnce(&mut Self)) {
        let (place, record) = (self.annotations.place(origin), self.annotations.record(origin));
        if place.is_none() && record.is_none() {
            return draw(self);
        }
        let class = record.as_ref().map(|record| format!(" class=\"{}\"", record.state.class())).unwrap_or_default();
        let place = place.map(|place| format!(" data-place=\"{}\"", escape_xml(&place))).unwrap_or_default();
        let _ = writeln!(self.text, "<g{class}{place}>");
        if let Some(record) = &record {
            let _ = writeln!(self.text, "<title>{}: {}</title>", escape_xml(name), escape_xml(&record.note));
        }
        draw(self);
        if let Some(record) = record {
            let _ = writeln!(
                self.text,
                r#"<circle class="sign" cx="{x:.1}" cy="{y:.1}" r="8"/><text class="glyph" x="{x:.1}" y="{:.1}" text-anchor="middle">{}</text>"#,
                y + 4.0,
                record.state.sign()
            );
        }
        self.text.push_str("</g>\n");
    }
}

/// Escapes text and joins its lines.
fn escape_xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    push_escaped(&mut out, &neutralize_controls(text), |c| (c == '\n').then_some(" "));
    out
}

fn shorten_text(text: &str, most: usize) -> String {
    if text.chars().count() <= most { text.to_owned() } else { text.chars().take(most - 1).chain(['…']).collect() }
}

impl Head {
    fn shortened(&self, most: usize) -> Self {
        Self { title: shorten_text(&self.title, most), origin: self.origin.clone() }
    }
}

/// A laid-out part: its size and how to draw it.
struct Shape {
    width: f64,
    height: f64,
    /// The x offset at which arrows enter and leave.
    axis: f64,
    kind: Kind,
}

enum Kind {
    Leaf(Node),
    Stack(Vec<Shape>),
    Ways(Head, Vec<(String, Shape)>),
    Frame(Head, Box<Shape>),
    /// Branches with column, row offset and dependencies.
    Graph(Head, Vec<(Shape, f64, f64, Vec<usize>)>),
    Empty,
}

fn layout_stack(parts: &[Part]) -> Shape {
    if parts.is_empty() {
        return Shape { width: 30.0, height: 0.0, axis: 15.0, kind: Kind::Empty };
    }
    let shapes: Vec<Shape> = parts.iter().map(layout_part).collect();
    let left = shapes.iter().map(|s| s.axis).fold(0.0, f64::max);
    let right = shapes.iter().map(|s| s.width - s.axis).fold(0.0, f64::max);
    let height = shapes.iter().map(|s| s.height).sum::<f64>() + GAP * (shapes.len() as f64 - 1.0);
    Shape { width: left + right, height, axis: left, kind: Kind::Stack(shapes) }
}

fn layout_part(part: &Part) -> Shape {
    match part {
        Part::Box(node) => {
            let node =
                Node { title: shorten_text(&node.title, 34), detail: shorten_text(&node.detail, 40), ..node.clone() };
            let title = node.title.chars().count() as f64 * LETTER;
            let detail = node.detail.chars().count() as f64 * 6.2;
            let width = (title.max(detail) + 2.0 * PAD).max(80.0);
            let height = if node.detail.is_empty() { BOX_HEIGHT - 14.0 } else { BOX_HEIGHT };
            Shape { width, height, axis: width / 2.0, kind: Kind::Leaf(node) }
        }
        Part::Choice(head, ways) => {
            let ways: Vec<(String, Shape)> = ways.iter().map(|(l, p)| (shorten_text(l, 24), layout_stack(p))).collect();
            let width = ways.iter().map(|(l, s)| s.width.max(l.chars().count() as f64 * LETTER + 8.0)).sum::<f64>()
                + GAP * (ways.len() as f64 - 1.0).max(0.0);
            let width = width.max(head.title.chars().count() as f64 * LETTER + 2.0 * PAD);
            let height = ways.iter().map(|(_, s)| s.height).fold(0.0, f64::max) + 30.0 + 2.0 * GAP + 12.0;
            Shape { width, height, axis: width / 2.0, kind: Kind::Ways(head.shortened(40), ways) }
        }
        Part::Frame(head, parts) => {
            let inner = layout_stack(parts);
            let width = (inner.width + 2.0 * PAD).max(head.title.chars().count() as f64 * 6.8 + 2.0 * PAD);
            let height = inner.height + HEAD + 2.0 * PAD;
            Shape { width, height, axis: width / 2.0, kind: Kind::Frame(head.shortened(60), Box::new(inner)) }
        }
        Part::Parallel(head, branches) => {
            let shapes: Vec<Shape> = branches.iter().map(|(p, _)| layout_part(p)).collect();
            let mut rank = vec![0usize; shapes.len()];
            for _ in 0..shapes.len() {
                for (i, (_, after)) in branches.iter().enumerate() {
                    rank[i] = after.iter().map(|a| rank[*a] + 1).max().unwrap_or(0).min(shapes.len());
                }
            }
            let rows = rank.iter().copied().max().unwrap_or(0) + 1;
            let row_width = |row: usize| {
                let of: Vec<f64> = shapes.iter().zip(&rank).filter(|(_, r)| **r == row).map(|(s, _)| s.width).collect();
                of.iter().sum::<f64>() + GAP * (of.len() as f64 - 1.0).max(0.0)
            };
            let inner = (0..rows).map(row_width).fold(0.0, f64::max);
            let width = inner.max(head.title.chars().count() as f64 * 6.8) + 2.0 * PAD;
            let mut y = HEAD + PAD;
            let mut tops = Vec::new();
            for row in 0..rows {
                tops.push(y);
                y += shapes.iter().zip(&rank).filter(|(_, r)| **r == row).map(|(s, _)| s.height).fold(0.0, f64::max)
                    + GAP;
            }
            let height = y - GAP + PAD;
            let mut lefts: Vec<f64> = (0..rows).map(|row| (width - row_width(row)) / 2.0).collect();
            let placed = shapes
                .into_iter()
                .enumerate()
                .map(|(i, s)| {
                    let row = rank[i];
                    let x = lefts[row];
                    lefts[row] += s.width + GAP;
                    (s, x, tops[row], branches[i].1.clone())
                })
                .collect();
            Shape { width, height, axis: width / 2.0, kind: Kind::Graph(head.shortened(60), placed) }
        }
    }
}

fn write_arrow(out: &mut Pen<'_>, x1: f64, y1: f64, x2: f64, y2: f64) {
    let middle = (y1 + y2) / 2.0;
    let _ = writeln!(
        out.text,
        r#"<path class="edge" d="M{x1:.1} {y1:.1} C{x1:.1} {middle:.1} {x2:.1} {middle:.1} {x2:.1} {:.1}"/><path class="tip" d="M{:.1} {:.1}h8l-4 6z"/>"#,
        y2 - 5.0,
        x2 - 4.0,
        y2 - 6.0
    );
}

impl Shape {
    fn ends(&self) -> bool {
        match &self.kind {
            Kind::Leaf(node) => node.kind == NodeKind::End,
            Kind::Stack(shapes) => shapes.last().is_some_and(Shape::ends),
            Kind::Ways(_, ways) => ways.iter().all(|(_, s)| s.ends()),
            _ => false,
        }
    }

    fn draw(&self, out: &mut Pen<'_>, x: f64, y: f64) {
        match &self.kind {
            Kind::Empty => {}
            Kind::Leaf(node) => {
                out.part(&node.origin, &node.title, (x + self.width, y), |out| {
                    self.draw_box(node, &mut out.text, x, y)
                });
            }
            Kind::Stack(shapes) => {
                let mut top = y;
                for (i, s) in shapes.iter().enumerate() {
                    let left = x + self.axis - s.axis;
                    s.draw(out, left, top);
                    top += s.height;
                    if i + 1 < shapes.len() {
                        if !s.ends() {
                            write_arrow(out, x + self.axis, top, x + self.axis, top + GAP);
                        }
                        top += GAP;
                    }
                }
            }
            Kind::Ways(head, ways) => self.draw_ways(head, ways, out, x, y),
            Kind::Frame(head, inner) => {
                self.draw_frame(head, out, x, y);
                inner.draw(out, x + (self.width - inner.width) / 2.0, y + HEAD + PAD);
            }
            Kind::Graph(head, branches) => {
                self.draw_frame(head, out, x, y);
                for (s, left, top, after) in branches {
                    for a in after {
                        if let Some((before, bx, by, _)) = branches.get(*a) {
                            write_arrow(out, x + bx + before.axis, y + by + before.height, x + left + s.axis, y + top);
                        }
                    }
                    s.draw(out, x + left, y + top);
                }
            }
        }
    }

    fn draw_box(&self, node: &Node, out: &mut String, x: f64, y: f64) {
        let class = match node.kind {
            NodeKind::Run => "run",
            NodeKind::Http => "http",
            NodeKind::Model => "model",
            NodeKind::Cascade => "cascade",
            NodeKind::Person => "person",
            NodeKind::Gate => "gate",
            NodeKind::End | NodeKind::Other => "box",
        };
        let radius = if node.kind == NodeKind::End { self.height / 2.0 } else { 6.0 };
        let _ = writeln!(
            out,
            r#"<rect class="shape {class}" x="{x:.1}" y="{y:.1}" width="{:.1}" height="{:.1}" rx="{radius:.1}"/>"#,
            self.width, self.height
        );
        let centre = x + self.width / 2.0;
        let _ = writeln!(
            out,
            r#"<text x="{centre:.1}" y="{:.1}" text-anchor="middle">{}</text>"#,
            y + 20.0,
            escape_xml(&node.title)
        );
        if !node.detail.is_empty() {
            let _ = writeln!(
                out,
                r#"<text class="detail" x="{centre:.1}" y="{:.1}" text-anchor="middle">{}</text>"#,
                y + 36.0,
                escape_xml(&node.detail)
            );
        }
    }

    fn draw_ways(&self, head: &Head, ways: &[(String, Shape)], out: &mut Pen<'_>, x: f64, y: f64) {
        let centre = x + self.axis;
        let half = (head.title.chars().count() as f64 * LETTER / 2.0 + 14.0).max(34.0);
        out.part(&head.origin, &head.title, (centre + half - 6.0, y + 3.0), |out| {
            let _ = writeln!(
                out.text,
                r#"<path class="shape box" d="M{:.1} {:.1}l10 -15h{:.1}l10 15l-10 15h{:.1}z"/><text x="{centre:.1}" y="{:.1}" text-anchor="middle">{}</text>"#,
                centre - half,
                y + 15.0,
                2.0 * half - 20.0,
                -(2.0 * half - 20.0),
                y + 19.5,
                escape_xml(&head.title)
            );
        });
        let widths: Vec<f64> = ways.iter().map(|(l, s)| s.width.max(l.chars().count() as f64 * LETTER + 8.0)).collect();
        let total = widths.iter().sum::<f64>() + GAP * (ways.len() as f64 - 1.0).max(0.0);
        let mut left = x + (self.width - total) / 2.0;
        let top = y + 30.0 + GAP + 12.0;
        for ((label, s), width) in ways.iter().zip(widths) {
            let inner = left + (width - s.width) / 2.0;
            let axis = inner + s.axis;
            write_arrow(out, centre, y + 30.0, axis, top);
            let _ = writeln!(
                out.text,
                r#"<text class="head" x="{:.1}" y="{:.1}">{}</text>"#,
                axis + 7.0,
                top - 8.0,
                escape_xml(label)
            );
            s.draw(out, inner, top);
            if !s.ends() {
                write_arrow(out, axis, top + s.height, centre, y + self.height);
            }
            left += width + GAP;
        }
    }

    fn draw_frame(&self, head: &Head, out: &mut Pen<'_>, x: f64, y: f64) {
        out.part(&head.origin, &head.title, (x + self.width, y), |out| {
            let _ = writeln!(
                out.text,
                r#"<rect class="shape frame" x="{x:.1}" y="{y:.1}" width="{:.1}" height="{:.1}" rx="8"/><text class="head" x="{:.1}" y="{:.1}">{}</text>"#,
                self.width,
                self.height,
                x + 10.0,
                y + 17.0,
                escape_xml(&head.title)
            );
        });
    }
}
