export interface FollowOptions {
  readonly file: string
  readonly state: string
  readonly url: string
  readonly topic: string
  readonly type: string | undefined
  readonly signal: AbortSignal
  notice(text: string): void
}

export async function follow(_options: FollowOptions): Promise<void> {}
