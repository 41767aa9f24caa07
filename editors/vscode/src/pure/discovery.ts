// The tests of a file without starting anything: a scan for `test "name"` at the beginning of a line, outside of texts
// over several lines. What the scan cannot know (a file that is half typed) the next run of the tests corrects.

/** A test that a file declares. */
export interface FoundTest {
  name: string;
  /** The first line is 0. */
  line: number;
}

const ESCAPES: Record<string, string> = { n: "\n", t: "\t", r: "\r" };

/** The tests that `text` declares, in their order. */
export function findTests(text: string): FoundTest[] {
  const found: FoundTest[] = [];
  let inText = false;
  for (const [line, content] of text.split("\n").entries()) {
    if (!inText) {
      const match = /^test\s+"((?:[^"\\]|\\.)*)"/.exec(content);
      if (match?.[1] !== undefined) {
        const name = match[1].replace(/\\(.)/g, (_, letter: string) => ESCAPES[letter] ?? letter);
        found.push({ name, line });
      }
    }
    // A comment may hold quotes, but not within a text.
    const code = inText ? content : content.replace(/^\s*\/\/.*$/, "");
    if ((code.split('"""').length - 1) % 2 === 1) {
      inText = !inText;
    }
  }
  return found;
}
