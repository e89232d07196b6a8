// retry: how long to wait before the next attempt. It doubles, with jitter, so that a
// fleet of dashboards does not come back at once.

const DOUBLINGS_MAX = 10;

/** ms, after so many failures (1 …). */
export function retryWait(failures: number, firstMs = 500, maxMs = 30_000): number {
  const longest = Math.min(maxMs, firstMs * 2 ** Math.min(failures - 1, DOUBLINGS_MAX));
  return longest * (0.5 + Math.random() / 2);
}
