/** Runs once, when the server starts. Without an API to ask, a stand-in on this machine answers. */
export async function register(): Promise<void> {
  if (process.env['NEXT_RUNTIME'] !== 'nodejs') return
  if (process.env['OPENAI_BASE_URL'] ?? process.env['OPENAI_API_KEY']) return
  const { startModel } = await import('./model.ts')
  process.env['OPENAI_BASE_URL'] = (await startModel()).url
}
