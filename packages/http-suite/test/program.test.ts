import { startHub } from '@tailrace/testkit'
import { testContract } from './contract.ts'
import { PROGRAM_ABILITIES, PROGRAM_ARGS, subjectOf } from './ways/program.ts'

testContract({
  id: 'program',
  name: '`tailrace serve`',
  abilities: [...PROGRAM_ABILITIES, 'http1'],
  open: async () => subjectOf(await startHub({ args: PROGRAM_ARGS })),
})

testContract({
  id: 'program-node-http',
  name: '`tailrace serve`, streams by `node:http`',
  abilities: [...PROGRAM_ABILITIES, 'http1'],
  // The fast path leaves requests with this header to node:http.
  open: async () => ({
    ...subjectOf(await startHub({ args: PROGRAM_ARGS, log: 'memory:' })),
    headers: { connection: 'close' },
  }),
})
