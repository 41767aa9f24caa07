// The page around a graph. `cascadec graph --format svg` chooses dark colours by the setting of the system, an editor
// by its own theme; the page is what knows the theme.

const SYSTEM_THEME = "@media (prefers-color-scheme: dark) {";
const EDITOR_THEME = "body.vscode-dark, body.vscode-high-contrast:not(.vscode-high-contrast-light) {";

/** Replaces what means something in HTML. */
export function escapeHtml(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");
}

const STYLE = `
svg { max-width: 100%; height: auto; }
[data-place] { cursor: pointer; }
[data-place]:hover > .shape, [data-place]:focus > .shape { filter: brightness(1.25); stroke-width: 3; }
[data-place]:focus { outline: none; }
.sign, .glyph { pointer-events: none; }
p { color: var(--vscode-descriptionForeground); }
pre { white-space: pre-wrap; }
`;

// Sends the place of what is clicked, or chosen with the keyboard. A page that replaces this one stays where it was
// scrolled to.
const SCRIPT = `
const editor = acquireVsCodeApi();
const go = (event) => {
  const part = event.target.closest?.("[data-place]");
  if (part) { editor.postMessage({ place: part.dataset.place }); }
};
addEventListener("click", go);
addEventListener("keydown", (event) => { if (event.key === "Enter") { go(event); } });
document.querySelectorAll("[data-place]").forEach((part) => part.setAttribute("tabindex", "0"));
const at = editor.getState();
if (at) { scrollTo(at.x, at.y); }
addEventListener("scroll", () => editor.setState({ x: scrollX, y: scrollY }));
`;

function page(body: string, nonce: string): string {
  // Nothing is requested from anywhere, and only the script of the page runs, not one of a text in the graph.
  return `<!DOCTYPE html>
<html>
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'nonce-${nonce}'">
<style>${STYLE}</style>
</head>
<body>
${body}
<script nonce="${nonce}">${SCRIPT}</script>
</body>
</html>`;
}

/** The page that shows a graph. `nonce` is a random word that no text of the graph can know. */
export function graphPage(svg: string, nonce: string): string {
  return page(svg.replace(SYSTEM_THEME, EDITOR_THEME), nonce);
}

/** The page that says why there is no graph. */
export function errorPage(message: string, nonce: string): string {
  return page(`<p>There is no graph:</p>\n<pre>${escapeHtml(message)}</pre>`, nonce);
}

/** A place as graphs write it, `file:line:column`; the first line and the first column are 1. */
export interface FilePlace {
  file: string;
  line: number;
  column: number;
}

/** Reads what a page sends when a part is clicked; undefined for anything else. */
export function parseClick(message: unknown): FilePlace | undefined {
  const place = typeof message === "object" && message !== null ? (message as Record<string, unknown>)["place"] : undefined;
  const match = typeof place === "string" ? /^(.+):(\d+):(\d+)$/s.exec(place) : null;
  return match ? { file: match[1] ?? "", line: Number(match[2]), column: Number(match[3]) } : undefined;
}
