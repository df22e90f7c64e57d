import { execFileSync } from 'node:child_process'
import { chmodSync } from 'node:fs'

import { openPostgresLog } from '@tailrace/log-postgres'
import { rejection } from '@tailrace/log-suite'
import { makeCertificate, needs, startPostgres, tempDir } from '@tailrace/testkit'
import { describe, expect, test } from 'vitest'

import { readEverything } from './tail.ts'

const postgres = needs('postgres')
const openssl = needs('openssl')

describe.skipIf(!postgres || !openssl)('TLS', () => {
  test('encrypts every connection, and with verify-full, a server must prove its name', async () => {
    using dir = tempDir()
    const { cert, key } = makeCertificate(dir.path)
    chmodSync(dir.path, 0o755)
    chmodSync(key, 0o600)
    // Only its user may read the key.
    if (process.getuid?.() === 0) execFileSync('chown', ['postgres', key])
    const settings = { ssl: 'on', ssl_cert_file: cert, ssl_key_file: key }
    await using server = await startPostgres({ fsync: false, settings })

    const log = await openPostgresLog({ url: `${server.url}?sslmode=require` })
    await log.append([{ topic: 'a', data: 'x'.repeat(100_000) }])
    expect(await readEverything(log)).toHaveLength(1)
    const encrypted = `SELECT count(*), bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
      WHERE application_name = 'tailrace'`
    expect(await server.query(encrypted)).toBe('5|t')
    await log.close()

    const wary = await openPostgresLog({ url: `${server.url}?sslmode=verify-full` })
    const message = expect.stringContaining('self-signed certificate')
    expect(await rejection(wary.ready())).toMatchObject({ code: 'unreachable', message })
    await wary.close()
  })

  test('is not replaced by plain text if the server has none', async () => {
    await using server = await startPostgres({ fsync: false })
    const log = await openPostgresLog({ url: `${server.url}?sslmode=require` })
    const message = expect.stringContaining('does not support SSL')
    expect(await rejection(log.ready())).toMatchObject({ code: 'unreachable', message })
    await log.close()
  })
})
