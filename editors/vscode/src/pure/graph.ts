// The page around a graph. `cascadec graph --format svg` chooses dark colours by the setting of the system, an editor
// by its own theme; the page is what knows the theme.

const SYSTEM_THEME = "@media (prefers-color-scheme: dark) {";
const EDITOR_THEME = "body.vscode-dark, body.vscode-high-contrast:not(.vscode-high-contrast-light) {";

/** Replaces what means something in HTML. */
export function escapeHtml(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");
}

function page(body: string): string {
  // No script and no request: a graph is a picture.
  return `<!DOCTYPE html>
<html>
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
</head>
<body>
${body}
</body>
</html>`;
}

/** The page that shows a graph. */
export function graphPage(svg: string): string {
  return page(svg.replace(SYSTEM_THEME, EDITOR_THEME));
}

/** The page that says why there is no graph. */
export function errorPage(message: string): string {
  return page(`<pre>${escapeHtml(message)}</pre>`);
}
