import { styleText } from 'node:util'
import type { Setting } from './setting.ts'
import { CONFIG, variableOf } from './verb.ts'
import type { Settings, Verb } from './verb.ts'

const WIDTH = 96
const INDENT = 26

function heading(text: string): string {
  return styleText('bold', text, { stream: process.stdout })
}

/** The help of the program, which lists its verbs. */
export function programHelp(verbs: readonly Verb[], version: string): string {
  const lines = verbs.map(({ name, operands, summary }) => row(`${name} ${operands}`.trim(), summary))
  return `Tailrace ${version}: a Server-Sent Events hub with a durable log.

${heading('Usage')}
  tailrace <command> [options]

${heading('Commands')}
${lines.join('\n')}

  Run tailrace <command> --help for the options of a command.
`
}

/** The help of one verb, with all its options. */
export function verbHelp({ name, operands, summary, description, settings }: Verb): string {
  const lines = Object.entries(settings).map(([flag, one]) => row(flagOf(flag, one), docOf(one)))
  const first = Object.entries(settings).find(([, { isSecret }]) => !isSecret)?.[0]
  const variables = `Each option can also be set as an environment variable: --${first} as ${variableOf(first ?? '')}.`
  return `${summary}

${heading('Usage')}
  tailrace ${`${name} ${operands}`.trim()} [options]

${heading('Options')}
${first === undefined ? '' : `${lines.join('\n')}\n${row('--config FILE', CONFIG.doc)}\n`}${row('-h, --help', 'Show this help.')}
${first === undefined ? '' : `\n${variables}\n`}${description === '' ? '' : `\n${description}\n`}`
}

/** The reference page of all verbs, as Markdown. */
export function reference(verbs: readonly Verb[]): string {
  const sections = verbs.map(
    ({ name, operands, summary, description, settings }) => `## tailrace ${name}

\`\`\`
tailrace ${`${name} ${operands}`.trim()} [options]
\`\`\`

${summary}
${description === '' ? '' : `\n${description}\n`}
${Object.keys(settings).length === 0 ? 'This command has no options.' : table(settings)}
`,
  )
  return `# Command line

Written by \`npm run docs\` from the declarations in \`packages/server/src/cli\`; a test keeps the two the same.

Every option can be a flag, an environment variable, or a key of the TOML file that \`--config FILE\` (or
\`TAILRACE_CONFIG\`) names. A flag wins over a variable, a variable over the file. Times are written \`500ms\`,
\`15s\`, \`10m\`, \`24h\`, \`7d\`; sizes \`512B\`, \`64KiB\`, \`1MiB\`, \`10GiB\`.

${sections.join('\n')}`
}

function table(settings: Settings): string {
  const rows = Object.entries(settings).map(([flag, one]) => {
    const fallback = one.fallback === undefined ? '' : `\`${one.fallback}\``
    return `| \`${flagOf(flag, one)}\` | \`${variableOf(flag)}\` | ${fallback} | ${one.doc} |`
  })
  return ['| Flag | Variable | Default | |', '| --- | --- | --- | --- |', ...rows].join('\n')
}

function flagOf(flag: string, { isSwitch, isSecret, placeholder, short }: Setting<unknown>): string {
  if (isSecret) return variableOf(flag)
  return `${short === undefined ? '' : `-${short}, `}--${flag}${isSwitch ? '' : ` ${placeholder}`}`
}

function docOf({ doc, fallback, isSwitch, isList }: Setting<unknown>): string {
  const many = isList ? ' May be given more than once.' : ''
  return `${doc}${many}${fallback === undefined || isSwitch ? '' : ` Default: ${fallback}.`}`
}

/** A name and its text, wrapped into its own column. */
function row(name: string, text: string): string {
  const lines: string[] = ['']
  for (const word of text.split(' ')) {
    const last = lines.at(-1)!
    if (last.length + word.length + 1 > WIDTH - INDENT) lines.push(word)
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`
  }
  const gap = ' '.repeat(INDENT)
  const first = name.length + 3 > INDENT ? `  ${name}\n${gap}` : `  ${name}`.padEnd(INDENT)
  return first + lines.join(`\n${gap}`)
}
