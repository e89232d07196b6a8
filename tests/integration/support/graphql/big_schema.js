// A schema of any size, made at random: objects, interfaces that implement each
// other, unions, enums, inputs and scalars, all reachable from each other.

export function bigSchema(random, size) {
  const numbered = (name, count) =>
    Array.from({ length: count }, (_, i) => `${name}${i}`);
  const names = {
    scalars: numbered('Scalar', 3),
    enums: numbered('Enum', Math.ceil(size / 6)),
    inputs: numbered('Input', Math.ceil(size / 4)),
    interfaces: numbered('Face', Math.ceil(size / 8)),
    objects: numbered('Object', size),
    unions: numbered('Union', Math.ceil(size / 10)),
  };
  const leaves = [
    'Int',
    'Float',
    'String',
    'Boolean',
    'ID',
    ...names.scalars,
    ...names.enums,
  ];
  const composites = [...names.objects, ...names.interfaces, ...names.unions];

  const wrapped = (name) =>
    random.oneOf([
      name,
      name,
      name,
      `${name}!`,
      `[${name}]`,
      `[${name}!]!`,
      `[[${name}!]]`,
    ]);
  const described = (text) =>
    (random.chance(15)
      ? `"${random.oneOf(['what it is', 'é', 'two\\nlines'])}" `
      : '') + text;
  const deprecated = () =>
    random.chance(8) ? ' @deprecated(reason: "old")' : '';
  const members = (list, prefix) =>
    list.map((text, i) => `  ${described(`${prefix}${i}${text}`)}`).join('\n');

  const argument = (i) =>
    `a${i}: ${wrapped(random.oneOf([...leaves, ...names.inputs]))}`;
  const args = () =>
    random.chance(35)
      ? `(${Array.from({ length: 1 + random.below(3) }, (_, i) => argument(i)).join(', ')})`
      : '';
  const field = () =>
    `${args()}: ${wrapped(random.oneOf(random.chance(60) ? leaves : composites))}${deprecated()}`;

  // An interface has what those before it that it implements have, too.
  const faces = names.interfaces.map((name, i) => {
    const above = i > 1 && random.chance(50) ? [random.below(i)] : [];
    return { name, own: random.many(1, 3, field), above };
  });
  const line = (i) => [i, ...faces[i].above.flatMap(line)];
  const implementing = (list) =>
    list.length > 0
      ? ` implements ${list.map((i) => faces[i].name).join(' & ')}`
      : '';
  const inherited = (list) => list.map((i) => members(faces[i].own, `f${i}_`));

  const parts = names.scalars.map((name) => described(`scalar ${name}`));
  for (const name of names.enums)
    parts.push(
      described(
        `enum ${name} {\n${members(random.many(1, 6, deprecated), `${name.toUpperCase()}_`)}\n}`
      )
    );
  for (const name of names.inputs) {
    const put = () =>
      `: ${random.oneOf([...leaves, random.oneOf(names.inputs)])}${random.oneOf(['', '', ' @deprecated'])}`;
    parts.push(
      `input ${name}${random.chance(15) ? ' @oneOf' : ''} {\n${members(random.many(1, 5, put), 'i')}\n}`
    );
  }
  faces.forEach((face, i) => {
    const above = line(i).slice(1);
    parts.push(
      `interface ${face.name}${implementing(above)} {\n${[members(face.own, `f${i}_`), ...inherited(above)].join('\n')}\n}`
    );
  });
  for (const name of names.objects) {
    const of = random.chance(50) ? line(random.below(faces.length)) : [];
    parts.push(
      described(
        `type ${name}${implementing(of)} {\n${[members(random.many(1, 6, field), 'f'), ...inherited(of)].join('\n')}\n}`
      )
    );
  }
  for (const name of names.unions)
    parts.push(
      `union ${name} = ${[...new Set(random.many(1, 4, () => random.oneOf(names.objects)))].join(' | ')}`
    );
  parts.push(`type Query {\n${members(random.many(8, 8, field), 'q')}\n}`);
  return `${random.shuffled(parts).join('\n\n')}\n`;
}
