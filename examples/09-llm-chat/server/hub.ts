import { createHub } from '@tailrace/hub'
import type { Hub } from '@tailrace/hub'

const shared = globalThis as { hub?: Promise<Hub> }

/** The hub of this process. Next loads a module once for pages and once for route handlers, so it is a global. */
export function getHub(): Promise<Hub> {
  shared.hub ??= openHub()
  return shared.hub
}

async function openHub(): Promise<Hub> {
  const hub = await createHub({ log: process.env['LOG'] ?? 'sqlite:chats.db' })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void close(hub))
  return hub
}

/** Ends the answers in progress, so that their readers learn at once that nobody produces them any more. */
async function close(hub: Hub): Promise<never> {
  await hub.close()
  process.exit()
}
