/** A command in a page. */
export interface Command {
  readonly text: string
  /**
   * `run` ends by itself, with success. `stream` does not end, and prints something. `serve` starts the hub that the
   * following commands use. `ci` is run by CI itself.
   */
  readonly kind: 'run' | 'stream' | 'serve' | 'ci'
}

/** The commands of a Markdown page, in order: the blocks marked `sh`, and the kind after the mark. */
export function commandsOf(markdown: string): Command[] {
  return [...markdown.matchAll(/^```sh *(\w*)\n([\s\S]*?)^```$/gm)].map(([, kind, text]) => {
    if (kind !== '' && kind !== 'stream' && kind !== 'serve' && kind !== 'ci') {
      throw new Error(`a block is marked "sh ${kind}", which nothing runs`)
    }
    return { text: text!.trim(), kind: kind === '' ? 'run' : kind }
  })
}
