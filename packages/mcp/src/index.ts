export const PLACEHOLDER = 'mcp'
