import { casesOf } from './case.ts'
import type { Case, Json } from './case.ts'
import { data, messages, race, story } from './runs.ts'
import { comesBackAfter } from './server.ts'
import type { Answer } from './server.ts'

const DONE = 'data: done\n\n'
/** A stream with a few events, and the data of them. */
function stream(about: string, body: string, expected: Json): Omit<Case, 'section' | 'sentence'> {
  return { about, answers: [{ body: body + DONE }], run: data, expected }
}

/** The same, with the types and last IDs. */
function typed(
  about: string,
  body: string,
  expected: Json,
  types: string[] = [],
): Omit<Case, 'section' | 'sentence'> {
  return { about, answers: [{ body: `${body}event\nid\n${DONE}` }], run: messages, types, expected }
}

/** Whether these lines after `retry: 1` let the source come back at once, or else in three seconds or more. */
function retries(about: string, body: string, isAtOnce: boolean): Omit<Case, 'section' | 'sentence'> {
  const subject: Answer[] = [{ body: `retry: 1\n${body}`, ending: 'end' }, { body: DONE }]
  const control = comesBackAfter(isAtOnce ? 1000 : 50)
  return { about, answers: { subject, control }, run: race, expected: isAtOnce ? 'subject' : 'control' }
}

/** From lines to events. */
export const fields: readonly Case[] = [
  ...casesOf({ section: '9.2.6', sentence: 'if the line is empty (a blank line): dispatch the event' }, [
    stream('one', 'data: 1\n\n', ['1']),
    stream('several, of which all but the first find nothing', '\n\ndata: 1\n\n\n\ndata: 2\n\n\n', [
      '1',
      '2',
    ]),
    stream('a space is not blank', 'data: 1\n \ndata: 2\n\n', ['1\n2']),
    stream(
      'hundreds, in order',
      Array.from({ length: 500 }, (_, i) => `data: ${i}\n\n`).join(''),
      Array.from({ length: 500 }, (_, i) => `${i}`),
    ),
  ]),
  ...casesOf(
    { section: '9.2.6', sentence: 'if the line starts with a U+003A COLON character (:): ignore the line' },
    [
      stream('within an event', 'data: 1\n:data: 2\n: \n:\ndata: 3\n\n', ['1\n3']),
      stream('a colon after a space is no comment', ' : x\ndata: 1\n\n', ['1']),
      stream('comments alone dispatch nothing', ': 1\n\n:\n\n::\n\n', []),
    ],
  ),
  ...casesOf(
    { section: '9.2.6', sentence: 'the characters before the first U+003A COLON character (:) and after it' },
    [
      stream('later colons are of the value', 'data: a: b:\n\n', ['a: b:']),
      stream('the first ends the name', 'data:: 1\n\n', [': 1']),
    ],
  ),
  ...casesOf({ section: '9.2.6', sentence: 'if value starts with a U+0020 SPACE character, remove it' }, [
    stream('none or one is the same', 'data:test\n\ndata: test\n\n', ['test', 'test']),
    stream('one of two', 'data:  test\n\n', [' test']),
    stream('none at the end', 'data: test \n\n', ['test ']),
    stream('a space only', 'data: \n\ndata:  \n\n', ['', ' ']),
    stream('no other white space', 'data:\ttest\n\ndata:\u00a0test\n\n', ['\ttest', '\u00a0test']),
    typed('in every field', 'event:  e\nid:  7\ndata: 1\n\n', [[' e', '1', ' 7']], [' e']),
  ]),
  ...casesOf(
    {
      section: '9.2.6',
      sentence: 'otherwise, the whole line as the field name, and the empty string as the value',
    },
    [
      stream('data', 'data\n\ndata\ndata\n\n', ['', '\n']),
      typed('event and id', 'event: e\nid: 7\nevent\nid\ndata: 1\n\n', [['message', '1', '']], ['e']),
    ],
  ),
  ...casesOf(
    { section: '9.2.6', sentence: 'field names must be compared literally, with no case folding performed' },
    [
      stream('data', 'Data: 1\nDATA: 2\n\ndatA: 3\n\n', []),
      typed('event and id', 'Event: e\nID: 7\nId: 8\ndata: 1\n\n', [['message', '1', '']], ['e']),
      retries('retry', 'Retry: 3000\nRETRY: 3000\n\n', true),
    ],
  ),
  ...casesOf({ section: '9.2.6', sentence: 'otherwise: the field is ignored' }, [
    stream('other names', 'topic: 1\ndat: 2\ndataa: 3\nx: 4\ncomment\n\ndata: 5\n\n', ['5']),
    stream('white space is of the name', ' data: 1\ndata : 2\n\tdata: 3\ndata\t: 4\n\n', []),
    stream('so is a NUL', '\0data: 1\ndata\0: 2\n\n', []),
  ]),
  ...casesOf({ section: '9.2.6', sentence: '"event": set the event type buffer to field value' }, [
    typed('a type of its own', 'event: e\ndata: 1\n\n', [['e', '1', '']], ['e']),
    typed('the last one', 'event: e\nevent: f\ndata: 1\n\n', [['f', '1', '']], ['e', 'f']),
    typed('after the data', 'data: 1\nevent: e\n\n', [['e', '1', '']], ['e']),
    typed('any text', 'event: a b: \u00e9\ndata: 1\n\n', [['a b: \u00e9', '1', '']], ['a b: \u00e9']),
    typed('empty is message', 'event: e\nevent:\ndata: 1\n\n', [['message', '1', '']], ['e']),
    typed('message is message', 'event: message\ndata: 1\n\n', [['message', '1', '']]),
    typed(
      'only for one event',
      'event: e\ndata: 1\n\ndata: 2\n\n',
      [
        ['e', '1', ''],
        ['message', '2', ''],
      ],
      ['e'],
    ),
    {
      about: 'open and error are types like others, and no state',
      answers: [{ body: `event: open\ndata: 1\n\nevent: error\ndata: 2\n\n${DONE}` }],
      run: story,
      expected: ['open 1', 'open 1 1', 'error 1 2'],
    },
  ]),
  ...casesOf(
    {
      section: '9.2.6',
      sentence: '"data": append the field value to the data buffer, then a U+000A LINE FEED (LF)',
    },
    [
      stream('lines', 'data: 1\ndata: 2\ndata: 3\n\n', ['1\n2\n3']),
      stream('empty lines', 'data\ndata: 1\ndata\ndata:\n\n', ['\n1\n\n']),
      stream('other fields in between', 'data: 1\nid: 7\ndata: 2\nevent:\nx\ndata: 3\n\n', ['1\n2\n3']),
      stream('NUL', 'data: a\0b\n\n', ['a\0b']),
    ],
  ),
  ...casesOf(
    {
      section: '9.2.6',
      sentence: '"id": if it does not contain U+0000 NULL, set the last event ID buffer to field value',
    },
    [
      typed('one', 'id: 7\ndata: 1\n\n', [['message', '1', '7']]),
      typed('the last one', 'id: 7\nid: 8\ndata: 1\n\n', [['message', '1', '8']]),
      typed('after the data', 'data: 1\nid: 7\n\n', [['message', '1', '7']]),
      typed('the empty one', 'id: 7\ndata: 1\n\nid:\ndata: 2\n\nid: 8\nid\ndata: 3\n\n', [
        ['message', '1', '7'],
        ['message', '2', ''],
        ['message', '3', ''],
      ]),
      typed('any text', 'id: \u2026 : 1 \ndata: 1\n\n', [['message', '1', '\u2026 : 1 ']]),
      typed('not with NUL', 'id: 7\nid: 8\0\nid: \0\ndata: 1\n\nid: \x009\ndata: 2\n\n', [
        ['message', '1', '7'],
        ['message', '2', '7'],
      ]),
    ],
  ),
  ...casesOf(
    {
      section: '9.2.6',
      sentence: '"retry": if field value consists of only ASCII digits, set the reconnection time',
    },
    [
      retries('the last one', 'retry: 3000\nretry: 1\n\n', true),
      retries('the last one, which is longer', 'retry: 3000\n\n', false),
      retries('leading zeros, in base ten', 'retry: 3000\nretry: 0010\n\n', true),
      retries('zero', 'retry: 3000\nretry: 0\n\n', true),
      retries('without a blank line', 'retry: 3000\nretry: 1\n', true),
      retries('not without a line end', 'retry: 3000', true),
      ...[
        '+3000',
        '-3000',
        '3000.5',
        '3e3',
        '0xbb8',
        '3000ms',
        '3 000',
        '3,000',
        '3000 ',
        ' 3000',
        '\u0663\u0660\u0660\u0660',
        '\uff13\uff10\uff10\uff10',
        '3000\0',
        'never',
      ].map((value) => retries(`not ${JSON.stringify(value)}`, `retry: ${value}\n\n`, true)),
      {
        ...retries('not nothing', 'retry\nretry:\nretry: \n\n', true),
        differs: {
          native: { result: 'control', reason: 'Chromium goes back to its own reconnection time.' },
        },
      },
      ...['2147483648', '4294967296', '4294967297', '18446744073709551615'].map((value) =>
        retries(`however many: ${value}`, `retry: ${value}\n\n`, false),
      ),
      ...['18446744073709551616', '9'.repeat(400)].map((value) => ({
        ...retries(`however many: ${value.length} digits`, `retry: ${value}\n\n`, false),
        differs: { native: { result: 'subject', reason: 'Chromium ignores what is no integer of 64 bits.' } },
      })),
    ],
  ),
]
