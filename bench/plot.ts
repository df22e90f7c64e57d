/** One bar. NaN draws none, and says so. */
export interface Bar {
  readonly label: string
  readonly value: number
  readonly isOurs: boolean
}

const WIDTH = 760
const LABEL_WIDTH = 210
const VALUE_WIDTH = 90
const ROW = 28
const TOP = 48
/** Figures that span more than this are drawn on a logarithmic scale, or the small ones would be invisible. */
const LOG_SPAN = 200

/** A bar chart that is legible on a light and on a dark page. */
export function barChart(title: string, bars: readonly Bar[], digits: number): string {
  const scale = barScale(bars.map(({ value }) => value))
  const height = TOP + bars.length * ROW + 12
  const rows = bars.map((bar, i) => drawRow(bar, TOP + i * ROW, scale.lengthOf(bar.value), digits))
  const heading = scale.isLog ? `${title} (logarithmic)` : title
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escape(title)}">
<style>
text { font: 14px system-ui, sans-serif; fill: #24292f }
.title { font-weight: 600; font-size: 16px }
.bar { fill: #8c959f }
.ours { fill: #0969da }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .bar { fill: #6e7681 } .ours { fill: #4493f8 } }
</style>
<text class="title" x="8" y="26">${escape(heading)}</text>
${rows.join('\n')}
</svg>
`
}

function drawRow({ label, value, isOurs }: Bar, y: number, length: number, digits: number): string {
  const number = Number.isNaN(value)
    ? 'no figure'
    : value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })
  const middle = y + ROW / 2 + 5
  return [
    `<text x="${LABEL_WIDTH - 10}" y="${middle}" text-anchor="end">${escape(label)}</text>`,
    `<rect class="${isOurs ? 'ours' : 'bar'}" x="${LABEL_WIDTH}" y="${y + 4}" width="${length.toFixed(1)}" height="${ROW - 8}" rx="2"/>`,
    `<text x="${(LABEL_WIDTH + length + 8).toFixed(1)}" y="${middle}">${number}</text>`,
  ].join('')
}

function barScale(values: readonly number[]) {
  const positive = values.filter((value) => value > 0)
  const most = Math.max(...positive, 0)
  const least = Math.min(...positive)
  const isLog = positive.length > 1 && most / least > LOG_SPAN
  const room = WIDTH - LABEL_WIDTH - VALUE_WIDTH
  // The smallest bar of a logarithmic chart keeps a tenth of a decade, so that it is visible.
  const origin = Math.log10(least) - 0.1
  return {
    isLog,
    lengthOf(value: number): number {
      if (!(value > 0)) return 0
      if (!isLog) return (value / most) * room
      return ((Math.log10(value) - origin) / (Math.log10(most) - origin)) * room
    },
  }
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
