// settings: what a person chose for this browser. Where the browser keeps nothing
// (cookies are blocked) a choice lasts as long as the page.

const kept = new Map<string, string>();

function nameOf(name: string): string {
  return `nexus.${name}`;
}

export function readSetting(name: string): string | null {
  try {
    return localStorage.getItem(nameOf(name));
  } catch {
    return kept.get(name) ?? null;
  }
}

/** Null forgets it. */
export function writeSetting(name: string, value: string | null): void {
  if (value === null) kept.delete(name);
  else kept.set(name, value);
  try {
    if (value === null) localStorage.removeItem(nameOf(name));
    else localStorage.setItem(nameOf(name), value);
  } catch {
    // It is in `kept`.
  }
}
