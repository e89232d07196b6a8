// Documents over a schema: as made, mutated (most often invalid) and damaged
// (most often no document).
import { DocumentMaker } from './documents.js';
import { Mutator } from './mutants.js';
import { Random } from './random.js';

// count documents, each with `mutants` of it and one damaged: a list of
// { query, variables, operationName }.
export function makeCorpus(schema, { seed, count, mutants = 2 }) {
  const random = new Random(seed);
  const maker = new DocumentMaker(schema, random);
  const mutator = new Mutator(schema, random);
  return Array.from({ length: count }, () => {
    const request = maker.make();
    const wrong = Array.from({ length: mutants }, () =>
      mutator.mutant(request.query)
    );
    return [
      request,
      ...[...wrong, mutator.damaged(request.query)].map((query) => ({
        ...request,
        query,
      })),
    ];
  }).flat();
}
