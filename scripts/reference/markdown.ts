import type { Doc } from './doc-comment.ts'

/** What a doc comment may refer to. */
export interface Linker {
  /** Where the section of a name is, or undefined if it has none. */
  place(name: string): string | undefined
  /** The value of a constant, if it can be quoted. */
  value(name: string): string | undefined
}

/** What a doc comment says, as paragraphs: its text, then its tags in words. */
export function paragraphsOf({ text, tags }: Doc, linker: Linker): string[] {
  const params: string[] = []
  const sentences: string[] = []
  let fallback = ''
  for (const tag of tags) {
    const said = ended(tag.text)
    if (tag.name === 'param') params.push(`- ${indented(paramOf(said))}`)
    else if (tag.name === 'returns') sentences.push(`Returns ${said}`)
    else if (tag.name === 'throws') sentences.push(`Throws ${withErrors(said, linker)}`)
    // After a parameter, it is the default of that parameter.
    else if (params.length > 0) params.push(`${params.pop()} Default: ${said}`)
    else fallback = `Default: ${said}`
  }
  const isLong = /\n\n|^- /m.test(text)
  return [...(isLong ? [text, fallback] : [`${text} ${fallback}`.trim()]), params.join('\n'), ...sentences]
    .filter((paragraph) => paragraph !== '')
    .map((paragraph) => linked(paragraph, linker))
}

/** The lines after the first, moved under a list item. */
export function indented(text: string): string {
  return text.replaceAll('\n', '\n  ').replaceAll(/^ +$/gm, '')
}

/** `name - text`, or a sentence that begins with the name. */
function paramOf(text: string): string {
  return text.replace(
    /^(\S+)(\s+-)?/,
    (_, name: string, dash?: string) => `\`${name}\`${dash === undefined ? '' : ':'}`,
  )
}

function ended(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`
}

function withErrors(text: string, { place }: Linker): string {
  return text.replaceAll(/\b[A-Z]\w*Error\b/g, (name) => {
    const section = place(name)
    return section === undefined ? name : `[${name}](${section})`
  })
}

function linked(text: string, { place, value }: Linker): string {
  return text
    .replaceAll(/\{@link\s+([^\s}|]+)\s*\}/g, (_, name: string) => {
      const [section, quoted] = [place(name), value(name)]
      if (section === undefined) return quoted ?? `\`${name}\``
      return `[\`${name}\`](${section})${quoted === undefined ? '' : ` (${quoted})`}`
    })
    .replaceAll('`spec/protocol.md`', '[`spec/protocol.md`](../../../spec/protocol.md)')
}
