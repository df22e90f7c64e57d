import { HubError } from '@tailrace/hub'
import type { Hub } from '@tailrace/hub'

/** Who is present, as the keys of a topic: an event `here` sets the key of a member, an event `gone` removes it. */
export interface Presence {
  /** A member has opened a stream. Resolves with what must be called when that stream is gone. */
  enter(name: string): Promise<() => void>
  /** A member leaves, whatever streams are open. */
  leave(name: string): Promise<void>
}

/**
 * Keeps the keys of a topic. A key is removed a moment after the last stream of its member is gone, since a page that is
 * reloaded comes back at once. A server that is killed cannot remove its keys. So each key is set again with every beat,
 * and any server of the log removes one that was not set for three beats.
 */
export function keepPresence(hub: Hub, topic: string, beatMs: number): Presence {
  /** How many streams each member has open, on this server. */
  const streams = new Map<string, number>()
  /** When each key was last set, by whichever server. */
  const times = new Map<string, number>()
  const started = Date.now()

  async function set(name: string): Promise<void> {
    await hub.publish(topic, { type: 'here', key: name, data: name })
  }

  async function remove(name: string): Promise<void> {
    await hub.publish(topic, { type: 'gone', key: name, data: name, remove: true })
  }

  /** Learns from the log what all servers have set and removed. */
  async function follow(): Promise<void> {
    try {
      for await (const { key = '', time, remove: isGone } of hub.follow([topic], { from: 'start' }))
        if (isGone) times.delete(key)
        else times.set(key, time)
    } catch (error) {
      // This server stood still for so long that retention overtook it.
      if (!HubError.is(error) || error.code !== 'cursor-gone') throw error
      times.clear()
      await follow()
    }
  }

  function beat(): void {
    for (const name of streams.keys()) set(name).catch(console.error)
    // After a restart, everyone has as much time to come back.
    const limit = Date.now() - 3 * beatMs
    for (const [name, time] of times)
      if (!streams.has(name) && Math.max(time, started) < limit) remove(name).catch(console.error)
  }

  function removeIfGone(name: string): void {
    if (times.has(name) && !streams.has(name)) remove(name).catch(console.error)
  }

  void follow()
  setInterval(beat, beatMs)
  return {
    async enter(name) {
      streams.set(name, (streams.get(name) ?? 0) + 1)
      await set(name)
      return () => {
        const others = (streams.get(name) ?? 1) - 1
        if (others > 0) streams.set(name, others)
        else streams.delete(name)
        setTimeout(removeIfGone, beatMs / 5, name)
      }
    },
    async leave(name) {
      streams.delete(name)
      await remove(name)
    },
  }
}
