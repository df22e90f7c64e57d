import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

const ROOT = join(import.meta.dirname, '..')
const PACKAGE = join(ROOT, 'packages/multisend')
const SOURCE = join(PACKAGE, 'src/multisend.c')
const HEADERS = join(ROOT, 'node_modules/node-api-headers/include')

/** The platforms that have a package, and their names for Zig. */
const TARGETS: Readonly<Record<string, string>> = {
  'linux-x64-gnu': 'x86_64-linux-gnu.2.17',
  'linux-x64-musl': 'x86_64-linux-musl',
  'linux-arm64-gnu': 'aarch64-linux-gnu.2.17',
  'linux-arm64-musl': 'aarch64-linux-musl',
  'darwin-x64': 'x86_64-macos',
  'darwin-arm64': 'aarch64-macos',
}

/** The same source gives the same bytes: no name of the build, no path of a machine, no symbols. */
const FLAGS = [
  '-std=c11',
  '-O2',
  '-Wall',
  '-Wextra',
  '-Werror',
  '-fPIC',
  '-fvisibility=hidden',
  '-shared',
  '-s',
]
const ON_LINUX = ['-Wl,--build-id=none']
/** The functions of Node are found when the addon is loaded. */
const ON_DARWIN = ['-Wl,-undefined,dynamic_lookup', '-Wl,-install_name,multisend.node']

/** The platform of this process, if the addon can be built for it with GCC. */
function ownTarget(): string | undefined {
  const { header } = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } }
  const target = `${process.platform}-${process.arch}${header.glibcVersionRuntime === undefined ? '' : '-gnu'}`
  return target in TARGETS ? target : undefined
}

function fileOf(target: string): string {
  return join(PACKAGE, 'platforms', target, 'multisend.node')
}

function build(target: string, compiler: string, options: readonly string[]): void {
  const linked = target.startsWith('darwin') ? ON_DARWIN : ON_LINUX
  // Renamed into place, because a process may be loading it. Its name becomes part of a build for macOS.
  const folder = mkdtempSync(join(PACKAGE, 'platforms', target, 'build-'))
  const fresh = join(folder, 'multisend.node')
  try {
    execFileSync(compiler, [...options, ...FLAGS, ...linked, '-I', HEADERS, '-o', fresh, SOURCE], {
      stdio: 'inherit',
    })
    renameSync(fresh, fileOf(target))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Before the tests: builds the addon for this platform, unless it is newer than its source. */
export function setup(): void {
  const target = ownTarget()
  if (target === undefined) return
  const [file, made] = [fileOf(target), statSync(SOURCE).mtimeMs]
  if (existsSync(file) && statSync(file).mtimeMs >= made) return
  try {
    build(target, 'gcc', [])
  } catch {
    // Without a compiler, the tests that need the addon are skipped.
  }
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { zig: { type: 'string' } } })
  if (values.zig === undefined) {
    const target = ownTarget()
    if (target === undefined) throw new Error('There is no package for this platform.')
    build(target, 'gcc', [])
  } else {
    const [program, ...options] = values.zig.split(' ')
    for (const [target, name] of Object.entries(TARGETS))
      build(target, program!, [...options, 'cc', '-target', name])
  }
}
