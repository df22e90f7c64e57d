import type { NextConfig } from 'next'

// TypeScript 7 has no compiler that Next could load, only the command.
const config: NextConfig = { experimental: { useTypeScriptCli: true } }

export default config
