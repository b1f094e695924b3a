// The live population.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { promisify } from 'node:util'

import { CdmError, Plan, Store } from 'cdm'
import { many } from './people.mjs'

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'cdm-store-'))
after(() => fs.rmSync(folder, { recursive: true }))
const at = (name) => path.join(folder, name)
const cwd = path.join(path.dirname(new URL(import.meta.url).pathname), '..')

const model = await new Plan({
  version: 1,
  name: 'people',
  fields: [
    { name: 'full_name', kind: 'full_name' },
    { name: 'email', kind: 'email' },
  ],
  rules: [{ name: 'e-mail', decision: 'match', same: ['email'] }],
  survivorship: [{ fields: ['full_name'], strategy: 'most_recent' }],
}).fit([{ email: 'a@b.example' }])

test('records come, change and go, and stay resolved', async () => {
  const store = await Store.open(at('people'), { model })
  const ann = await store.upsert({ id: 1, source: 'crm', fullName: 'Ann Li', email: 'ann@li.example', time: new Date('2024-05-01') })
  assert.equal(await store.upsert({ id: 'a', source: 'shop', email: 'ANN@li.example', full_name: 'Ann Lee', time: '2024-06-01' }), ann)
  const bo = await store.upsert({ id: 2, email: 'bo@ek.example' })
  assert.notEqual(bo, ann)
  assert.deepEqual(store.entity(ann), [{ id: ann, records: [{ source: 'crm', id: '1' }, { source: 'shop', id: 'a' }] }])
  assert.equal(store.entityOf(['records', 2]), bo)
  assert.equal(store.entityOf({ source: 'records', id: '3' }), null)
  assert.deepEqual(store.get(['crm', 1]), {
    source: 'crm',
    id: '1',
    time: '2024-05-01T00:00:00Z',
    fields: { email: ['ann@li.example'], full_name: ['Ann Li'] },
  })
  const golden = store.golden(ann)
  assert.deepEqual(Object.keys(golden), ['entityId', 'records', 'sources', 'time', 'full_name', 'email'])
  assert.deepEqual([golden.entityId, golden.records, golden.sources, golden.full_name], [ann, 2, ['crm', 'shop'], 'Ann Lee'])
  const [hit] = store.search({ email: 'bo@EK.example' })
  assert.deepEqual([hit.entity, hit.record, hit.rule, hit.decision], [bo, { source: 'records', id: '2' }, 'e-mail', 'match'])
  assert.deepEqual(store.search({ email: 'nobody@here.example' }), [])
  assert.equal(await store.mustLink(['crm', 1], ['records', 2]), true)
  assert.equal(store.entityOf(['records', 2]), ann)
  assert.equal(await store.withdrawMustLink(['crm', 1], ['records', 2]), true)
  assert.equal(await store.cannotLink(['crm', 1], ['shop', 'a']), true)
  assert.equal(await store.withdrawCannotLink(['crm', 1], ['records', 2]), false)
  assert.notEqual(store.entityOf(['crm', 1]), store.entityOf(['shop', 'a']))
  assert.equal(await store.delete(['shop', 'a']), true)
  assert.equal(await store.forget(['shop', 'b']), false)
  assert.equal(store.get(['shop', 'a']), null)
  const { records, entities } = store.stats()
  assert.deepEqual([records, entities], [2, 2])
  assert.deepEqual(await store.verify(), { records: 2, entities: 2, problems: [] })
  const before = store.events()
  assert.deepEqual(before.map((event) => event.sequence), before.map((_, place) => place + 1))
  assert.equal(before[0].type, 'created')
  assert.deepEqual(before[0].records.map((record) => record.key), [{ source: 'crm', id: '1' }])
  await store.backup(at('copy'))
  await assert.rejects(store.backup(at('copy')), { code: 'STORE_IO' })
  await store.close()
  assert.throws(() => store.stats(), { code: 'CLOSED' })
  const copy = await Store.open(at('copy'))
  assert.equal(copy.entityOf(['crm', 1]), ann)
  await copy.close()

  const again = await Store.open(at('people'))
  assert.equal(again.entityOf(['crm', 1]), ann)
  assert.deepEqual(again.events(), before)
  assert.equal((await again.model()).plan.toJson(), model.plan.toJson())
  await again.close()
})

test('a store says the same as a batch', async () => {
  const rows = many(500)
  const plan = await Plan.infer(rows)
  const learned = await plan.fit(rows)
  const fields = ({ id, first_name, last_name, email, born, city }) => ({ id, given_name: first_name, family_name: last_name, email, date_of_birth: born, city })
  const store = await Store.inMemory(learned)
  assert.equal(await store.upsertMany(rows.map(fields)), 500)
  assert.equal(store.stats().entities, (await learned.resolve(rows)).size)
  const told = []
  async function* slowly() {
    for (const row of rows.slice(0, 300)) yield { ...fields(row), city: 'Leeds' }
  }
  await store.upsertMany(slowly(), { onProgress: (progress) => told.push(progress) })
  assert.deepEqual((await store.verify()).problems, [])
  const [hit] = store.search({ ...fields(rows[7]), id: 'x' }, { limit: 3 })
  assert.equal(hit.entity, store.entityOf(['records', 'r7']))
  assert.ok(hit.matchWeight > 5 && hit.levels.length > 3)
  const adoption = await store.preview(learned)
  assert.equal(adoption.records, 500)
  assert.deepEqual(await store.adopt(learned), adoption)
  await assert.rejects(store.upsertMany(rows.map(fields), { signal: AbortSignal.abort() }), { name: 'AbortError' })
  await store.close()
})

test('changes are done in the order in which they are asked for', async () => {
  const store = await Store.inMemory(model)
  const changes = Array.from({ length: 50 }, (_, n) => store.upsert({ id: 1, email: `m${n}@li.example` }))
  changes.push(store.delete(['records', 1]), store.upsert({ id: 1, email: 'last@li.example' }))
  await Promise.all(changes)
  assert.deepEqual(store.get(['records', 1]).fields.email, ['last@li.example'])
  const late = store.upsert({ id: 2, email: 'x@li.example' })
  const closed = store.close()
  assert.equal(typeof (await late), 'string')
  await closed
})

test('whoever watches misses nothing', async () => {
  const store = await Store.inMemory(model)
  await store.upsert({ id: 1, email: 'a@b.example' })
  const seen = []
  const watching = (async () => {
    for await (const event of store.subscribe()) seen.push(event)
  })()
  await store.upsert({ id: 2, email: 'A@b.example' })
  await store.delete(['records', 1])
  const expected = store.events()
  while (seen.length < expected.length) await new Promise((resolve) => setTimeout(resolve, 10))
  await store.close()
  await watching
  assert.deepEqual(seen, expected)
  assert.ok(seen.some((event) => event.type === 'joined'))
})

test('a watch ends with its signal, or where one stops listening', async () => {
  const store = await Store.inMemory(model)
  await store.upsert({ id: 1, email: 'a@b.example' })
  const controller = new AbortController()
  let aborted
  setTimeout(() => {
    aborted = performance.now()
    controller.abort(new Error('enough'))
  }, 30)
  await assert.rejects(async () => {
    for await (const event of store.subscribe({ signal: controller.signal })) assert.ok(event.sequence > 0)
  }, /enough/)
  assert.ok(performance.now() - aborted < 100)
  for await (const event of store.subscribe({ since: 0 })) {
    assert.equal(event.sequence, 1)
    break
  }
  await store.close()
})

test('a path is free as soon as its store is closed', async () => {
  for (let round = 0; round < 5; round += 1) {
    const store = await Store.open(at('again'), { model })
    const watching = (async () => {
      for await (const event of store.subscribe()) assert.ok(event)
    })()
    await store.upsert({ id: round, email: 'a@b.example' })
    await store.close()
    await watching
  }
  const store = await Store.open(at('again'))
  await assert.rejects(Store.open(at('again')), { code: 'STORE_LOCKED' })
  await store[Symbol.asyncDispose]()
})

test('what a process was told is done, is done', async () => {
  const script = `
    const { Plan, Store } = require('cdm')
    const plan = new Plan({ version: 1, name: 'p', fields: [{ name: 'email', kind: 'email' }], rules: [{ name: 'e', decision: 'match', same: ['email'] }] })
    plan.fit([{ email: 'a@b.example' }]).then(async (model) => {
      const store = await Store.open(${JSON.stringify(at('killed'))}, { model })
      for (let id = 0; ; id += 1) {
        await store.upsert({ id, email: 'm' + id + '@b.example' })
        if (id === 20) process.kill(process.pid, 'SIGKILL')
      }
    })`
  await assert.rejects(promisify(execFile)(process.execPath, ['-e', script], { cwd }), { signal: 'SIGKILL' })
  const store = await Store.open(at('killed'))
  assert.ok(store.stats().records >= 21)
  await store.close()
})

test('an open store keeps no process alive', async () => {
  const script = `
    const { Plan, Store } = require('cdm')
    const plan = new Plan({ version: 1, name: 'p', fields: [{ name: 'email', kind: 'email' }] })
    plan.fit([{ email: 'a@b.example' }]).then(async (model) => {
      globalThis.kept = await Store.inMemory(model)
      await kept.upsert({ id: 1, email: 'a@b.example' })
      console.log('done')
    })`
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', script], { cwd, timeout: 20_000 })
  assert.equal(stdout, 'done\n')
})

test('values lie encrypted where a key is given', async () => {
  const key = new Uint8Array(32).fill(7)
  const store = await Store.open(at('sealed'), { model, key, durability: { withinMs: 20 } })
  await store.upsert({ id: 1, email: 'wolpertinger@li.example' })
  await store.flush()
  await store.close()
  for (const file of fs.readdirSync(at('sealed'))) {
    assert.ok(!fs.readFileSync(path.join(at('sealed'), file)).includes('wolpertinger'), file)
  }
  await assert.rejects(Store.open(at('sealed'), { key: new Uint8Array(32) }), { code: 'STORE_KEY' })
  const again = await Store.open(at('sealed'), { key, durability: 'byHand' })
  assert.equal(again.get(['records', 1]).fields.email[0], 'wolpertinger@li.example')
  await again.close()
})

test('a store is compacted while it is watched, and goes on', async () => {
  const store = await Store.open(at('wasteful'), { model, durability: 'byHand' })
  const seen = []
  const watching = (async () => {
    for await (const event of store.subscribe()) seen.push(event)
  })()
  for (let n = 0; n < 40; n += 1) await store.upsert({ id: 1, email: `m${n}@li.example`, full_name: 'Ann '.repeat(40) })
  await store.flush()
  const before = store.stats()
  assert.ok(before.garbageBytes > 0)
  const compacted = store.compact()
  const late = store.upsert({ id: 2, email: 'late@li.example' })
  await compacted
  assert.equal(typeof (await late), 'string')
  const after = store.stats()
  assert.ok(after.cellBytes < before.cellBytes, `${after.cellBytes} of ${before.cellBytes} bytes`)
  assert.deepEqual(store.get(['records', 1]).fields.email, ['m39@li.example'])
  assert.deepEqual((await store.verify()).problems, [])
  await store.upsert({ id: 3, email: 'later@li.example' })
  const expected = store.events()
  while (seen.length < expected.length) await new Promise((resolve) => setTimeout(resolve, 10))
  assert.deepEqual(seen, expected)
  await assert.rejects(store.compact({ signal: AbortSignal.abort() }), { name: 'AbortError' })
  // What is asked for before the store is closed is done before it is.
  const again = store.compact()
  await store.close()
  await again
  await watching
  await assert.rejects(store.compact(), { code: 'CLOSED' })
  const opened = await Store.open(at('wasteful'))
  assert.equal(opened.stats().records, 3)
  await opened.close()
  const memory = await Store.inMemory(model)
  await memory.upsert({ id: 1, email: 'a@b.example' })
  await memory.compact()
  assert.equal(memory.stats().records, 1)
  await memory.close()
})

test('a store that cannot be compacted stays as it is', async () => {
  const store = await Store.open(at('stuck'), { model })
  await store.upsert({ id: 1, email: 'a@b.example' })
  fs.writeFileSync(path.join(at('stuck'), 'compacting'), 'a file where a folder is wanted')
  await assert.rejects(store.compact(), { code: 'STORE_IO' })
  assert.equal(store.stats().records, 1)
  fs.rmSync(path.join(at('stuck'), 'compacting'))
  await store.compact()
  await store.upsert({ id: 2, email: 'A@b.example' })
  assert.equal(store.stats().entities, 1)
  await store.close()
})

test('a store goes out as lines of JSON and comes in again', async () => {
  const store = await Store.inMemory(model)
  await store.upsertMany([{ id: 1, email: 'a@b.example' }, { id: 2, email: 'A@b.example' }, { id: 3, email: 'c@d.example' }])
  await store.cannotLink(['records', 1], ['records', 2])
  assert.equal(await store.export(at('people.jsonl')), 4)
  const lines = fs.readFileSync(at('people.jsonl'), 'utf8').trim().split('\n').map((line) => JSON.parse(line))
  assert.deepEqual(lines[3], { cannot_link: [{ source: 'records', id: '1' }, { source: 'records', id: '2' }] })
  const other = await Store.inMemory(model)
  assert.equal(await other.import(new URL(`file://${at('people.jsonl')}`)), 4)
  assert.deepEqual(other.stats().entities, 3)
  assert.deepEqual(other.get(['records', 3]), store.get(['records', 3]))
  await assert.rejects(store.export(at('no/people.jsonl')), { code: 'WRITE_FILE' })
  await assert.rejects(store.export(at('stopped.jsonl'), { signal: AbortSignal.abort() }), { name: 'AbortError' })
  assert.deepEqual(fs.readdirSync(folder).filter((name) => name.includes('partial') || name.includes('stopped')), [])
  await assert.rejects(other.import(at('none.jsonl')), (error) => error.code === 'READ_FILE' && error.cause instanceof Error)
  fs.writeFileSync(at('bad.jsonl'), '{"record": 5}\n')
  await assert.rejects(other.import(at('bad.jsonl')), { code: 'MALFORMED_INPUT' })
  await store.close()
  await other.close()
})

test('a golden record has its lineage, and stored records are explained', async () => {
  const store = await Store.inMemory(model)
  const ann = await store.upsert({ id: 1, source: 'crm', fullName: 'Ann Li', email: 'ann@li.example', time: '2024-05-01' })
  await store.upsert({ id: 2, source: 'shop', fullName: 'Ann Lee', email: 'ANN@li.example', time: '2024-06-01' })
  const lineage = store.lineage(ann)
  assert.equal(lineage.entityId, ann)
  assert.deepEqual(Object.keys(lineage.fields), ['full_name', 'email'])
  assert.deepEqual(lineage.fields.full_name.lost.map((lost) => lost.raw), ['Ann Li'])
  assert.deepEqual(lineage.fields.email.values[0].from, {
    source: 'shop',
    id: '2',
    time: '2024-06-01T00:00:00Z',
    raw: 'ANN@li.example',
    status: 'valid',
    issues: [],
  })
  assert.equal(JSON.parse(lineage.json).entity_id, ann)
  const why = await model.explain(store.get(['crm', 1]), store.get(['shop', 2]))
  assert.deepEqual([why.left, why.rule.name], [{ source: 'crm', id: '1' }, 'e-mail'])
  await store.delete(['crm', 1])
  await store.delete(['shop', 2])
  assert.equal(store.lineage(ann), null)
  assert.equal(store.golden(ann), null)
  await store.close()
})

test('what is wrong is told', async () => {
  const store = await Store.inMemory(model)
  for (const [call, details] of [
    [() => store.upsert({ id: 1, emial: 'x' }), { code: 'UNKNOWN_FIELD', suggestion: 'email' }],
    [() => store.upsert({ email: 'x' }), { code: 'INVALID_DOCUMENT', path: 'id' }],
    [() => store.upsert({ id: 1, time: 'whenever' }), { code: 'INVALID_DOCUMENT', path: 'time' }],
    [() => store.upsertMany([{ id: 1 }, { id: 2, x: 1 }]), { code: 'UNKNOWN_FIELD' }],
    [async () => store.search({ emial: 'x' }), { code: 'UNKNOWN_FIELD' }],
    [async () => store.search({}, { limits: 1 }), { code: 'UNKNOWN_CHOICE', suggestion: 'limit' }],
    [() => Store.open(at('none-such')), { code: 'STORE_IO' }],
    [() => Store.open(at('x'), { modle: model }), { code: 'UNKNOWN_CHOICE', suggestion: 'model' }],
    [() => Store.inMemory(model, { key: new Uint8Array(5) }), { code: 'INVALID_DOCUMENT', path: 'key' }],
  ]) {
    await assert.rejects(call, (error) => {
      assert.ok(error instanceof CdmError, `${error?.stack}`)
      for (const [name, detail] of Object.entries(details)) assert.equal(error[name], detail, `${name} of ${error}`)
      return true
    })
  }
  await assert.rejects(async () => store.entity('x'), CdmError)
  for (const call of [
    () => store.upsert(null),
    () => store.upsert([1]),
    () => store.upsertMany(5),
    () => store.upsertMany('x'),
    () => store.delete('x'),
    () => store.delete(['crm']),
    () => store.mustLink(['crm', 1], null),
    async () => store.get({ source: 'crm' }),
    async () => store.entity(5),
    async () => store.lineage(5),
    () => store.compact(5),
    () => store.export(5),
    () => store.import(null),
    async () => store.search({}, { limit: -1 }),
    () => Store.open(5),
    () => Store.open(at('x'), { model: {} }),
    () => Store.inMemory({}),
    () => Store.inMemory(model, { durability: 'always' }),
    () => Store.inMemory(model, { key: 'x' }),
  ]) {
    await assert.rejects(call, TypeError)
  }
  await store.close()
  await store.close()
})
