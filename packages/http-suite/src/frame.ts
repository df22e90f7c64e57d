/** One block of an event stream, as it was written. */
export interface Frame {
  event?: string
  /** The `data` lines, joined by LF. */
  data?: string
  id?: string
  retry?: string
  topic?: string
  key?: string
  remove?: string
  time?: string
  traceparent?: string
  tracestate?: string
  /** The comment lines, joined by LF; `''` for a bare `:`. */
  comment?: string
}

const FIELD = /^(event|data|id|retry|topic|key|remove|time|traceparent|tracestate): ?([^]*)$/

/**
 * Parses the text between two blank lines, more strictly than a browser does, since every leniency could hide a forged
 * frame: LF only, the fields of the protocol only, and only `data` may repeat.
 *
 * @throws SyntaxError
 */
export function parseFrame(block: string): Frame {
  if (block === '') throw new SyntaxError('a blank line that ends no frame')
  const frame: Frame = {}
  for (const line of block.split('\n')) addLine(frame, line)
  return frame
}

function addLine(frame: Frame, line: string): void {
  const shown = JSON.stringify(line.slice(0, 200))
  if (line.includes('\r')) throw new SyntaxError(`a CR in ${shown}`)
  if (line.startsWith(':'))
    throw new SyntaxError(`a comment that is not ":" and one LF between two frames (3.13): ${shown}`)
  const [, name, value = ''] = FIELD.exec(line) ?? []
  if (name === undefined) throw new SyntaxError(`not a line of a frame: ${shown}`)
  const field = name as keyof Frame
  if (field === 'data') frame.data = frame.data === undefined ? value : `${frame.data}\n${value}`
  else if (frame[field] === undefined) frame[field] = value
  else throw new SyntaxError(`a second ${field} in one frame: ${shown}`)
}
