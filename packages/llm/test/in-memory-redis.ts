import type { Publisher, Subscriber } from 'resumable-stream/generic'

/** As much of Redis as the original package needs. */
export function createInMemoryRedis(): { publisher: Publisher; subscriber: Subscriber } {
  const values = new Map<string, string>()
  const listeners = new Map<string, (message: string) => void>()
  return {
    publisher: {
      connect: async () => undefined,
      async publish(channel, message) {
        const listener = listeners.get(channel)
        if (listener !== undefined) queueMicrotask(() => listener(message))
        return listener === undefined ? 0 : 1
      },
      async set(key, value) {
        values.set(key, value)
        return 'OK'
      },
      get: async (key) => values.get(key) ?? null,
      async incr(key) {
        const next = Number(values.get(key) ?? 0) + 1
        if (Number.isNaN(next)) throw new Error('ERR value is not an integer or out of range')
        values.set(key, String(next))
        return next
      },
    },
    subscriber: {
      connect: async () => undefined,
      subscribe: async (channel, listener) => void listeners.set(channel, listener),
      unsubscribe: async (channel) => void listeners.delete(channel),
    },
  }
}
