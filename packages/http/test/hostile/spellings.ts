import * as fc from 'fast-check'

/** Topics that are not of tenant-a, some of which look as if they were. */
export const OTHERS: readonly string[] = [
  'tenant-b',
  'tenant-b/x',
  'Tenant-A/x',
  'TENANT-A',
  'tenant-ab/x',
  'tenant-a\u200b/x',
  'tenant-\u0430/x',
  'tenant\u2010a/x',
  'tenant-a\uff0fx',
  'tenant-a\\x',
  'tenant-a%2fx',
  'tenant-a ',
  'tenant-a;/x',
  'x/tenant-a/x',
  'tenant-a\u0301/x',
  'secret',
]
export const OWN: readonly string[] = ['tenant-a', 'tenant-a/x', 'tenant-a/x/y', 'tenant-a/tenant-b']

const byte = (code: number, isUpper: boolean): string => {
  const hex = code.toString(16).padStart(2, '0')
  return `%${isUpper ? hex.toUpperCase() : hex}`
}
/** Ways to write a byte of a path, of which few mean that byte. */
const WAYS: readonly ((code: number) => string)[] = [
  (code) => String.fromCharCode(code),
  (code) => String.fromCharCode(code),
  (code) => byte(code, false),
  (code) => byte(code, true),
  // Encoded twice; in two and three bytes, as no UTF-8 may be; as IIS once had it; as a C string ends.
  (code) => `%25${byte(code, false).slice(1)}`,
  (code) => `%c${(code >> 6).toString(16)}${byte(0x80 | (code & 0x3f), false)}`.replace(/^%c(.)%/, '%c$1%'),
  (code) => `%e0${byte(0x80 | (code >> 6), false)}${byte(0x80 | (code & 0x3f), false)}`,
  (code) => `%u00${byte(code, false).slice(1)}`,
  (code) => `${String.fromCharCode(code)}%00`,
]
const other = fc.constantFrom(
  ...OTHERS,
  'tenant-a/../tenant-b',
  'tenant-a/./../tenant-b/x',
  'tenant-a/..;/tenant-b',
  '../tenant-b',
  'tenant-a//../tenant-b',
  'tenant-a/\u2025/tenant-b',
  '*',
  '**',
  '*/x',
  'tenant-*/x',
  'tenant-a/**',
  'tenant-?',
  '',
)
/** A name of a topic, or what may pass for one. */
export const name: fc.Arbitrary<string> = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom(...OWN) },
  { weight: 4, arbitrary: other },
)
/** A name, written in one of the ways that somebody may hope for. */
export const spelled: fc.Arbitrary<string> = fc
  .tuple(name, fc.array(fc.tuple(fc.nat(40), fc.constantFrom(...WAYS)), { maxLength: 3 }))
  .map(([text, changes]) => {
    const parts = [...Buffer.from(text)].map((code) =>
      code > 0x7e || code <= 0x20 || code === 0x25 || code === 0x5c
        ? byte(code, true)
        : String.fromCharCode(code),
    )
    for (const [at, way] of changes)
      if (at < parts.length && parts[at]!.length === 1) parts[at] = way(parts[at]!.charCodeAt(0))
    return parts.join('')
  })
const trick = fc.constantFrom(
  '/events?topic=tenant-a&topic=',
  '/events?topic=tenant-a/x%26topic=',
  '//topics/',
  '/topics//',
  '/Topics/',
  '/./topics/',
  '/topics/tenant-a/../',
  '/topics/tenant-a/%2e%2e/',
  '/topics/tenant-a%2f..%2f',
  '/topics/tenant-a\\..\\',
  '/topics/tenant-a?topic=',
  '/topics/tenant-a;',
  '/topics/tenant-a%00/',
  'http://tenant-a/topics/',
  'http://x/topics/tenant-a/..//',
  '/events?topic[]=',
  '/events?topic=tenant-a/**,',
  '/events?TOPIC=',
  '/events;topic=',
  '/topics?prefix=',
  '/topics/tenant-a#/',
  '/healthz/../topics/',
  '/tickets/../topics/',
)
/** What stands before it in a path. */
export const before: fc.Arbitrary<string> = fc.oneof(
  fc.constant('/topics/'),
  fc.constant('/events?topic='),
  trick,
)
/** What stands behind it. */
export const after: fc.Arbitrary<string> = fc.constantFrom(
  '?from=start',
  '&from=start',
  '',
  '/?from=start',
  '%20?from=start',
  '?from=start&snapshot=true',
  '?from=start&topic=**',
  '#?from=start',
)
