import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ROOT } from './checkout.ts'

/** Phrases that a native reader stumbles over, and what to write instead. */
const PHRASES: readonly (readonly [RegExp, string])[] = [
  [/(?:^|[.;:] )Who (?:has|is|reads|asks|takes|needs|then)\b[^.?]*\./m, 'anyone who …, a client that …'],
  [/\b(?:of|from|to|than|for) who(?:ever)? (?:has|is|reads|asks|signs|publishes)\b/, 'of the client that …'],
  [/(?<!\bthere )\b(?:is|are|was|were) none\b(?! of\b)/i, 'is invalid, is missing, is not one'],
  [
    /(?<!\bthere )\b(?:is|are) no (?:hub|token|URL|JSON|UTF-8|text|object|number|selector|browser)\b/i,
    'is not a …',
  ],
  [/\b(?:is|are|gets?) told\b/, 'receives, learns, is asked to'],
  [/\bsuch as (?:come|came|lie|are|were|is|was)\b/, 'those that …'],
  [/\bneeds not\b/, 'need not'],
  [/\bbut for `/, 'except `'],
  [/\b(?:would|which|who|what) else (?!is\b|are\b|do\b|does\b|can\b)/, 'would otherwise, which otherwise'],
  [/\b(?:can|could|cannot|not) be had\b/, 'is available, cannot be fetched'],
  [/\b(?:at most|more|as many|none) (?:\S+ )?are taken\b/, 'are accepted'],
  [/\bby and by\b/, 'step by step'],
  [/\banew\b/, 'again'],
  [/\bfor good\b(?=[,.;:]? (?:only|when|where)\b)/, 'permanently'],
  [/\bmilliseconds of the epoch\b/, 'milliseconds since the epoch'],
  [/\bhalf of a surrogate pair\b/, 'a lone surrogate'],
  [/\ban own\b/, 'its own, a separate'],
]

const PAGES = [
  'README.md',
  'CONTRIBUTING.md',
  'docs/**',
  'spec/**',
  'packages/*/README.md',
  'examples/*/README.md',
]
const SOURCES = [
  'packages/client/src/**',
  'packages/http/src/**',
  'packages/http-suite/src/**',
  'packages/llm/src/**',
  'packages/mcp/src/**',
  'packages/topics/src/**',
  'packages/multisend/src/**',
  'packages/hub/src/**',
  'packages/log/src/**',
  'packages/log-*/src/**',
  'packages/log-*/bench/**',
  'packages/server/src/**',
  'packages/testkit/src/*.ts',
  'packages/wire/src/**',
  'bench/**',
  'scripts/**',
]

test.each([
  ['pages', PAGES.map((path) => `:(glob)${path}`), /\.md$/],
  ['sources', SOURCES.map((path) => `:(glob)${path}`), /\.ts$/],
])('the English of %s is plain', (_, paths, extension) => {
  const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '--', ...paths], {
    cwd: ROOT,
    encoding: 'utf8',
  })
  const files = listed
    .split('\n')
    .filter((file) => extension.test(file) && file !== 'scripts/test/plain-english.test.ts')
    .filter((file) => existsSync(join(ROOT, file)))
  expect(files.length).toBeGreaterThan(0)
  expect(files.flatMap((file) => stumblesOf(file))).toEqual([])
})

function stumblesOf(file: string): string[] {
  const text = readFileSync(join(ROOT, file), 'utf8')
  // Sentences go on over the ends of lines, and over the marks of a comment.
  const prose = text.replaceAll(/\n *(?:\*|\/\/)? ?/g, ' ')
  return PHRASES.flatMap(([phrase, instead]) => {
    const found = phrase.exec(prose)
    return found === null ? [] : [`${file}: "${found[0].trim()}" (write: ${instead})`]
  })
}
