// Long work: stopped at once, told of, and off the event loop.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { getEventListeners } from 'node:events'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import path from 'node:path'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { Worker } from 'node:worker_threads'

import { Plan, normalize, resolve } from 'cdm'
import { many } from './people.mjs'

const run = promisify(execFile)
const cwd = path.join(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '..')

test('a signal that is aborted already stops what has not begun', async () => {
  const reason = new Error('not today')
  await assert.rejects(resolve(many(9), { signal: AbortSignal.abort(reason) }), (error) => error === reason)
  await assert.rejects(resolve(many(9), { signal: AbortSignal.abort('text') }), (error) => error === 'text')
})

test('a signal stops work within a moment', async () => {
  const rows = many(20_000)
  for (const after of [0, 5, 30, 150]) {
    const controller = new AbortController()
    let aborted
    setTimeout(() => {
      aborted = performance.now()
      controller.abort()
    }, after)
    await assert.rejects(resolve(rows, { signal: controller.signal }), { name: 'AbortError' })
    const late = performance.now() - aborted
    assert.ok(late < 100, `${late} ms after the abort`)
  }
})

test('a signal may be used again, and keeps nothing', async () => {
  const { signal } = new AbortController()
  for (let round = 0; round < 3; round += 1) await resolve(many(30), { signal })
  assert.equal(getEventListeners(signal, 'abort').length, 0)
  const late = new AbortController()
  const resolution = await resolve(many(30), { signal: late.signal })
  late.abort()
  assert.equal(resolution.records, 30)
})

test('a limit of memory is kept, or said to be too low beforehand', async () => {
  const rows = many(300)
  const whole = await resolve(rows)
  const plan = await Plan.infer(rows)
  const { leastMemoryBytes, peakMemoryBytes } = await plan.estimate(rows)
  assert.ok(leastMemoryBytes <= peakMemoryBytes)
  for (const memoryLimit of [leastMemoryBytes, 2 ** 31]) {
    const limited = await resolve(rows, { memoryLimit })
    assert.deepEqual(await limited.entities.toArray(), await whole.entities.toArray())
  }
  const model = await plan.fit(rows, { memoryLimit: leastMemoryBytes })
  for (const low of [
    () => resolve(rows, { memoryLimit: 1_000_000 }),
    () => plan.fit(rows, { memoryLimit: 1_000_000 }),
    () => plan.resolve(rows, { memoryLimit: 0 }),
    () => model.resolve(rows, { memoryLimit: 1_000_000 }),
  ]) {
    await assert.rejects(low(), { code: 'MEMORY_LIMIT' })
  }
  for (const memoryLimit of [-1, 0.5, '1GB', Number.NaN, 2 ** 60]) {
    await assert.rejects(resolve(rows, { memoryLimit }), { name: 'TypeError' })
  }
})

test('a timeout is a reason', async () => {
  await assert.rejects(resolve(many(20_000), { signal: AbortSignal.timeout(20) }), { name: 'TimeoutError' })
})

test('a stream that never ends is let go of', async () => {
  let closed = false
  const stream = new Readable({
    objectMode: true,
    read() {},
    destroy(_, done) {
      closed = true
      done(null)
    },
  })
  const controller = new AbortController()
  setTimeout(() => controller.abort(), 20)
  await assert.rejects(resolve(stream, { signal: controller.signal }), { name: 'AbortError' })
  await new Promise((resolve) => setTimeout(resolve, 20))
  assert.ok(closed)
})

test('a stream is read no faster than it is taken', async () => {
  let made = 0
  let most = 0
  let taken = 0
  const stream = new Readable({
    objectMode: true,
    highWaterMark: 8,
    read() {
      most = Math.max(most, made - taken)
      this.push(made < 5000 ? { id: made++, email: `m${made}@li.example` } : null)
    },
  })
  async function* counted() {
    for await (const row of stream) {
      taken += 1
      yield row
    }
  }
  const resolution = await resolve(counted(), { fields: { email: 'email' } })
  assert.equal(resolution.records, 5000)
  assert.ok(most <= 16, `${most} rows waited`)
})

test('progress is told, stage by stage', async () => {
  const told = []
  await resolve(many(20_000), { onProgress: (progress) => told.push(progress) })
  assert.ok(told.length > 1)
  for (const { stage, done, total } of told) {
    assert.equal(typeof stage, 'string')
    assert.ok(Number.isFinite(done) && Number.isFinite(total))
  }
  for (const [place, { stage, done }] of told.entries()) {
    if (place > 0 && told[place - 1].stage === stage) assert.ok(done >= told[place - 1].done)
  }
})

test('what a callback throws stops the work', async () => {
  const reason = new Error('enough')
  const onProgress = () => {
    throw reason
  }
  await assert.rejects(resolve(many(20_000), { onProgress }), (error) => error === reason)
})

test('the event loop keeps turning', async () => {
  const rows = many(30_000)
  const delay = monitorEventLoopDelay({ resolution: 1 })
  let turns = 0
  const timer = setInterval(() => (turns += 1), 1)
  delay.enable()
  const started = performance.now()
  const resolution = await resolve(rows)
  for await (const row of resolution.goldenRecords) assert.ok(row.records > 0)
  const took = performance.now() - started
  delay.disable()
  clearInterval(timer)
  // How late a busy machine is at the worst is for the bench; here, that nothing held the loop.
  assert.ok(delay.percentile(99) < 50e6, `p99 ${delay.percentile(99) / 1e6} ms`)
  assert.ok(turns > took / 20, `${turns} turns in ${took} ms`)
})

test('no handle keeps the process alive', async () => {
  const script = `
    const { Plan, resolve } = require('cdm')
    resolve([{ email: 'a@b.example' }], { onProgress() {}, signal: new AbortController().signal }).then(async (resolution) => {
      globalThis.kept = [resolution, resolution.model, await resolution.links.toArray()]
      console.log('done')
    })`
  const { stdout } = await run(process.execPath, ['-e', script], { cwd, timeout: 20_000 })
  assert.equal(stdout, 'done\n')
})

test('a process may end in the middle of it', async () => {
  const script = `
    const { resolve } = require('cdm')
    const rows = Array.from({ length: 50000 }, (_, id) => ({ id, name: 'Ann Li ' + id % 999, email: 'm' + id % 30000 + '@li.example' }))
    resolve(rows).catch(() => {})
    setTimeout(() => process.exit(7), 400)`
  await assert.rejects(run(process.execPath, ['-e', script], { cwd, timeout: 20_000 }), { code: 7 })
})

test('eight workers give the same answers', async () => {
  const script = `
    const { parentPort, workerData } = require('node:worker_threads')
    const { resolve } = require('cdm')
    resolve(workerData).then(async (resolution) => {
      parentPort.postMessage([await resolution.links.toArray(), resolution.model.toJson()])
    })`
  const rows = many(400)
  const answers = await Promise.all(
    Array.from({ length: 8 }, () => new Promise((resolve, reject) => {
      const worker = new Worker(script, { eval: true, workerData: rows })
      worker.once('message', resolve)
      worker.once('error', reject)
    })),
  )
  const here = await resolve(rows)
  const expected = [await here.links.toArray(), here.model.toJson()]
  for (const answer of answers) assert.deepEqual(answer, expected)
})

test('a worker may be terminated in the middle of it', async () => {
  const script = `
    const { parentPort, workerData } = require('node:worker_threads')
    const { resolve } = require('cdm')
    resolve(workerData).then(() => {}, () => {})
    setTimeout(() => parentPort.postMessage('begun'), 100)`
  for (let round = 0; round < 3; round += 1) {
    const worker = new Worker(script, { eval: true, workerData: many(10_000) })
    await new Promise((resolve) => worker.once('message', resolve))
    await worker.terminate()
  }
  // What the threads of the dead still do must find its ground.
  await new Promise((resolve) => setTimeout(resolve, 500))
  assert.equal((await new Plan({ version: 1, name: 'p', fields: [{ name: 'email', kind: 'email' }] }).resolve(many(9))).records, 9)
})

test('many values are normalised at once', async () => {
  const values = Array.from({ length: 5000 }, (_, n) => `M${n}@Li.example`)
  const answers = await normalize.values('email', [...values, null, undefined, '\ud800'])
  assert.equal(answers.length, 5003)
  assert.deepEqual(answers[7], normalize.email(values[7]))
  assert.deepEqual(answers.slice(5000, 5002).map((answer) => answer.status), ['missing', 'missing'])
  const [date] = await normalize.values('date', ['03/04/2001'], { dateOrder: 'month_first' })
  assert.equal(date.forms.canonical, '2001-03-04')
  assert.deepEqual(await normalize.values('email', []), [])
  await assert.rejects(normalize.values('emial', []), { code: 'UNKNOWN_CHOICE', suggestion: 'email' })
  await assert.rejects(normalize.values('date', ['x'], { dateOder: 'day_first' }), { code: 'INVALID_DOCUMENT' })
  await assert.rejects(normalize.values('email', [5]), /values\[0\]: wanted a string/)
  await assert.rejects(normalize.values('email', 'a@b.example'), TypeError)
  await assert.rejects(normalize.values('email', values, { signal: AbortSignal.abort() }), { name: 'AbortError' })
})
