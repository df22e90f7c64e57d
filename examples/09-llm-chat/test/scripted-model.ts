import { EventEmitter, once } from 'node:events'
import { startModel } from '../model.ts'

/** One answer of the model, which says what the test wants it to, when the test wants it to. */
export interface ScriptedAnswer {
  readonly question: string
  say(text: string): void
  end(): void
  /** Breaks off. */
  fail(): void
  /** Resolves when the server has closed the connection on which it reads the answer. */
  readonly closed: Promise<unknown>
}

export interface ScriptedModel extends Disposable {
  readonly url: string
  /** The next question. */
  asked(): Promise<ScriptedAnswer>
}

export async function startScriptedModel(): Promise<ScriptedModel> {
  const questions: ScriptedAnswer[] = []
  const changes = new EventEmitter()
  const model = await startModel(async function* (question, signal) {
    const steps: ({ text: string } | Error | 'end')[] = []
    const take = (step: { text: string } | Error | 'end'): void => {
      steps.push(step)
      changes.emit('step')
    }
    questions.push({
      question,
      say: (text) => take({ text }),
      end: () => take('end'),
      fail: () => take(new Error('The model breaks off.')),
      closed: once(signal, 'abort'),
    })
    changes.emit('asked')
    for (;;) {
      while (steps.length === 0) await once(changes, 'step', { signal })
      const step = steps.shift()!
      if (step instanceof Error) throw step
      if (step === 'end') return
      yield step.text
    }
  })
  return {
    url: model.url,
    async asked() {
      while (questions.length === 0) await once(changes, 'asked')
      return questions.shift()!
    },
    [Symbol.dispose]: () => model.close(),
  }
}
