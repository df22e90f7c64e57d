import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { tempDir } from '@tailrace/testkit'
import type { TempDir } from '@tailrace/testkit'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { reference, verbHelp } from '../../src/cli/help.ts'
import { UsageError } from '../../src/cli/usage-error.ts'
import { resolve, variableOf } from '../../src/cli/verb.ts'
import { VERBS } from '../../src/cli/verbs.ts'

let dir: TempDir

beforeEach(() => {
  dir = tempDir()
})

afterEach(() => {
  dir[Symbol.dispose]()
})

function config(toml: string): string {
  const path = join(dir.path, 'tailrace.toml')
  writeFileSync(path, toml)
  return path
}

/** For each setting: a text that it takes, and what that becomes. */
const SAMPLES: Readonly<Record<string, Readonly<Record<string, readonly [string, unknown]>>>> = {
  serve: {
    host: ['::1', '::1'],
    port: ['0', 0],
    log: ['memory:', 'memory:'],
    'log-password-file': ['p.txt', 'p.txt'],
    'require-durable': ['true', true],
    node: ['hub-1', 'hub-1'],
    workers: ['auto', 'auto'],
    retain: ['a=1events', [{ text: 'a=1events', rule: { selector: 'a', maxCount: 1 } }]],
    'tls-cert': ['c.pem', 'c.pem'],
    'tls-key': ['k.pem', 'k.pem'],
    'jwt-secret': ['s', 's'],
    'jwt-secret-file': ['s.txt', 's.txt'],
    'jwt-public-key': ['p.pem', 'p.pem'],
    'jwks-url': ['https://h/keys', 'https://h/keys'],
    'jwt-issuer': ['https://h', 'https://h'],
    'jwt-audience': ['hub', 'hub'],
    'jwt-leeway': ['5s', 5_000],
    cookie: ['session', 'session'],
    'anonymous-subscribe': ['true', true],
    'anonymous-publish': ['true', true],
    'allow-origin': ['https://h', ['https://h']],
    'trust-proxy': ['10.0.0.0/8', ['10.0.0.0/8']],
    'max-connections': ['500', 500],
    'max-streams-per-address': ['7', 7],
    'max-streams-per-subject': ['8', 8],
    'max-topics': ['9', 9],
    'max-queued-reads': ['9', 9],
    'publish-rate': ['11', 11],
    'publish-bytes': ['1KiB', 1_024],
    drain: ['3s', 3_000],
    'no-multisend': ['true', true],
    'json-logs': ['true', true],
    heartbeat: ['1s', 1_000],
    retry: ['250ms', 250],
    window: ['64KiB', 65_536],
    'window-total': ['2MiB', 2_097_152],
    batch: ['7ms', 7],
    'stall-timeout': ['45s', 45_000],
    'max-stream-age': ['15m', 900_000],
    'max-event': ['1KiB', 1_024],
    'max-batch': ['2KiB', 2_048],
    'max-batch-events': ['20', 20],
    'max-bodies': ['2MiB', 2_097_152],
    'max-history': ['3MiB', 3_145_728],
    'max-pending': ['4MiB', 4_194_304],
    'max-head': ['8KiB', 8_192],
    'head-timeout': ['2s', 2_000],
    'request-timeout': ['3s', 3_000],
  },
  publish: {
    url: ['http://h:1', 'http://h:1'],
    token: ['t', 't'],
    type: ['paid', 'paid'],
    key: ['k', 'k'],
    remove: ['true', true],
    'idempotency-key': ['i', 'i'],
    end: ['true', true],
    follow: ['a.log', 'a.log'],
    state: ['a.state', 'a.state'],
    json: ['true', true],
  },
  token: {
    'jwt-secret': ['s', 's'],
    'jwt-secret-file': ['s.txt', 's.txt'],
    'jwt-issuer': ['https://h', 'https://h'],
    'jwt-audience': ['hub', 'hub'],
    subscribe: ['a/**', ['a/**']],
    publish: ['a/*', ['a/*']],
    admin: ['true', true],
    subject: ['ann', 'ann'],
    'expires-in': ['5m', 300_000],
  },
  log: {
    'from-password-file': ['f.txt', 'f.txt'],
    'to-password-file': ['t.txt', 't.txt'],
    json: ['true', true],
  },
  tail: {
    url: ['http://h:1', 'http://h:1'],
    token: ['t', 't'],
    from: ['start', 'start'],
    json: ['true', true],
  },
}

const CASES = VERBS.flatMap((verb) =>
  Object.entries(verb.settings).map(([flag, setting]) => ({ name: verb.name, flag, verb, setting })),
)

test('every setting of every verb is tried', () => {
  const tried = Object.entries(SAMPLES).flatMap(([name, flags]) =>
    Object.keys(flags).map((flag) => `${name} ${flag}`),
  )
  expect(CASES.map(({ name, flag }) => `${name} ${flag}`).toSorted()).toEqual(tried.toSorted())
})

describe.each(CASES)('$name --$flag', ({ name, flag, verb, setting }) => {
  const [text, value] = SAMPLES[name]![flag]!
  const argv = setting.isSwitch ? [`--${flag}`] : [`--${flag}`, text]
  const variable = variableOf(flag)

  test('can be a flag, a variable and a key of the file', () => {
    const byFlag = setting.isSecret ? [] : [resolve(verb.settings, { argv, env: {} })]
    const byVariable = resolve(verb.settings, { argv: [], env: { [variable]: text } })
    const toml = setting.isSwitch ? `${flag} = true\n` : `${flag} = ${JSON.stringify(text)}\n`
    const byFile = resolve(verb.settings, { argv: ['--config', config(toml)], env: {} })
    for (const { values } of [...byFlag, byVariable, byFile]) expect(values[flag]).toEqual(value)
  })

  test('is a default, or nothing, when it is not written', () => {
    const { values } = resolve(verb.settings, { argv: [], env: {} })
    expect(values[flag]).toEqual(setting.parse(setting.fallback === undefined ? [] : [setting.fallback]))
    expect(values[flag]).not.toEqual(value)
  })

  test('is in the help and the reference', () => {
    expect(verbHelp(verb)).toContain(setting.isSecret ? variable : `--${flag}`)
    expect(reference(VERBS)).toContain(`\`${variable}\``)
  })
})

test.each(CASES.filter(({ setting }) => setting.isSecret))(
  '$name --$flag is a secret, and no flag, which whoever lists processes would see',
  ({ verb, flag }) => {
    expect(() => resolve(verb.settings, { argv: [`--${flag}`, 'x'], env: {} })).toThrow(flag)
  },
)

const serve = VERBS.find(({ name }) => name === 'serve')!

function portOf(argv: readonly string[], env: Record<string, string> = {}): unknown {
  return resolve(serve.settings, { argv, env }).values['port']
}

describe('precedence', () => {
  test('a flag wins over a variable, a variable over the file, the file over the default', () => {
    const file = config('port = 3')
    expect(portOf(['--port', '1', '--config', file], { TAILRACE_PORT: '2' })).toBe(1)
    expect(portOf(['--config', file], { TAILRACE_PORT: '2' })).toBe(2)
    expect(portOf(['--config', file])).toBe(3)
    expect(portOf([])).toBe(4242)
  })

  test('the last of several flags counts', () => {
    expect(portOf(['--port', '1', '--port=2'])).toBe(2)
  })

  test('the file may be named by a variable, over which the flag wins', () => {
    const file = config('port = 3')
    expect(portOf([], { TAILRACE_CONFIG: file })).toBe(3)
    expect(() => portOf(['--config', '/nowhere.toml'], { TAILRACE_CONFIG: file })).toThrow('/nowhere.toml')
  })

  test('a list is replaced as a whole, and not added to', () => {
    const env = { TAILRACE_RETAIN: 'a=1d  b=2d' }
    const texts = (argv: readonly string[], given: Record<string, string>): string[] => {
      const { values } = resolve(serve.settings, { argv, env: given })
      return (values['retain'] as { text: string }[]).map(({ text }) => text)
    }
    expect(texts(['--retain', 'c=3d', '--retain', 'd=4d'], env)).toEqual(['c=3d', 'd=4d'])
    expect(texts([], env)).toEqual(['a=1d', 'b=2d'])
    expect(texts(['--config', config('retain = ["e=5d", "f=6d"]')], {})).toEqual(['e=5d', 'f=6d'])
  })
})

describe('what is empty', () => {
  test.each(CASES.flatMap((one) => ['', ' ', '\n'].map((text) => ({ ...one, text }))))(
    'is no value of a variable: $name --$flag $text',
    ({ verb, flag, text }) => {
      const variable = variableOf(flag)
      const read = (): unknown => resolve(verb.settings, { argv: [], env: { [variable]: text } })
      expect(read).toThrow(UsageError)
      expect(read).toThrow(`${variable} is empty: give it a value, or unset it`)
    },
  )

  test('is no name of a config file', () => {
    expect(() => portOf([], { TAILRACE_CONFIG: '' })).toThrow('TAILRACE_CONFIG is empty')
    expect(() => portOf(['--config', ''])).toThrow('The config file')
  })

  test.each(CASES.filter(({ setting }) => !setting.isSwitch))(
    'is no value in the file, and none of a flag: $name --$flag',
    ({ verb, flag, setting }) => {
      const file = config(`${flag} = ""\n`)
      expect(() => resolve(verb.settings, { argv: ['--config', file], env: {} })).toThrow(UsageError)
      if (setting.isSecret) return
      expect(() => resolve(verb.settings, { argv: [`--${flag}`, ''], env: {} })).toThrow(UsageError)
    },
  )
})

describe('what is wrong is named with the place where it is written', () => {
  test.each([
    [['--port', '65536'], {}, '--port must be a port from 0 to 65535, not "65536"'],
    [['--port', 'x'], {}, '--port'],
    [['--heartbeat', '15'], {}, '--heartbeat must be a time such as'],
    [['--window', '1MB'], {}, '--window must be a size such as'],
    [['--retain', 'a'], {}, '--retain must have the form SELECTOR=BOUNDS'],
    [
      ['--retain', '**=7'],
      {},
      '--retain contains the bound 7 without a unit: write 7d for an age in days, or 7events',
    ],
    [['--retain', '**=7event'], {}, '--retain must be a time such as'],
    [
      ['--retain', '**=xevents'],
      {},
      '--retain contains a count that is not of the form 100000events: "xevents"',
    ],
    [[], { TAILRACE_RETAIN: 'a=7d b=1000' }, 'TAILRACE_RETAIN contains the bound 1000 without a unit'],
    [['--retain', 'a//b=7d'], {}, '--retain contains a selector that has an empty segment'],
    [['--jwt-issuer', ''], {}, '--jwt-issuer cannot be empty'],
    [['--max-head', '5GiB'], {}, '--max-head must be from 1KiB to 1MiB, not "5GiB"'],
    [['--max-head', '1023B'], {}, '--max-head must be from 1KiB'],
    [['--head-timeout', '30d'], {}, '--head-timeout must be from 1ms to 24d, not "30d"'],
    [['--head-timeout', '0s'], {}, '--head-timeout must be from 1ms'],
    [['--request-timeout', '25d'], {}, '--request-timeout must be from 1ms to 24d'],
    [[], { TAILRACE_PORT: 'x' }, 'TAILRACE_PORT must be a port'],
    [[], { TAILRACE_HEAD_TIMEOUT: '1' }, 'TAILRACE_HEAD_TIMEOUT must be a time'],
    [['--prot', '1'], {}, "'--prot'"],
    [['--port'], {}, '--port'],
    [['-x'], {}, "'-x'"],
    [['--log'], {}, '--log'],
  ] as [string[], Record<string, string>, string][])('%j %j', (argv, env, message) => {
    expect(() => portOf(argv, env)).toThrow(UsageError)
    expect(() => portOf(argv, env)).toThrow(message)
  })

  test.each([
    ['port = "x"', 'port in the config file must be a port'],
    ['port = 1.5', 'port in the config file must be a port'],
    ['prot = 1', 'unknown key prot'],
    ['port = { a = 1 }', 'has a value for port that is not a string, number, boolean or list'],
    ['port = ', 'cannot be read'],
    ['log = []', 'has a list for log, which accepts only one value'],
    ['log = ["memory:"]', 'has a list for log'],
    ['[serve]\nport = 1', 'unknown key serve'],
  ])('in the file: %s', (toml, message) => {
    const file = config(toml)
    expect(() => portOf(['--config', file])).toThrow(UsageError)
    expect(() => portOf(['--config', file])).toThrow(message)
  })

  test('a file that is no TOML, without its lines, which may hold a secret', () => {
    const file = config('port = 1\njwt-secret = "very-secret\n')
    expect(() => portOf(['--config', file])).toThrow(/cannot be read: [^\n]+, at line 2, column \d+$/)
    expect(() => portOf(['--config', file])).not.toThrow('very-secret')
  })

  test.each([
    [['--jwks-url', 'https://ann:very-secret@h/keys'], {}],
    [['--jwks-url', 'https://very-secret@h:99999/'], {}],
    [['--jwks-url', 'ftp://ann:very-secret@h/'], {}],
  ] as [string[], Record<string, string>][])('an address with a password, without it: %j', (argv, env) => {
    expect(() => portOf(argv, env)).toThrow(/^--jwks-url [^\n]+$/)
    expect(() => portOf(argv, env)).not.toThrow('very-secret')
  })

  test('a token that is none, without it', () => {
    const tail = VERBS.find(({ name }) => name === 'tail')!
    const tokenOf = (token: string): unknown =>
      resolve(tail.settings, { argv: [], env: { TAILRACE_TOKEN: token } }).values['token']
    expect(tokenOf('eyJ.e30.c2ln\n')).toBe('eyJ.e30.c2ln')
    expect(() => tokenOf('very\nsecret')).toThrow(
      /^TAILRACE_TOKEN contains a character that is not allowed in a token$/,
    )
  })

  test('a file that is not there', () => {
    expect(() => portOf(['--config', join(dir.path, 'none.toml')])).toThrow(
      /none\.toml cannot be read: ENOENT/,
    )
  })

  test('a switch that is neither on nor off', () => {
    const tail = VERBS.find(({ name }) => name === 'tail')!
    expect(() => resolve(tail.settings, { argv: [], env: { TAILRACE_JSON: '1' } })).toThrow(
      'TAILRACE_JSON must be true or false, not "1"',
    )
  })
})

test('operands stay as they are, behind a -- too', () => {
  const publish = VERBS.find(({ name }) => name === 'publish')!
  const { operands } = resolve(publish.settings, { argv: ['t', '--end', '--', '--json'], env: {} })
  expect(operands).toEqual(['t', '--json'])
})

test('the reference page is what the declarations say', () => {
  const page = readFileSync(new URL('../../../../docs/reference/cli.md', import.meta.url), 'utf8')
  expect(page).toBe(reference(VERBS))
})
