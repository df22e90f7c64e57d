import { casesOf } from './case.ts'
import type { Case } from './case.ts'
import { data, messages, pieces } from './runs.ts'

const DONE = 'data: done\n\n'
const BOM = '\ufeff'

function bytes(...parts: (string | number[])[]): Uint8Array {
  return Buffer.concat(parts.map((part) => Buffer.from(part as string)))
}

/** From bytes to lines. */
export const lines: readonly Case[] = [
  ...casesOf({ section: '9.2.6', sentence: 'streams must be decoded using the UTF-8 decode algorithm' }, [
    {
      about: 'one, two, three and four bytes',
      answers: [{ body: `data: a\u00e9\u2026\u{1f600}\u{10ffff}\n\n${DONE}` }],
      run: data,
      expected: ['a\u00e9\u2026\u{1f600}\u{10ffff}'],
    },
    {
      about: 'each maximal part of what is no UTF-8 becomes one U+FFFD',
      answers: [
        {
          body: bytes('data: a', [0xff], 'b', [0xc3], 'c', [0xe2, 0x82], 'd', [0xc0, 0xaf], 'e\n\n', DONE),
        },
      ],
      run: data,
      expected: ['a\ufffdb\ufffdc\ufffdd\ufffd\ufffde'],
    },
    {
      about: 'surrogates are no UTF-8, nor is what is past the last character',
      answers: [{ body: bytes('data: ', [0xed, 0xa0, 0x80], '|', [0xf4, 0x90, 0x80, 0x80], '\n\n', DONE) }],
      run: data,
      expected: ['\ufffd\ufffd\ufffd|\ufffd\ufffd\ufffd\ufffd'],
    },
    {
      about: 'a character that a line end cuts does not swallow it',
      answers: [{ body: bytes('data: a', [0xe2, 0x82], '\ndata: b', [0xf0, 0x9f], '\r\n\n', DONE) }],
      run: data,
      expected: ['a\ufffd\nb\ufffd'],
    },
    {
      about: 'a character in two pieces',
      answers: [
        {
          body: [
            bytes('data: 1\n\ndata: ', [0xe2]),
            bytes([0x82, 0xac], '\n\ndata: ', [0xf0, 0x9f, 0x98]),
            bytes([0x80], '\n\n', DONE),
          ],
        },
      ],
      run: pieces,
      expected: ['1', '\u20ac', '\u{1f600}'],
    },
    {
      about: 'one byte order mark is stripped',
      answers: [{ body: `${BOM}data: 1\n\n${DONE}` }],
      run: data,
      expected: ['1'],
    },
    {
      about: 'only one',
      answers: [{ body: `${BOM}${BOM}data: 1\n\n${DONE}` }],
      run: data,
      expected: [],
    },
    {
      about: 'only at the start of a stream',
      answers: [{ body: `data: ${BOM}1\n${BOM}data: 2\n\n${BOM}data: 3\n\n${DONE}` }],
      run: data,
      expected: [`${BOM}1`],
    },
    {
      about: 'only a whole one',
      answers: [{ body: bytes([0xef, 0xbb], 'data: 1\n\n', DONE) }],
      run: data,
      expected: [],
    },
    {
      about: 'at the start of each stream',
      answers: [{ body: `${BOM}retry: 1\ndata: 1\n\n`, ending: 'end' }, { body: `${BOM}data: 2\n\n${DONE}` }],
      run: data,
      expected: ['1', '2'],
    },
  ]),
  ...casesOf({ section: '9.2.5', sentence: 'end-of-line = ( cr lf / cr / lf )' }, [
    ...Object.entries({ LF: '\n', CR: '\r', CRLF: '\r\n' }).map(([about, end]) => ({
      about,
      answers: [{ body: ['data: 1', 'data: 2', '', 'data: 3', '', DONE].join(end) }],
      run: data,
      expected: ['1\n2', '3'],
    })),
    {
      about: 'each line its own',
      answers: [{ body: `data: 1\ndata: 2\rdata: 3\r\ndata: 4\r\n\rdata: 5\n\r\ndata: 6\r\r${DONE}` }],
      run: data,
      expected: ['1\n2\n3\n4', '5', '6'],
    },
    {
      about: 'CRLF is one end, LFCR two',
      answers: [{ body: `data: 1\r\ndata: 2\n\rdata: 3\r\n\r\n${DONE}` }],
      run: data,
      expected: ['1\n2', '3'],
    },
    {
      about: 'CRLF in two pieces is one end',
      answers: [{ body: ['data: 1\r\n\r', '\ndata: 2\r\n\r', `\ndata: 3\r\r${DONE}`] }],
      run: pieces,
      expected: ['1', '2', '3'],
    },
    {
      about: 'CRLF in two pieces is one end, also within an event',
      answers: [{ body: ['data: 1\n\ndata: 2\r', `\ndata: 3\n\n${DONE}`] }],
      run: pieces,
      expected: ['1', '2\n3'],
    },
    {
      about: 'nothing else ends a line',
      answers: [{ body: `data: 1\v2\f3\u00854\u20285\u20296\x007\u001e8\n\n${DONE}` }],
      run: data,
      expected: ['1\v2\f3\u00854\u20285\u20296\x007\u001e8'],
    },
  ]),
  ...casesOf({ section: '9.2.5', sentence: 'user agents should ensure that appropriate buffering is used' }, [
    ...Object.entries({ LF: '\n', CR: '\r', CRLF: '\r\n' }).map(([about, end]) => ({
      about: `an event is there with its last byte: ${about}`,
      answers: [{ body: [`data: 1${end}${end}`, `data: 2${end}${end}`, `data: done${end}${end}`] }],
      run: pieces,
      expected: ['1', '2'],
    })),
    {
      about: 'an event in pieces of all sizes',
      answers: [{ body: ['data: 1\n\nev', 'ent: message\ndata', ': 2\n\nd', 'ata:3\n', `\n${DONE}`] }],
      run: (EventSource, url) =>
        new Promise((resolve) => {
          const source = new EventSource(url)
          const seen: string[] = []
          source.addEventListener('open', () => {
            for (let i = 0; i < 4; i += 1) void fetch(`${url}go`)
          })
          source.addEventListener('message', (event: MessageEvent<string>) => {
            if (event.data !== 'done') {
              seen.push(event.data)
              return
            }
            source.close()
            resolve(seen)
          })
        }),
      expected: ['1', '2', '3'],
    },
    {
      about: 'a line of a million characters',
      answers: [{ body: `data: ${'x'.repeat(1_000_000)}\n\n${DONE}` }],
      run: (EventSource, url) =>
        new Promise((resolve) => {
          const source = new EventSource(url)
          source.addEventListener('message', (event: MessageEvent<string>) => {
            source.close()
            resolve([event.data.length, new Set(event.data).size])
          })
        }),
      expected: [1_000_000, 1],
    },
  ]),
  ...casesOf(
    { section: '9.2.6', sentence: 'once the end of the file is reached, any pending data must be discarded' },
    [
      ...['data: 2', 'data: 2\n', 'data: 2\r', 'data: 2\r\n', 'data: 2\n:', 'data: 2\nid: 2\nevent: x\n'].map(
        (half) => ({
          about: JSON.stringify(half),
          answers: [
            { body: `retry: 1\nid: 1\ndata: 1\n\n${half}`, ending: 'end' as const },
            { echo: ['last-event-id'], body: `data: 3\n\n${DONE}` },
          ],
          run: messages,
          expected: [
            ['message', '1', '1'],
            ['message', '["1"]', '1'],
            ['message', '3', '1'],
          ],
        }),
      ),
      {
        about: 'half a character',
        answers: [
          { body: bytes('retry: 1\ndata: 1\n\ndata: ', [0xf0, 0x9f]), ending: 'end' },
          { body: `data: 2\n\n${DONE}` },
        ],
        run: data,
        expected: ['1', '2'],
      },
      {
        about: 'a last CR does not take the LF of the next stream',
        answers: [
          { body: 'retry: 1\ndata: 1\n\ndata: 2\r', ending: 'end' },
          { body: `\ndata: 3\n\n${DONE}` },
        ],
        run: data,
        expected: ['1', '3'],
      },
    ],
  ),
]
