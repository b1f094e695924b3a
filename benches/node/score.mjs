// A million calls of model.score: how long one takes, and whether memory grows.
import { Plan } from '../../cdm-node/index.mjs'
import { many } from '../../cdm-node/test/people.mjs'

const rows = many(5000)
const plan = await Plan.infer(rows)
const model = await plan.fit(rows)
const fields = ({ id, first_name, last_name, email, born, city }) => ({ id, given_name: first_name, family_name: last_name, email, date_of_birth: born, city })
const records = rows.map(fields)

function time(what, calls, pair) {
  const rss = []
  for (let call = 0; call < calls / 10; call += 1) model.score(...pair(call))
  const [used, started] = [process.cpuUsage(), performance.now()]
  for (let call = 0; call < calls; call += 1) {
    model.score(...pair(call))
    if (call % (calls / 10) === 0) {
      globalThis.gc?.()
      rss.push(Math.round(process.memoryUsage().rss / 2 ** 20))
    }
  }
  const cpu = (process.cpuUsage(used).user / calls).toFixed(2)
  const wall = (((performance.now() - started) * 1000) / calls).toFixed(2)
  console.log(`${what}: ${cpu} µs of CPU a call, ${wall} µs by the clock; MiB of memory at every tenth: ${rss.join(' ')}`)
}

time('a million pairs of 200 records, as candidates of sign-ups are', 1_000_000, (call) => [records[call % 200], records[(call * 7) % 200]])
time('a million pairs, each a new record beside one that was there', 1_000_000, (call) => [{ ...records[call % 5000], id: `n${call}` }, records[(call * 7) % 200]])
