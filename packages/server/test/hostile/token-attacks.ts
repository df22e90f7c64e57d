import { openStream } from '@tailrace/testkit'
import { UnsecuredJWT } from 'jose'
import { bearer, ticketOf, tokenOf } from '../auth/tokens.ts'
import type { Attack } from './attack.ts'

const RIGHTS = { publish: ['tenant-a/**'], subscribe: ['tenant-a/**'] }
const JSON_TYPE = { Accept: 'application/json' }

function asking(
  name: string,
  answer: string,
  path: string,
  headers: () => Promise<Record<string, string>>,
  method = 'GET',
): Attack {
  return {
    name,
    answer,
    async run({ url }) {
      const response = await fetch(url + path, { method, headers: { ...JSON_TYPE, ...(await headers()) } })
      const { code = '' } = (await response.json().catch(() => ({}))) as { code?: string }
      return `${response.status} ${code}`.trim()
    },
  }
}

const ofTenantA = async (): Promise<Record<string, string>> => bearer(await tokenOf(RIGHTS))

/** What is done with tokens, or without one, to a hub with keys. */
export const TOKEN_ATTACKS: readonly Attack[] = [
  asking('no token', '401 missing-token', '/topics/tenant-b', async () => ({})),
  asking('a token with alg none', '401 invalid-token', '/topics/tenant-b', async () =>
    bearer(new UnsecuredJWT({ tailrace: { subscribe: ['**'] } }).encode()),
  ),
  asking('a token with another signature', '401 invalid-token', '/topics/tenant-a', async () =>
    bearer(`${(await tokenOf(RIGHTS)).slice(0, -6)}AAAAAA`),
  ),
  asking('a token that has expired', '401 token-expired', '/topics/tenant-a', async () =>
    bearer(await tokenOf(RIGHTS, { expiresInS: -60 })),
  ),
  asking('the history of another tenant', '403 forbidden', '/topics/tenant-b?from=start', ofTenantA),
  asking('a pattern that reaches further', '403 forbidden', '/events?topic=*/x', ofTenantA),
  asking(
    'another tenant beside the own one',
    '403 forbidden',
    '/events?topic=tenant-a/x&topic=tenant-b',
    ofTenantA,
  ),
  asking('a purge', '403 forbidden', '/topics/tenant-a', ofTenantA, 'DELETE'),
  asking(
    'a cookie, by a page of another site',
    '403 cross-origin',
    '/topics/tenant-a',
    async () => ({ Cookie: `tailrace=${await tokenOf(RIGHTS)}`, Origin: 'https://evil.example' }),
    'POST',
  ),
  {
    name: 'all names of topics',
    answer: 'tenant-a/listed',
    async run({ url }) {
      for (const tenant of ['tenant-a', 'tenant-b']) {
        const headers = bearer(await tokenOf({ publish: [`${tenant}/**`] }, { sub: tenant }))
        await fetch(`${url}/topics/${tenant}/listed`, { method: 'POST', headers, body: 'x' })
      }
      const response = await fetch(`${url}/topics`, { headers: await ofTenantA() })
      const { topics } = (await response.json()) as { topics: { topic: string }[] }
      return topics
        .map(({ topic }) => topic)
        .filter((topic) => topic.includes('listed'))
        .join(', ')
    },
  },
  {
    name: 'a ticket from a log: another topic, history, a publish, another ticket',
    answer: '403 forbidden, 403 forbidden, 400 invalid-query, 400 invalid-query',
    async run({ url }) {
      const ticket = await ticketOf(url, await tokenOf(RIGHTS), ['tenant-a/x'])
      const answers = await Promise.all(
        (
          [
            ['GET', '/topics/tenant-a', 'text/event-stream'],
            ['GET', '/topics/tenant-a/x', 'application/json'],
            ['POST', '/topics/tenant-a/x', '*/*'],
            ['POST', '/tickets', '*/*'],
          ] as const
        ).map(async ([method, path, Accept]) => {
          const response = await fetch(`${url}${path}?ticket=${ticket}`, { method, headers: { Accept } })
          return `${response.status} ${((await response.json()) as { code: string }).code}`
        }),
      )
      return answers.join(', ')
    },
  },
  {
    name: 'a sixth stream of one subject',
    answer: 'too-many-connections',
    async run({ url }) {
      const headers = bearer(await tokenOf(RIGHTS, { sub: 'greedy' }))
      const streams = await Promise.all(
        Array.from({ length: 6 }, () => openStream(`${url}/topics/tenant-a`, { headers })),
      )
      await Promise.all(
        streams.map((stream) => stream.waitFor((frames) => frames.some(({ event }) => event !== undefined))),
      )
      const told = streams.flatMap((stream) =>
        stream.frames().filter(({ event }) => event === 'tailrace.error'),
      )
      for (const stream of streams) stream.close()
      return told.map(({ data }) => (JSON.parse(data!) as { code: string }).code).join(', ')
    },
  },
  {
    name: 'a flood of publishes',
    answer: '429 too-many-publishes',
    async run({ url }) {
      const headers = bearer(await tokenOf(RIGHTS, { sub: 'flood' }))
      const send = (): Promise<Response> =>
        fetch(`${url}/topics/tenant-a`, { method: 'POST', headers, body: 'x' })
      const answers = await Promise.all(Array.from({ length: 200 }, send))
      const refused = answers.find(({ status }) => status !== 201)
      return refused === undefined
        ? 'all taken'
        : `${refused.status} ${((await refused.json()) as { code: string }).code}`
    },
  },
]
