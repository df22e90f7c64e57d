import { HttpError } from '@tailrace/http'
import type { Gate } from '@tailrace/http'
import { OPEN_GATE } from '@tailrace/http/gate'
import type { Pressure } from './limits/pressure.ts'

/** The gate of a server, which lets nobody in any more once it is to stop, nor while it has too much to do. */
export interface Doors extends Gate {
  /** Lets no reader in any more. */
  close(): void
}

export function createDoors(gate: Gate, pressure: Pressure): Doors {
  let isDraining = false
  return {
    ...membersOf(gate),
    admit(client, selectors) {
      if (isDraining) throw new HttpError('draining', 'This hub is shutting down: reconnect to another one.')
      const leave = gate.admit(client, selectors)
      try {
        const release = pressure.admit()
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

/** All that a gate has. That of an application may be of a class, of which a spread would leave out the methods. */
function membersOf(gate: Gate): Gate {
  const names = Object.keys(OPEN_GATE) as (keyof Gate)[]
  const members = names.map((name) => {
    const member: unknown = gate[name]
    return [name, typeof member === 'function' ? (member.bind(gate) as unknown) : member]
  })
  return Object.fromEntries(members) as Gate
}
