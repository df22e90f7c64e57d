/** How a hub writes to readers on plain connections, and its argument for that. */
export const WAYS_OF_WRITING: readonly (readonly [way: string, args: readonly string[]])[] = [
  ['in groups', []],
  ['one by one', ['--no-multisend']],
]
