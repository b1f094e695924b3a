// Whether the event loop keeps turning while a million records resolve, and how fast an abort is.
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { resolve } from '../../cdm-node/index.mjs'
import { many } from '../../cdm-node/test/people.mjs'

const count = Number(process.argv[2] ?? 1_000_000)
const rows = many(count)
globalThis.gc?.()

async function watched(what, body) {
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const started = performance.now()
  const result = await body()
  delay.disable()
  // The histogram counts the millisecond that it waits for by itself.
  const ms = (nanoseconds) => (nanoseconds / 1e6 - 1).toFixed(1)
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  console.log(`${what}: ${seconds} s; event loop late by p50 ${ms(delay.percentile(50))}, p99 ${ms(delay.percentile(99))}, p99.9 ${ms(delay.percentile(99.9))}, at most ${ms(delay.max)} ms`)
  return result
}

await watched('nothing at all, for 5 s', () => new Promise((done) => setTimeout(done, 5000)))
const resolution = await watched(`${count} records resolved`, () => resolve(rows, { region: 'GB' }))
console.log(`${resolution.size} entities; ${Math.round(process.memoryUsage().rss / 2 ** 20)} MiB`)
await watched('golden records, row by row', async () => {
  let records = 0
  for await (const golden of resolution.goldenRecords) records += golden.records
  if (records !== resolution.records) throw new Error('records are missing')
})
resolution.close()
const late = []
for (const after of [50, 500, 2000, 5000, 10_000]) {
  const controller = new AbortController()
  let aborted = 0
  setTimeout(() => {
    aborted = performance.now()
    controller.abort()
  }, after)
  const outcome = await resolve(rows, { region: 'GB', signal: controller.signal }).catch((error) => error.name)
  late.push(outcome === 'AbortError' ? (performance.now() - aborted).toFixed(1) : 'done before')
}
console.log(`rejected so many ms after an abort 0.05, 0.5, 2, 5 and 10 s into the work: ${late.join(', ')}`)
