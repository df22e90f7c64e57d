/** Where the publisher writes the time and the number of each event; see mark.h. */
export const BLANK_MARK = '@@0000000000000000000,0000000000@@'

/** The data of an event of `bytes` bytes: a mark, and letters that need no escaping in JSON or in a form. */
export function markedData(bytes: number): string {
  if (bytes < BLANK_MARK.length)
    throw new RangeError(`\`bytes\` must be at least ${BLANK_MARK.length}, got ${bytes}`)
  return BLANK_MARK.padEnd(bytes, 'tailrace')
}

/** In the name of a topic: the readers and the publisher replace it by names of one topic after the other; see request.h. */
export const TOPIC_SLOT = 'slot000000'
