import type { Call } from '@tailrace/http'

/** `GET /count`: how many topics the client may read, of the first thousand. */
export async function count({ hub, gate, client, exchange }: Call): Promise<void> {
  const topics = await hub.topics({ prefix: '', after: '', limit: 1_000 })
  let readable = 0
  for (const { topic } of topics) if (await gate.mayRead(client, [topic], 'list')) readable += 1
  exchange.answer(200, { 'Content-Type': 'text/plain' }, `${readable}\n`)
}
