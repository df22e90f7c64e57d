import { createSeal } from '@tailrace/http/gate'
import { createMemoryLog } from '@tailrace/log'
import { expect, test } from 'vitest'
import type { Identity } from '../../src/auth/identity.ts'
import { createRevocations } from '../../src/auth/revocations.ts'
import { createTickets } from '../../src/auth/tickets.ts'

const { append, read, tail, describe, ready, close } = createMemoryLog()
/** A log whose nodes share nothing but events. */
const log = { append, read, tail, describe, ready, close }
const unsupported = { code: 'unsupported', details: { capability: 'shared' } }

const IDENTITY: Identity = {
  by: 'token',
  subject: 'ann',
  rights: { publish: [], subscribe: ['**'], isAdmin: false },
  expiresAt: undefined,
  issuedAt: undefined,
  credential: 'token',
}

test('without shared state, no ticket is issued or redeemed', async () => {
  const seal = createSeal(() => Buffer.alloc(32).toString('base64url'))
  const ticket = await createTickets(createMemoryLog(), seal).issue(IDENTITY, ['t'])
  const tickets = createTickets(log, seal)
  await expect(tickets.issue(IDENTITY, ['t'])).rejects.toMatchObject(unsupported)
  await expect(tickets.redeem(ticket.ticket)).rejects.toMatchObject(unsupported)
})

test('without shared state, nothing is revoked, and nothing can be', async () => {
  const revocations = createRevocations(log)
  await expect(revocations.revoke({ subject: 'ann' })).rejects.toMatchObject(unsupported)
  expect(revocations.isRevoked(IDENTITY)).toBe(false)
})
