import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { ROOT } from './checkout.ts'
import { APPS, LOGS } from './packages.ts'

const LINK = /\]\((?!https?:|mailto:)([^)\s#]*)(?:#([^)\s]+))?\)/g

test('every link of a page to another page of the repository finds its file and its heading', () => {
  const pages = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*.md'], {
    cwd: ROOT,
    encoding: 'utf8',
  })
  const found = pages
    .split('\n')
    .filter((page) => page !== '' && existsSync(join(ROOT, page)))
    .flatMap((page) => linksOf(page))
  expect(found.length).toBeGreaterThan(0)
  expect(found.filter(({ isBroken }) => isBroken).map(({ page, target }) => `${page}: ${target}`)).toEqual([])
})

test.each(['wire', ...LOGS, 'hub', 'http', ...APPS, 'client', 'server'])(
  'the README of %s has no relative link, which would lead nowhere from a registry',
  (name) => {
    const markdown = withoutCode(readFileSync(join(ROOT, 'packages', name, 'README.md'), 'utf8'))
    expect(Array.from(markdown.matchAll(LINK), ([, path, heading]) => path || heading)).toEqual([])
  },
)

function linksOf(page: string): { page: string; target: string; isBroken: boolean }[] {
  const links = withoutCode(readFileSync(join(ROOT, page), 'utf8')).matchAll(LINK)
  return [...links].map(([, path = '', heading]) => {
    const file = path === '' ? join(ROOT, page) : join(ROOT, dirname(page), path)
    const isBroken = !existsSync(file) || (heading !== undefined && !headingsOf(file).includes(heading))
    return { page, target: heading === undefined ? path : `${path}#${heading}`, isBroken }
  })
}

/** As GitHub names them. */
function headingsOf(file: string): string[] {
  return [...readFileSync(file, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, text]) =>
    text!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\- _]/gu, '')
      .replaceAll(' ', '-'),
  )
}

function withoutCode(markdown: string): string {
  return markdown.replaceAll(/^```[^]*?^```/gm, '').replaceAll(/`[^`\n]*`/g, '')
}
