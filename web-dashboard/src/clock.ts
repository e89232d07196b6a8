// clock: what time it is by the gateway's clock, which samples and ranges go by.
//
// A browser's clock may be minutes off. What the gateway says it knows as of is
// its own time, a moment ago; the moment was shortest where the difference to
// ours is greatest.

/** ms; less is no difference between clocks, but the way of a message. */
const DIFFERENCE_MIN = 1000;
/** So many messages are compared. */
const MESSAGES = 20;

let ahead = 0;
const recent: number[] = [];

/** ms since 1970, by the gateway's clock. */
export function now(): number {
  return atGateway(Date.now());
}

/** A time of our own clock by the gateway's. */
export function atGateway(ours: number): number {
  return ours + ahead;
}

/** ms that the gateway's clock is ahead of ours; 0: they go alike. */
export function difference(): number {
  return ahead;
}

/** The gateway's time as a message just told it. */
export function heardTime(time: number): void {
  recent.push(time - Date.now());
  if (recent.length > MESSAGES) recent.shift();
  const greatest = Math.max(...recent);
  if (Math.abs(greatest) < DIFFERENCE_MIN) ahead = 0;
  else if (Math.abs(greatest - ahead) >= DIFFERENCE_MIN) ahead = greatest;
}
