import { needs, startPostgres } from '@tailrace/testkit'
import { describe, expect, test } from 'vitest'

const postgres = needs('postgres')

describe.skipIf(!postgres)('a PostgreSQL of a test', () => {
  test('keeps what it committed when it is stopped, killed and started again', async () => {
    await using server = await startPostgres()
    const { pathname } = new URL(await server.createDatabase())
    const database = pathname.slice(1)
    await server.query('CREATE TABLE kept (n int)', database)
    for (const signal of ['SIGINT', 'SIGKILL'] as const) {
      await server.query('INSERT INTO kept VALUES (1)', database)
      await server.stop(signal)
      await expect(server.query('SELECT 1')).rejects.toThrow(/refused/)
      await server.start()
    }
    expect(await server.query('SELECT count(*), current_setting($$fsync$$) FROM kept', database)).toBe('2|on')
  })

  test('goes back to a copy of its data', async () => {
    await using server = await startPostgres({ fsync: false, password: 'p/w' })
    expect(server.url).toContain('p%2Fw')
    await server.query('CREATE TABLE kept (n int)')
    await server.stop()
    const backup = await server.backUp()
    await server.start()
    await server.query('INSERT INTO kept VALUES (1)')
    await server.stop()
    await server.restore(backup)
    await server.start({ work_mem: '1MB' })
    expect(await server.query('SELECT count(*), current_setting($$work_mem$$) FROM kept')).toBe('0|1MB')
  })
})
