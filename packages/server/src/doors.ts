import { HttpError } from '@tailrace/http'
import type { Gate } from '@tailrace/http'
import type { Pressure } from './limits/pressure.ts'

/** The gate of a server, which admits no more readers once the server is stopping, or while it is overloaded. */
export interface Doors extends Gate {
  /** Admits no more readers. */
  close(): void
}

export function createDoors(gate: Gate, pressure: Pressure): Doors {
  let isDraining = false
  return {
    ...gate,
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
      return isDraining
    },
    close() {
      isDraining = true
    },
  }
}
