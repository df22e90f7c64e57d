import type { Module } from './module.ts'

type TagName = 'throws' | 'returns' | 'defaultValue' | 'param'

interface Tag {
  readonly name: TagName
  readonly text: string
}

/** A doc comment, taken apart. All texts are Markdown. */
export interface Doc {
  readonly text: string
  /** In their order. */
  readonly tags: readonly Tag[]
}

const TAG = /(?:^|\s)@(throws|returns|defaultValue|param)\b/

/** The doc comment that ends right before a place in a file. */
export function docBefore({ comments, source }: Module, place: number): Doc | undefined {
  const comment = comments.findLast(({ end }) => end <= place)
  if (comment === undefined || comment.type !== 'Block' || !comment.value.startsWith('*')) return undefined
  if (!/^\s*(?:export\s*)?$/.test(source.slice(comment.end, place))) return undefined
  return parseDoc(comment.value.slice(1))
}

function parseDoc(comment: string): Doc {
  const lines = comment.split('\n').map((line) => line.replace(/^\s*\* ?/, ''))
  const [before = '', ...tagged] = lines.join('\n').trim().split(TAG)
  const tags: Tag[] = []
  for (let i = 0; i + 1 < tagged.length; i += 2) {
    // The lines after the first of a tag are indented.
    const text = tagged[i + 1]!.trim().replaceAll(/\n +/g, '\n')
    tags.push({ name: tagged[i] as TagName, text })
  }
  return { text: before.trim(), tags }
}
