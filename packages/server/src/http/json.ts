import type { ServerResponse } from 'node:http'
import { holdUnsent } from './unsent.ts'

/** How much of an answer is handed on at a time: so one can see whether a client takes any of it. */
export const SLICE_BYTES: number = 64 * 1024

/** Answers with JSON and a line end, so that a terminal shows it well. */
export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  const body = `${JSON.stringify(value)}\n`
  const length = Buffer.byteLength(body)
  const isLarge = length > SLICE_BYTES
  if (isLarge && !holdUnsent(response, length)) return
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': length,
    'Cache-Control': 'no-store',
  })
  if (response.req.method === 'HEAD') response.end()
  else if (isLarge) sendFrom(response, Buffer.from(body))
  else response.end(body)
}

function sendFrom(response: ServerResponse, body: Buffer): void {
  const [slice, rest] = [body.subarray(0, SLICE_BYTES), body.subarray(SLICE_BYTES)]
  if (rest.length === 0) response.end(slice)
  else if (response.write(slice)) sendFrom(response, rest)
  else response.once('drain', () => sendFrom(response, rest))
}
