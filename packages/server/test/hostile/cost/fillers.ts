import type { Random } from '@tailrace/testkit'

/** Units that values are built from by repetition: blanks, separators, quotes, escapes, wildcards, addresses. */
const ATOMS = [
  ' ',
  '\t',
  'a',
  'a ',
  ' ,',
  ',',
  ';',
  '=',
  '"',
  '\\',
  '/',
  '*',
  '%',
  '%20',
  '%2C',
  '+',
  '-',
  '.',
  ':',
  '(',
  '&',
  'a,',
  'a;',
  'a=b;',
  'a=b,',
  'a/b,',
  '*/*,',
  'a/b;q=0.1,',
  'a/b;c="d",',
  '"a",',
  '1.2.3.4,',
  '::1,',
  '[::1]:1,',
  '1',
  '0',
  '*/',
  '**/',
  'a/',
  '\xc3\xa9',
  '\x80',
  '../',
] as const

/** Endings, most of which make the value invalid only at its last character. */
const TAILS = ['', '!', ' x', '"', '\xff', '\x01', '=', 'z', ',', '\\'] as const

/** Fills a value of any length. */
export interface Filler {
  readonly name: string
  /** The first unit that is repeated; the family of the input. */
  readonly atom: string
  /** @param tail - replaces the end */
  fill(size: number, tail: string): string
}

/** One filler per unit, then `more` random combinations of two units. */
export function fillers(random: Random, more: number): Filler[] {
  const single = ATOMS.map((atom) => fillerOf(atom, atom))
  const mixed = Array.from({ length: more }, () => {
    const atom = random.pick(ATOMS)
    return fillerOf(atom, atom + random.pick(ATOMS))
  })
  return [...single, ...mixed]
}

export function pickTail(random: Random): string {
  return random.pick(TAILS)
}

function fillerOf(atom: string, unit: string): Filler {
  return {
    name: `${JSON.stringify(unit)}…`,
    atom,
    fill: (size, tail) =>
      unit.repeat(Math.ceil(size / unit.length)).slice(0, Math.max(0, size - tail.length)) + tail,
  }
}
