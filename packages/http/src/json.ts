import type { Exchange } from './exchange.ts'

/** The headers of every answer in JSON. */
export const JSON_HEADERS = { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' } as const

/** Answers with JSON and a line end, so that a terminal displays it properly. */
export function answerJson(exchange: Exchange, status: number, value: unknown): void {
  exchange.answer(status, JSON_HEADERS, `${JSON.stringify(value)}\n`)
}
