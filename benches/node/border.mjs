// What it costs to bring 100,000 objects in and to get 100,000 out, beside the work itself.
//
// In: rows into the core's memory as JSON, before anything is read. Out: golden records as objects, their
// Arrow table being there. User CPU time of the whole process; the best of five.
import { createRequire } from 'node:module'
import { Plan } from '../../cdm-node/index.mjs'

const require = createRequire(import.meta.url)
const { writeRows } = require('../../cdm-node/dist/rows.cjs')
const { Work } = require('../../cdm-node/dist/work.cjs')
const native = require('../../cdm-node/native.js')

const ROWS = 100_000
const rows = Array.from({ length: ROWS }, (_, id) => ({
  id,
  given_name: `Given${id % 999}`,
  family_name: `Family${id % 9973}`,
  email: `given.family${id}@mail.example`,
  phone: `020 7946 ${String(id % 10_000).padStart(4, '0')}`,
  born: `19${10 + (id % 90)}-0${1 + (id % 9)}-1${id % 10}`,
  street: `${id % 200} Station Road`,
  postcode: `AB${id % 90} 1CD`,
  city: 'Leeds',
}))
const plan = new Plan({
  version: 1,
  name: 'people',
  fields: ['given_name', 'family_name', 'email', 'phone', 'born', 'street', 'postcode', 'city'].map((name) => ({ name, kind: 'text' })),
})

async function best(what, body) {
  let [cpu, wall] = [Infinity, Infinity]
  for (let round = 0; round < 5; round += 1) {
    globalThis.gc?.()
    const [used, started] = [process.cpuUsage(), performance.now()]
    await body()
    const { user } = process.cpuUsage(used)
    cpu = Math.min(cpu, user / ROWS)
    wall = Math.min(wall, ((performance.now() - started) * 1000) / ROWS)
  }
  console.log(`${what}: ${cpu.toFixed(2)} µs of CPU a record, ${wall.toFixed(2)} µs by the clock`)
}

await best('in,  objects to the core', () => writeRows(rows, 'records', new native.Inputs(), new Work()))
const resolution = await plan.resolve(rows, { id: 'id' })
await resolution.goldenRecords.count()
await resolution.entities.count()
await best('out, golden records of 8 fields as objects', async () => {
  if ((await resolution.goldenRecords.toArray()).length !== ROWS) throw new Error('rows are missing')
})
await best('out, entities as objects', async () => {
  if ((await resolution.entities.toArray()).length !== ROWS) throw new Error('rows are missing')
})
await best('out, entities as an Int32Array', () => resolution.entityNumbers())
await best('out, golden records as Arrow IPC', () => resolution.goldenRecords.toArrow())
