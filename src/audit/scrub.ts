/**
 * Applies `redact` to every string of a JSON value, keys included, before it is hashed: what is on the log cannot be taken back.
 * Lone surrogates (hostile JSON can hold them) become U+FFFD, because canonical JSON has no form for them. A key that redaction makes equal
 * to another gets `#2`, `#3` … so that nothing is dropped unseen.
 */
export function scrub(value: unknown, redact: (text: string) => string): unknown {
  if (typeof value === 'string') return clean(value, redact);
  if (Array.isArray(value)) return value.map((item) => scrub(item, redact));
  if (typeof value !== 'object' || value === null) return value;
  const members = new Map<string, unknown>();
  for (const [key, item] of Object.entries(value)) {
    if (item === undefined) continue; // an optional member that is not there
    const safe = clean(key, redact);
    let name = safe;
    for (let n = 2; members.has(name); n++) name = `${safe}#${n}`;
    members.set(name, scrub(item, redact));
  }
  return Object.fromEntries(members);
}

function clean(text: string, redact: (text: string) => string): string {
  return redact(text.toWellFormed()).toWellFormed();
}
