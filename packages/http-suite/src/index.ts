export const PLACEHOLDER = 'http-suite'
