/** One block of an event stream as written, without defaults and without memory of earlier frames. */
export interface Frame {
  event?: string
  /** The `data` lines, joined with LF. */
  data?: string
  id?: string
  retry?: string
  topic?: string
  key?: string
  remove?: string
  time?: string
  traceparent?: string
  tracestate?: string
  /** The comment lines, joined with LF; `''` for the bare `:` that keeps a stream open. */
  comment?: string
}

/**
 * Parses the text between two blank lines, far more strictly than a browser does: every leniency of a reader could
 * hide a malformed or forged frame. LF only, known fields only, `field: value` or a bare `field:`, and only `data`
 * and comments may repeat.
 */
export function parseFrame(block: string): Frame {
  if (block === '') throw new SyntaxError('a blank line that ends no frame')
  if (block.includes('\r')) throw new SyntaxError(`a CR in a frame: ${JSON.stringify(block.slice(0, 200))}`)
  const frame: Frame = {}
  for (const line of block.split('\n')) {
    if (line.startsWith(':')) frame.comment = joined(frame.comment, line.slice(1))
    else addField(frame, line)
  }
  return frame
}

function addField(frame: Frame, line: string): void {
  const [, field, value = ''] =
    /^(event|data|id|retry|topic|key|remove|time|traceparent|tracestate):(?: ([^]*))?$/.exec(line) ?? []
  if (field === undefined) {
    throw new SyntaxError(`not a line of an event stream: ${JSON.stringify(line.slice(0, 200))}`)
  }
  if (field === 'data') {
    frame.data = joined(frame.data, value)
    return
  }
  const single = field as Exclude<keyof Frame, 'data' | 'comment'>
  if (frame[single] !== undefined) {
    throw new SyntaxError(`a second ${field} in one frame: ${JSON.stringify(line.slice(0, 200))}`)
  }
  frame[single] = value
}

function joined(before: string | undefined, value: string): string {
  return before === undefined ? value : `${before}\n${value}`
}
