import { soak } from './soak/soak.ts'
const report = await soak({ seconds: 45, seed: 7, progress: () => {} })
console.log(report.isGood)
const t = performance.now(); const a = process.cpuUsage()
const seen = setInterval(() => { const b = process.cpuUsage(a); console.error(((performance.now() - t) / 1000).toFixed(1), 's cpu', (b.user + b.system) / 1000, process.getActiveResourcesInfo().join()) }, 1000); seen.unref()
process.on('exit', () => { const b = process.cpuUsage(a); console.log('exits after', performance.now() - t, 'cpu ms', (b.user + b.system) / 1000) })
