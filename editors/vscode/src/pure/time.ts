// Times as a narrow view shows them.

/** The time of day, of other days than `now` the date. */
export function shortTime(at: Date, now: Date): string {
  return at.toDateString() === now.toDateString()
    ? at.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" })
    : at.toLocaleDateString();
}
