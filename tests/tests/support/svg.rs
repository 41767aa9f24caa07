//! A screen as a picture.

use vt100::{Cell, Color, Screen};

/// Width and height of a cell, in pixels.
const CELL: (f64, f64) = (8.4, 18.0);
const MARGIN: f64 = 14.0;

/// The colours of a terminal.
pub struct Theme {
    pub name: &'static str,
    background: &'static str,
    text: &'static str,
    dim: &'static str,
    /// Black, red, green, yellow, blue, magenta, cyan, white.
    palette: [&'static str; 8],
}

pub const THEMES: [Theme; 2] = [
    Theme {
        name: "light",
        background: "#f6f8fa",
        text: "#1f2328",
        dim: "#656d76",
        palette: ["#1f2328", "#cf222e", "#116329", "#7d4e00", "#0969da", "#8250df", "#1b7c83", "#6e7781"],
    },
    Theme {
        name: "dark",
        background: "#161b22",
        text: "#e6edf3",
        dim: "#8b949e",
        palette: ["#484f58", "#ff7b72", "#3fb950", "#d29922", "#58a6ff", "#bc8cff", "#39c5cf", "#b1bac4"],
    },
];

fn colour(cell: &Cell, theme: &Theme) -> String {
    match cell.fgcolor() {
        Color::Default if cell.dim() => theme.dim.to_owned(),
        Color::Default => theme.text.to_owned(),
        Color::Idx(index) if index < 16 => theme.palette[usize::from(index % 8)].to_owned(),
        // The cube of 6 × 6 × 6 colours and the greys are made lighter or darker by no theme.
        Color::Idx(index @ 16..=231) => {
            let level = |n: u8| if n == 0 { 0 } else { 55 + 40 * n };
            let n = index - 16;
            format!("#{:02x}{:02x}{:02x}", level(n / 36), level(n / 6 % 6), level(n % 6))
        }
        Color::Idx(_) => theme.dim.to_owned(),
        Color::Rgb(r, g, b) => format!("#{r:02x}{g:02x}{b:02x}"),
    }
}

/// The rows of a screen up to the last one with text.
pub fn draw(screen: &Screen, title: &str, theme: &Theme) -> String {
    let (rows, columns) = screen.size();
    let used = screen.rows(0, columns.get()).enumerate().filter(|(_, row)| !row.trim().is_empty()).map(|(i, _)| i + 1);
    let used = u16::try_from(used.last().unwrap_or(1)).unwrap().min(rows.get());
    let width = f64::from(columns.get()).mul_add(CELL.0, 2.0 * MARGIN);
    let height = f64::from(used).mul_add(CELL.1, 2.0 * MARGIN);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" \
         height=\"{height:.0}\" role=\"img\" aria-label=\"{}\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{}\"/>\n\
         <g font-family=\"ui-monospace, SFMono-Regular, Menlo, Consolas, monospace\" font-size=\"14\" \
         style=\"white-space: pre\">\n",
        escape(title),
        theme.background
    );
    for row in 0..used {
        let y = f64::from(row).mul_add(CELL.1, MARGIN + CELL.1 * 0.75);
        let mut column = 0;
        while column < columns.get() {
            let first = screen.cell(row, column).unwrap();
            let (begin, style) = (column, (colour(first, theme), first.bold()));
            let mut text = String::new();
            while column < columns.get() {
                let cell = screen.cell(row, column).unwrap();
                if (colour(cell, theme), cell.bold()) != style && cell.has_contents() {
                    break;
                }
                text.push_str(if cell.has_contents() { cell.contents() } else { " " });
                column += 1;
            }
            let shown = text.trim();
            if shown.is_empty() {
                continue;
            }
            let begin = begin + u16::try_from(text.len() - text.trim_start().len()).unwrap();
            let weight = if style.1 { " font-weight=\"bold\"" } else { "" };
            let x = f64::from(begin).mul_add(CELL.0, MARGIN);
            // The columns stay below each other in any font.
            let length = shown.chars().count() as f64 * CELL.0;
            out.push_str(&format!(
                "<text x=\"{x:.1}\" y=\"{y:.1}\" textLength=\"{length:.1}\" fill=\"{}\"{weight}>{}</text>\n",
                style.0,
                escape(shown)
            ));
        }
    }
    out.push_str("</g>\n</svg>\n");
    out
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
