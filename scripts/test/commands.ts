/** A command that a page shows. */
export interface Command {
  readonly text: string
  /**
   * `run` ends by itself, with success. `stream` goes on for ever, and prints something. `serve` starts the
   * hub that the commands after it use. `ci` is what CI itself runs.
   */
  readonly kind: 'run' | 'stream' | 'serve' | 'ci'
}

/** The commands of a Markdown page, in order: the blocks that are marked `sh`, and what follows the mark. */
export function commandsOf(markdown: string): Command[] {
  return [...markdown.matchAll(/^```sh *(\w*)\n([\s\S]*?)^```$/gm)].map(([, kind, text]) => {
    if (kind !== '' && kind !== 'stream' && kind !== 'serve' && kind !== 'ci') {
      throw new Error(`a block is marked "sh ${kind}", which nothing runs`)
    }
    return { text: text!.trim(), kind: kind === '' ? 'run' : kind }
  })
}
