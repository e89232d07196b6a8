// The smallest document that still shows a difference.
import { tokensOf } from './tokens.js';

const ROUNDS = 60;
const TIME_MS = 5000;

// differs(texts): which of them still do, a promise of a list of booleans.
export async function shrink(text, differs) {
  let parts = partsOf(text);
  const end = performance.now() + TIME_MS;
  let size = Math.ceil(parts.length / 2);
  for (
    let round = 0;
    round < ROUNDS && size >= 1 && performance.now() < end;
    round++
  ) {
    const smaller = without(parts, size);
    const verdicts = await differs(smaller.map((list) => list.join('')));
    const at = verdicts.indexOf(true);
    if (at >= 0) parts = smaller[at];
    else size = size === 1 ? 0 : Math.ceil(size / 2);
    size = Math.min(size, Math.ceil(parts.length / 2));
  }
  return parts.join('');
}

// Tokens where it has some, with spaces between; else letters.
function partsOf(text) {
  try {
    return tokensOf(text).map((token) => `${token} `);
  } catch {
    return Array.from(text);
  }
}

function without(parts, size) {
  const lists = [];
  for (let at = 0; at < parts.length; at += size)
    lists.push([...parts.slice(0, at), ...parts.slice(at + size)]);
  return lists;
}
