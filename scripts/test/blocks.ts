import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './checkout.ts'

/** A block of a page that is marked `ts`. */
export interface Block {
  /** Of its file. */
  readonly name: string
  readonly code: string
  /** It is marked `ts run`. */
  readonly isRun: boolean
}

/** The TypeScript in a page. Each block is a separate program. */
export function blocksOf(page: string): readonly Block[] {
  const markdown = readFileSync(join(ROOT, page), 'utf8')
  return [...markdown.matchAll(/^```ts *(\w*)\n([\s\S]*?)^```$/gm)].map(({ 1: mark, 2: code, index }) => {
    const line = markdown.slice(0, index).split('\n').length
    return {
      name: `${page.replaceAll(/\W/g, '-')}-${line}.ts`,
      // The messages of a compiler then name the line of the page.
      code: `${'\n'.repeat(line)}${code!}`,
      isRun: mark === 'run',
    }
  })
}
