// Do two answers say the same? Each function returns what differs, or nothing.

const place = (error) =>
  (error.locations ?? [])
    .map(({ line, column }) => `${line}:${column}`)
    .join(' ');
const said = (error) => `${place(error)} ${wording(error.message)}`;

// About variables the engine makes no guesses.
const wording = (message) =>
  /^Variable .* got invalid value/s.test(message)
    ? message.replace(/ Did you mean [^?]*\?$/, '')
    : message;
const listed = (errors) =>
  errors.length > 0
    ? errors
        .map((e) => `    ${said(e)}${e.path ? ` at ${e.path.join('.')}` : ''}`)
        .join('\n')
    : '    none';

const both = (what, ours, theirs) =>
  `${what}\n  ours:\n${listed(ours)}\n  graphql-js:\n${listed(theirs)}`;
const sameList = (a, b, key) => {
  const [left, right] = [a, b].map((list) => list.map(key).sort());
  return (
    left.length === right.length && left.every((text, i) => text === right[i])
  );
};

const STRANGER = / definition is not executable\.$/;

// Errors of a document: the same places, with the same words. Where it defines
// types, the engine refuses that, and does not look into the definitions.
export function differingErrors(ours, theirs) {
  if (!theirs.some((e) => STRANGER.test(e.message)))
    return differing(ours, theirs);
  const strangers = (list) => list.filter((e) => STRANGER.test(e.message));
  return differing(strangers(ours), strangers(theirs));
}

function differing(ours, theirs) {
  if ((ours.length === 0) !== (theirs.length === 0))
    return both('verdict', ours, theirs);
  if (!sameList(ours, theirs, place)) return both('locations', ours, theirs);
  // Theirs cut an escape in the middle of a character.
  if (theirs.some((e) => /\p{Surrogate}/u.test(e.message))) return undefined;
  if (!sameList(ours, theirs, said)) return both('messages', ours, theirs);
  return undefined;
}

const pathOf = (error) => JSON.stringify(error.path);
const whole = (error) => `${said(error)} at ${pathOf(error)}`;

// Where in the data an error shows: its path, as far as it is there.
function shownAt(data, path) {
  let at = data;
  let depth = 0;
  while (depth < path.length && at !== null && at !== undefined)
    at = at[path[depth++]];
  return JSON.stringify(path.slice(0, depth));
}

// Responses: the same bytes of data, an error for every null that needs one.
// everyError(): all errors that may be found.
export function differingResponses(line, theirs, everyError) {
  const ours = JSON.parse(line);
  const [oursErrors, theirErrors] = [
    ours.errors ?? [],
    (theirs.errors ?? []).map((e) => e.toJSON()),
  ];
  if (!('data' in ours) || !('data' in theirs)) {
    if ('data' in ours !== 'data' in theirs)
      return both(`data ${line}`, oursErrors, theirErrors);
    return differingErrors(oursErrors, theirErrors);
  }
  const data = JSON.stringify(theirs.data);
  if (!(line === `{"data":${data}}` || line.endsWith(`],"data":${data}}`)))
    return `data\n  ours:       ${JSON.stringify(ours.data)}\n  graphql-js: ${data}\n  line: ${line.slice(0, 2000)}\n${both('errors', oursErrors, theirErrors)}`;
  return differingFieldErrors(data, oursErrors, theirErrors, everyError);
}

function differingFieldErrors(data, ours, theirs, everyError) {
  const shown = JSON.parse(data);
  const places = (errors) =>
    [...new Set(errors.map((e) => shownAt(shown, e.path ?? [])))]
      .sort()
      .join('\n');
  if (places(ours) !== places(theirs)) return both('errors', ours, theirs);
  if (new Set(ours.map(pathOf)).size !== ours.length)
    return both('two errors at one place', ours, theirs);
  const visible = (errors) =>
    errors.filter((e) => shownAt(shown, e.path ?? []) === pathOf(e));
  if (!sameList(visible(ours), visible(theirs), whole))
    return both('errors', ours, theirs);
  if (sameList(ours, theirs, whole)) return undefined;
  const possible = new Set(everyError().map((e) => whole(e.toJSON())));
  const invented = ours.filter((e) => !possible.has(whole(e)));
  return invented.length > 0 ? both('errors', invented, theirs) : undefined;
}
