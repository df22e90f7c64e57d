import { expect, test } from 'vitest'
import { codingFor } from '../../src/accept-encoding.ts'

const CODINGS = ['zstd', 'br', 'gzip'].map((name) => ({ name }))

function chosen(acceptEncoding: string | undefined): string | undefined {
  return codingFor(acceptEncoding, CODINGS)?.name
}

test.each<[string | undefined, string | undefined]>([
  ['gzip, deflate, br, zstd', 'zstd'],
  ['gzip, deflate, br', 'br'],
  ['gzip', 'gzip'],
  ['GZIP', 'gzip'],
  ['gzip;q=0.5', 'gzip'],
  ['zstd;q=0, gzip', 'gzip'],
  ['br;q=0, *', 'zstd'],
  ['*', 'zstd'],
  ['identity;q=0, gzip', 'gzip'],
  ['gzip, identity', 'gzip'],
  ['identity, gzip;q=0.5', undefined],
  ['identity', undefined],
  ['gzip;q=0', undefined],
  ['*;q=0', undefined],
  ['deflate', undefined],
  ['', undefined],
  [undefined, undefined],
  ['gzip;q=x', undefined],
  [';;,=,q=1', undefined],
  [`${'a,'.repeat(600)}gzip`, undefined],
])('Accept-Encoding %j chooses %s', (header, name) => {
  expect(chosen(header)).toBe(name)
})
