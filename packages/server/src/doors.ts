import { HttpError } from '@tailrace/http'
import type { Gate } from '@tailrace/http'
import { OPEN_GATE } from '@tailrace/http/gate'
import type { Pressure } from './limits/pressure.ts'

/** The gate of a server, which admits no more readers once the server is stopping, or while it is overloaded. */
export interface Doors extends Gate {
  /** Admits no more readers. */
  close(): void
}

export function createDoors(gate: Gate, pressure: Pressure): Doors {
  let isDraining = false
  return {
    ...membersOf(gate),
    async admit(client, selectors) {
      if (isDraining) throw new HttpError('draining', 'This hub is shutting down: reconnect to another one.')
      const leave = await gate.admit(client, selectors)
      try {
        const release = await pressure.admit()
        return () => {
          leave()
          release()
        }
      } catch (error) {
        leave()
        throw error
      }
    },
    get isDraining() {
      return isDraining || gate.isDraining
    },
    close() {
      isDraining = true
    },
  }
}

/** All members of a gate. The gate of an application may be an instance of a class, and a spread would omit its methods. */
function membersOf(gate: Gate): Gate {
  const names = Object.keys(OPEN_GATE) as (keyof Gate)[]
  const members = names.map((name) => {
    const member: unknown = gate[name]
    return [name, typeof member === 'function' ? (member.bind(gate) as unknown) : member]
  })
  return Object.fromEntries(members) as Gate
}
