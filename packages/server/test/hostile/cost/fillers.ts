import type { Random } from '@tailrace/testkit'

/** What a value may be made of, repeated: blanks, separators of lists and parameters, quotes, escapes, wildcards. */
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

/** What may follow at the end and be no match. */
const TAILS = ['', '!', ' x', '"', '\xff', '\x01', '=', 'z', ',', '\\'] as const

/** A way to fill a value of any length. */
export interface Filler {
  readonly name: string
  /** What it is made of, or begins to be. */
  readonly atom: string
  /** With a tail that chance chooses anew for each input. */
  fill(size: number, tail: string): string
}

/** One of each kind, then `more` that chance puts together of two kinds. */
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
