import { compile } from '../compile.ts'
import type { WireRequest } from '../peer.ts'

/** The program of the load generator that can send the request, and its arguments. */
export function loadProgram(name: 'reader' | 'publisher', numbers: readonly number[], request: WireRequest) {
  const { port, text, protocol = 'http/1.1' } = request
  // Without TLS, it needs no library.
  const options = protocol === 'http/1.1' ? [] : ['-DTLS', '-lssl', '-lcrypto']
  return {
    file: compile(`load/${name}.c`, options),
    args: [...[port, ...numbers].map(String), protocol, text],
  }
}
