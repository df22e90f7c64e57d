import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'

const MAIN = fileURLToPath(new URL('workerd-main.ts', import.meta.url))
const CONFIG = `
using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .main)],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
const main :Workerd.Worker = (
  modules = [(name = "main", esModule = embed "main.js")],
  compatibilityDate = "2026-06-01",
  compatibilityFlags = ["nodejs_compat"],
  durableObjectNamespaces = [(className = "Events", uniqueKey = "events")],
  durableObjectStorage = (inMemory = void),
  bindings = [(name = "EVENTS", durableObjectNamespace = "Events")],
);
`

/** Writes the Worker as one file, and the configuration of `workerd`, to a folder. Returns the arguments for it. */
export async function buildWorker(folder: string): Promise<readonly string[]> {
  const bundle = await rolldown({
    input: MAIN,
    platform: 'neutral',
    external: /^(?:node|cloudflare):/,
    resolve: {
      conditionNames: ['@tailrace/source', 'workerd', 'import', 'default'],
      mainFields: ['module', 'main'],
    },
  })
  await bundle.write({ file: `${folder}/main.js`, format: 'esm', codeSplitting: false })
  await bundle.close()
  writeFileSync(`${folder}/config.capnp`, CONFIG)
  // Reports the port on standard output.
  return ['serve', `${folder}/config.capnp`, '--control-fd=1']
}
