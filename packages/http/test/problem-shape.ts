import { expect } from 'vitest'

/** An answer, as far as a refusal is known by it. */
export interface Answer {
  readonly status: number
  readonly type: string | null
  readonly body: unknown
}

export async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text()
  return { status: response.status, type: response.headers.get('content-type'), body: parseJson(text) }
}

/** The one answer that a raw connection got. */
export function rawAnswerOf(text: string): Answer {
  const [head = '', body = ''] = text.split('\r\n\r\n')
  return {
    status: Number(/^HTTP\/1\.1 (\d+) /.exec(head)?.[1]),
    type: /^Content-Type: (.*)$/im.exec(head)?.[1]?.trim() ?? null,
    body: parseJson(body),
  }
}

/** A refusal with the members of the protocol and no other: a sentence for a detail, and no stack trace. */
export function refusal(status: number, code: string, facts: Readonly<Record<string, unknown>> = {}): Answer {
  return {
    status,
    type: 'application/problem+json',
    body: {
      type: `urn:tailrace:problem:${code}`,
      title: code.replaceAll('-', ' '),
      status,
      code,
      // No line ends, so no stack; no paths of ours.
      detail: expect.stringMatching(/^[A-Z](?!.*(?:node:|\.ts:)).*\.$/),
      ...facts,
    },
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
