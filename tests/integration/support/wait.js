// Waiting for things to come true, never for time to pass.

// Sanitized programs run a few times slower; no test is about that.
export const SLOW = process.env.SAN === '1' ? 4 : 1;

const POLL_MS = 25;

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Calls condition until it returns something true, which is returned. What it
// throws counts as "not yet" and is told when the time is over.
export async function waitFor(condition, what, timeoutMs = 30_000) {
  const deadline = Date.now() + timeoutMs * SLOW;
  let last;
  do {
    try {
      last = await condition();
      if (last) return last;
    } catch (error) {
      last = error;
    }
    await sleep(POLL_MS);
  } while (Date.now() < deadline);
  const seen = last instanceof Error ? last.message : JSON.stringify(last);
  throw new Error(`waited ${timeoutMs * SLOW} ms for ${what}; last: ${seen}`);
}
