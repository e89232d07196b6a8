// A document as its tokens: laid out anew, or damaged.
import { Lexer, Source, TokenKind } from 'graphql';

// The text of every token, without comments. Throws for what has none.
export function tokensOf(text) {
  const lexer = new Lexer(new Source(text));
  const tokens = [];
  for (let t = lexer.advance(); t.kind !== TokenKind.EOF; t = lexer.advance())
    tokens.push(text.slice(t.start, t.end));
  return tokens;
}

const BETWEEN = [
  ' ',
  ' ',
  ' ',
  '\n',
  '\n',
  '\n  ',
  '\r\n',
  '\r',
  '\t',
  ',',
  ', ',
  '  ',
  ' # note\n',
  '#é😀 "\n',
  '\n\n',
  ' \ufeff',
  '#\r',
];

// May two tokens stand side by side with nothing between them?
const joins = (a, b) =>
  !(/[\w"$@.]$/.test(a) && /^[\w".-]/.test(b)) && !/^#/.test(b);

export function joinTokens(tokens, random) {
  let text = random.chance(3) ? '\ufeff' : '';
  const loose = random.below(3); // one line, a few, or anything
  for (let i = 0; i < tokens.length; i++) {
    if (i > 0) {
      if (loose === 0)
        text += joins(tokens[i - 1], tokens[i]) && random.chance(30) ? '' : ' ';
      else if (loose === 1) text += random.chance(15) ? '\n' : ' ';
      else
        text +=
          joins(tokens[i - 1], tokens[i]) && random.chance(30)
            ? ''
            : random.oneOf(BETWEEN);
    }
    text += tokens[i];
  }
  return random.chance(10) ? `${text}${random.oneOf(BETWEEN)}` : text;
}

export const layOut = (text, random) => joinTokens(tokensOf(text), random);

const STRANGE = [
  ...[
    '{',
    '}',
    '(',
    ')',
    '[',
    ']',
    ':',
    '=',
    '!',
    '|',
    '&',
    '@',
    '$',
    '...',
    '..',
    '.',
    '?',
    '-',
    '+',
    '%',
    '\\',
  ],
  ...[
    'on',
    'query',
    'fragment',
    'true',
    'null',
    'extend',
    'type',
    'a',
    '_',
    '__typename',
    'é',
    '\u0000',
    '\u200b',
    '😀',
    '\u00a0',
  ],
  ...[
    '0',
    '1',
    '-1',
    '01',
    '-01',
    '00',
    '1.',
    '.5',
    '1.0.0',
    '1e',
    '1e+',
    '0x1F',
    '1a',
    '1_000',
    '-',
    '--1',
    '1.5f',
    '1ee5',
    '0.e1',
    '1.e1',
    '123456789012345678901234567890',
  ],
  ...[
    '""',
    '"',
    '"""',
    '""""""',
    '"a',
    '"a\nb"',
    '"\\x"',
    '"\\u12"',
    '"\\u{110000}"',
    '"\\u{}"',
    '"\\u{D800}"',
    '"\\uD800"',
    '"\\uDC00"',
    '"\\uD800\\u0041"',
    '"\\u{00000041}"',
    '"\\uZZZZ"',
    '"\u0007"',
    '"""a\\"""',
    '"\\',
    '"""\\u{D800}"""',
    '"\\u{000000000000041}"',
    '"\\uD83D\\u{DE00}"',
  ],
];

// Damages a text: its tokens, or its letters.
export function damage(text, random) {
  if (random.chance(20)) return damageLetters(text, random);
  const tokens = tokensOf(text);
  const at = random.below(tokens.length);
  const other = random.below(tokens.length);
  switch (random.below(6)) {
    case 0:
      tokens.splice(at, 1 + random.below(2));
      break;
    case 1:
      tokens.splice(at, 0, tokens[at]);
      break;
    case 2:
      [tokens[at], tokens[other]] = [tokens[other], tokens[at]];
      break;
    case 3:
      tokens.splice(at, 1, random.oneOf(STRANGE));
      break;
    case 4:
      tokens.splice(at, 0, random.oneOf(STRANGE));
      break;
    default:
      tokens.splice(at);
  }
  return joinTokens(tokens, random);
}

function damageLetters(text, random) {
  const letters = Array.from(text);
  const put = random.chance(60) ? [random.oneOf(STRANGE)] : [];
  letters.splice(random.below(letters.length + 1), random.below(3), ...put);
  return letters.join('');
}
