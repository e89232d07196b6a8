import { buildSchema, parse, validate } from 'graphql';
import { readFileSync } from 'node:fs';
import { Random } from './integration/support/graphql/random.js';
import { DocumentMaker } from './integration/support/graphql/documents.js';
for (const name of ['films', 'shapes', 'tiny']) {
  const schema = buildSchema(readFileSync(new URL(`./integration/support/graphql/schemas/${name}.graphql`, import.meta.url), 'utf8'));
  const maker = new DocumentMaker(schema, new Random(1));
  let good = 0, bytes = 0; const why = {};
  console.time(name);
  for (let i = 0; i < 1000; i++) {
    const { query, variables } = maker.make();
    bytes += query.length;
    let errors;
    try { errors = validate(schema, parse(query)); } catch (e) { errors = [e]; }
    if (errors.length === 0) good++; else { const k = errors[0].message.replace(/"[^"]*"/g, '_').slice(0,80); why[k] ??= [0, query, errors[0].message]; why[k][0]++; }
    if (i < 2) console.log(query, JSON.stringify(variables));
  }
  console.timeEnd(name);
  console.log(name, good, bytes / 1000); for (const k in why) console.log(why[k][0], k, '\n   ', why[k][2]);
}
