import * as fc from 'fast-check'

/** What somebody may put around a name, or for it. */
export const noise: fc.Arbitrary<string> = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.constantFrom(
    '',
    ' ',
    '=',
    'a=b',
    'tailrace',
    'xtailrace=evil',
    'tailracex=evil',
    'Tailrace=evil',
    '__Host-tailrace=evil',
    '"',
    ',',
    'tailrace =evil2',
  ),
)
