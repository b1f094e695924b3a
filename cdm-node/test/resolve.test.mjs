import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import readline from 'node:readline'
import { Readable } from 'node:stream'
import { after, test } from 'node:test'
import { pathToFileURL } from 'node:url'

import { CdmError, Model, Plan, Resolution, resolve } from 'cdm'
import { many, peopleOf } from './people.mjs'

const PLAN = {
  version: 1,
  name: 'people',
  fields: [
    { name: 'name', kind: 'full_name' },
    { name: 'email', kind: 'email' },
  ],
  rules: [{ name: 'e-mail', decision: 'match', same: ['email', 'name.given.nickname'] }],
}
const PEOPLE = [
  { id: 1, name: 'Robert Smith', email: 'r@smith.example' },
  { id: 2, name: 'SMITH, Bob', email: 'R@Smith.example' },
  { id: 3, name: 'Ann Li', email: 'ann@li.example' },
]
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'cdm-resolve-'))
after(() => fs.rmSync(folder, { recursive: true }))
const at = (name) => path.join(folder, name)

test('one line resolves', async () => {
  const people = many(600)
  const resolution = await resolve(people, { region: 'GB' })
  assert.ok(resolution instanceof Resolution)
  assert.equal(resolution.records, 600)
  const numbers = await resolution.entityNumbers()
  assert.equal(numbers.length, 600)
  assert.ok(Math.abs(resolution.size - peopleOf(people)) < 12, `${resolution.size} of ${peopleOf(people)} people`)
  assert.equal(resolution.plan.toObject().region, 'GB')
})

test('a field may have any name that a plan allows', async () => {
  const fields = ['__proto__', 'constructor', 'length'].map((name) => ({ name, kind: 'text' }))
  const row = JSON.parse('{"id": "a", "__proto__": "one", "constructor": "two", "length": "three"}')
  const resolution = await resolve([row], { plan: { version: 1, name: 'odd', fields } })
  const [golden] = await resolution.goldenRecords.toArray()
  assert.deepEqual(Object.entries(golden).slice(4), [['__proto__', 'one'], ['constructor', 'two'], ['length', 'three']])
})

test('results are rows of plain objects', async () => {
  const resolution = await resolve(PEOPLE, { plan: PLAN })
  assert.equal(resolution.size, 2)
  assert.deepEqual(await resolution.entityNumbers(), new Int32Array([0, 0, 1]))
  const entities = await resolution.entities.toArray()
  assert.deepEqual(entities.map((row) => row.id), [1, 2, 3], 'ids that came as numbers are numbers')
  assert.deepEqual(Object.keys(entities[0]), ['id', 'source', 'entityId'])
  const [link] = await resolution.links.toArray()
  assert.deepEqual(link, {
    leftSource: 'records',
    leftId: 1,
    rightSource: 'records',
    rightId: 2,
    matchWeight: null,
    matchProbability: null,
    rule: 'e-mail',
  })
  const golden = await resolution.goldenRecords.toArray({ limit: 1 })
  assert.deepEqual(golden, [
    { entityId: entities[0].entityId, records: 2, sources: ['records'], time: null, name: 'Robert Smith', email: ['r@smith.example'] },
  ])
  assert.deepEqual(await resolution.refusals.toArray(), [])
  const lineage = await resolution.lineage.toArray()
  assert.deepEqual(new Set(lineage.map((row) => row.outcome)), new Set(['survived', 'agreed', 'lost']))
  const quality = await resolution.quality.toArray()
  assert.deepEqual(quality.map((row) => [row.field, row.kind, row.filled]), [['name', 'full_name', 3], ['email', 'email', 3]])
  const summary = await resolution.summary()
  assert.deepEqual([summary.records, summary.entities, summary.linksByRule], [3, 2, [['e-mail', 1]]])
  assert.deepEqual(summary.sources, { records: 3 })
  const report = await resolution.qualityReport()
  assert.equal(report.fields[0].distinctCanonical, 3)
})

test('a field keeps its name, whatever other columns are called', async () => {
  const plan = new Plan({ ...PLAN, fields: [...PLAN.fields, { name: 'date_of_birth', kind: 'date' }, { name: 'entity_id', kind: 'text' }] })
  const [golden] = await (await plan.resolve([{ ...PEOPLE[0], date_of_birth: '1980-02-03' }])).goldenRecords.toArray()
  assert.equal(golden.date_of_birth, '1980-02-03')
  assert.ok('entity_id_' in golden && 'entityId' in golden)
})

test('a table comes row by row, in chunks, as an array, and as Arrow', async () => {
  const plan = new Plan({ ...PLAN, rules: [] })
  const rows = Array.from({ length: 2500 }, (_, id) => ({ id, email: `m${id}@li.example` }))
  const { entities } = await plan.resolve(rows, { id: 'id' })
  let place = 0
  for await (const row of entities) assert.equal(row.id, place++)
  assert.equal(place, 2500)
  const sizes = []
  for await (const chunk of entities.chunks(1024)) sizes.push(chunk.length)
  assert.deepEqual(sizes, [1024, 1024, 452])
  for (const limit of [0, 1, 999, 1001, 9999]) {
    assert.equal((await entities.toArray({ limit })).length, Math.min(limit, 2500))
  }
  assert.deepEqual(await entities.columnNames(), ['id', 'source', 'entityId'])
  await assert.rejects(entities.toArray({ limit: -1 }), TypeError)
  await assert.rejects(entities.chunks(0).next(), TypeError)
})

test('Arrow comes in and goes out', async () => {
  const plan = new Plan(PLAN)
  const first = await plan.resolve(PEOPLE)
  const ipc = await first.goldenRecords.toArrow()
  assert.ok(ipc instanceof Uint8Array)
  const second = await plan.resolve(ipc, { id: 'entity_id' })
  assert.equal(second.records, first.size)
  assert.equal((await second.reports())[0].format, 'arrow')
  const emails = async (resolution) => (await resolution.goldenRecords.toArray()).map((row) => row.email).sort()
  assert.deepEqual(await emails(second), await emails(first))
  const ids = await plan.resolve(await first.entities.toArrow(), { id: 'id' })
  assert.deepEqual((await ids.entities.toArray()).map((row) => row.id), [1, 2, 3], 'numbers stay numbers in Arrow')
})

test('every way to bring data gives the same', async () => {
  const plan = new Plan(PLAN)
  const csv = `id,name,email\n${PEOPLE.map(({ id, name, email }) => `${id},"${name}",${email}\n`).join('')}`
  fs.writeFileSync(at('records.csv'), csv)
  const lines = () => readline.createInterface({ input: fs.createReadStream(at('records.csv')) })
  const expected = await (await plan.resolve(PEOPLE)).goldenRecords.toArray()
  for (const data of [
    at('records.csv'),
    pathToFileURL(at('records.csv')),
    [at('records.csv')],
    { records: at('records.csv') },
    Buffer.from(csv),
    fs.createReadStream(at('records.csv')),
    fs.createReadStream(at('records.csv'), 'utf8'),
    new Response(csv).body,
    lines,
    Readable.from(PEOPLE),
    new Set(PEOPLE),
    { records: Readable.from(PEOPLE) },
  ]) {
    // Lines that nobody waits for are lost: they are asked for when it is their turn.
    const resolution = await plan.resolve(typeof data === 'function' ? data() : data)
    assert.deepEqual(await resolution.goldenRecords.toArray(), expected)
  }
})

test('sources are named by who gave them', async () => {
  fs.writeFileSync(at('shop.csv'), 'id,email\n7,a@b.example\n')
  const named = async (data) => Object.keys((await (await new Plan(PLAN).resolve(data)).summary()).sources)
  assert.deepEqual(await named(PEOPLE), ['records'])
  assert.deepEqual(await named([at('shop.csv'), at('shop.csv'), PEOPLE]), ['records_3', 'shop', 'shop_2'])
  assert.deepEqual(await named({ crm: PEOPLE, shop: at('shop.csv') }), ['crm', 'shop'])
})

test('columns are named by the caller', async () => {
  const rows = [
    { no: 'a', kind: 'x', changed: '2024-05-01', mail: 'a@b.example' },
    { no: 'b', kind: 'y', changed: '2024-06-01', mail: 'A@b.example' },
  ]
  const resolution = await resolve(rows, { id: 'no', source: 'kind', time: 'changed', fields: { mail: 'email' } })
  assert.deepEqual((await resolution.entities.toArray()).map((row) => [row.source, row.id]), [['x', 'a'], ['y', 'b']])
  assert.deepEqual(resolution.plan.fields, { mail: 'email' })
  const [golden] = await resolution.goldenRecords.toArray()
  assert.match(golden.time, /^2024-0[56]-01T00:00:00Z$/)
  const two = { crm: rows, shop: [{ id: 'c', mail: 'c@d.example' }] }
  const other = await resolve(two, { id: { crm: 'no' }, fields: ['mail'] })
  assert.deepEqual((await other.entities.toArray()).map((row) => row.id), ['a', 'b', 'c'])
})

test('people decide', async () => {
  const plan = new Plan(PLAN)
  const size = async (decisions, data = PEOPLE) => (await plan.resolve(data, { decisions })).size
  assert.equal(await size({ mustLink: [[1, 3]] }), 1)
  assert.equal(await size({ cannotLink: [[['records', 1], { source: 'records', id: '2' }]] }), 3)
  assert.equal(await size('{"version": 1, "must_link": []}'), 2)
  const unknown = await plan.resolve(PEOPLE, { decisions: { mustLink: [[1, 99]] } })
  assert.deepEqual((await unknown.summary()).unknownInDecisions, [{ source: 'records', id: '99' }])
  assert.match((await unknown.warnings()).join(), /decisions name 1 records/)
  for (const [wrong, where] of [
    [{ mustLink: [[1]] }, 'decisions.mustLink[0]'],
    [{ mustLink: 5 }, 'decisions.mustLink'],
    [{ mustLinc: [[1, 2]] }, 'mustLinc'],
    [[], 'options.decisions'],
  ]) {
    await assert.rejects(size(wrong), (error) => error instanceof CdmError && error.path === where, JSON.stringify(wrong))
  }
  await assert.rejects(size({ mustLink: [[1, 2]] }, { a: PEOPLE, b: PEOPLE }), /an id alone could be of any source/)
})

test('labels teach', async () => {
  const rows = many(300)
  const plan = await Plan.infer(rows)
  const labelled = async (labels) => (await plan.fit(rows, { labels })).toObject().parameters.diagnostics.labelled_pairs
  assert.equal(await labelled(undefined), 0)
  assert.equal(await labelled({ mustLink: [['r0', 'r1']], cannotLink: [['r0', 'r9'], ['r1', 'r9']] }), 3)
  await assert.rejects(plan.fit(rows, { labels: { mustLink: [['r0']] } }), { path: 'labels.mustLink[0]' })
})

test('what a run takes is told beforehand', async () => {
  const rows = many(300)
  const plan = await Plan.infer(rows)
  const estimate = await plan.estimate(rows)
  assert.deepEqual([estimate.records, estimate.recordsSampled], [300, 300])
  const { parameters } = (await plan.fit(rows)).toObject()
  assert.equal(estimate.candidatePairs, parameters.diagnostics.candidate_pairs)
  assert.equal(estimate.newPairsByRule.length, plan.toObject().blocking.length)
  assert.ok(estimate.peakMemoryBytes > 0 && estimate.seconds > 0)
  await assert.rejects(plan.estimate(rows, { signal: AbortSignal.abort() }), { name: 'AbortError' })
})

test('plans and models are documents', async () => {
  const plan = await Plan.infer(many(300), { linkType: 'dedupe' })
  assert.ok(plan.toObject().comparisons.length > 0)
  assert.equal(Plan.fromJson(plan.toJson()).toJson(), plan.toJson())
  assert.deepEqual(new Plan(plan.toObject()).toObject(), plan.toObject())
  assert.deepEqual(JSON.parse(JSON.stringify(plan)), plan.toObject())
  await plan.save(at('plan.json'))
  assert.equal(fs.readFileSync(at('plan.json'), 'utf8'), plan.toJson())
  assert.equal((await Plan.load(at('plan.json'))).toJson(), plan.toJson())
  const model = await plan.fit(many(300))
  assert.equal(model.plan.toJson(), plan.toJson())
  assert.equal(Model.fromJson(model.toJson()).toJson(), model.toJson())
  await model.save(pathToFileURL(at('model.json')))
  assert.equal((await Model.load(at('model.json'))).toJson(), model.toJson())
  const [once, twice] = [await model.resolve(many(300)), await plan.resolve(many(300))]
  assert.deepEqual(await once.links.toArray(), await twice.links.toArray())
  const by = async (how) => (await resolve(many(300), { plan: how })).size
  for (const how of [plan, model, plan.toObject(), at('plan.json'), pathToFileURL(at('plan.json'))]) {
    assert.equal(await by(how), once.size)
  }
  assert.equal(plan.replace({ region: 'DE' }).toObject().region, 'DE')
  assert.equal('region' in plan.replace({ region: null }).toObject(), false)
  assert.equal(Plan.jsonSchema().title, 'cdm plan, version 1')
  const given = await Plan.infer(many(300), { given: new Plan({ ...PLAN, rules: [], comparisons: [] }) })
  assert.deepEqual(Object.keys(given.fields), ['name', 'email'])
})

test('the truth says how good it is', async () => {
  const truth = [1, 2, 3].map((id) => ({ id, is: id === 3 ? 'b' : 'a' }))
  const evaluation = await (await resolve(PEOPLE, { plan: PLAN })).evaluate(truth, { entity: 'is' })
  assert.deepEqual([evaluation.records, evaluation.f1, evaluation.bCubedF1, evaluation.exactEntities], [3, 1, 1, 2])
})

test('what is wrong is told with where and what was meant', async () => {
  const plan = new Plan(PLAN)
  const told = [
    [() => resolve(PEOPLE, { regoin: 'GB' }), { code: 'UNKNOWN_CHOICE', path: 'options.regoin', suggestion: 'region' }],
    [() => plan.resolve(PEOPLE, { plan }), { code: 'UNKNOWN_CHOICE', path: 'options.plan' }],
    [() => resolve(PEOPLE, { region: 'Germany' }), { code: 'INVALID_DOCUMENT', path: 'options.region' }],
    [() => resolve(PEOPLE, { linkType: 'dedup' }), { code: 'INVALID_DOCUMENT', path: 'options.linkType' }],
    [() => resolve(PEOPLE, { plan, fields: ['email'] }), { code: 'INVALID_DOCUMENT', path: 'options.fields' }],
    [() => resolve(PEOPLE, { fields: [] }), { code: 'INVALID_DOCUMENT', path: 'options.fields' }],
    [() => resolve(PEOPLE, { id: 'idd' }), { code: 'UNKNOWN_COLUMN', field: 'idd', suggestion: 'id' }],
    [() => resolve(PEOPLE, { fields: { email: 'emial' } }), { code: 'UNKNOWN_CHOICE', suggestion: 'email' }],
    [() => resolve({ crm: PEOPLE }, { id: { cmr: 'id' } }), { code: 'UNKNOWN_CHOICE', path: 'options.id.cmr', suggestion: 'crm' }],
    [() => resolve(PEOPLE, { plan: at('none.json') }), { code: 'READ_FILE' }],
    [async () => new Plan({ ...PLAN, feilds: [] }), { code: 'INVALID_DOCUMENT', path: 'feilds', suggestion: 'fields' }],
    [async () => new Plan({ ...PLAN, rules: [{ name: 'x', decision: 'match', same: ['emial'] }] }), { path: 'rules[0].same[0]', suggestion: 'email' }],
    [async () => Plan.fromJson('{'), { code: 'INVALID_DOCUMENT' }],
    [async () => Model.fromJson('{"version": 99}'), { code: 'DOCUMENT_VERSION' }],
  ]
  for (const [call, details] of told) {
    await assert.rejects(call, (error) => {
      assert.ok(error instanceof CdmError, `${error}`)
      for (const [name, detail] of Object.entries(details)) assert.equal(error[name], detail, `${name} of ${error}`)
      return true
    })
  }
  const model = await plan.fit(PEOPLE)
  await assert.rejects(resolve(PEOPLE, { plan: model, region: 'GB' }), { code: 'INVALID_DOCUMENT', path: 'options.region' })
  for (const wrong of [{ id: 5 }, { fields: 5 }, { fields: { a: 5 } }, { plan: 5 }, { region: 5 }, { signal: 5 }, { onProgress: 5 }, 5, []]) {
    await assert.rejects(resolve(PEOPLE, wrong), TypeError, JSON.stringify(wrong))
  }
  for (const wrong of [undefined, null, 5]) {
    assert.throws(() => new Plan(wrong), TypeError)
    assert.throws(() => Plan.fromJson(wrong), TypeError)
    assert.throws(() => Model.fromJson(wrong), TypeError)
    await assert.rejects(Plan.load(wrong), TypeError)
  }
})

test('the cause of a failure is kept', async () => {
  await assert.rejects(resolve('/no/such/file.csv'), (error) => error.cause instanceof Error && /No such file/.test(error.cause.message))
  await assert.rejects(Plan.load('/no/such/plan.json'), (error) => error.cause.code === 'ENOENT')
  await assert.rejects(new Plan(PLAN).save('/no/such/folder/plan.json'), (error) => error.code === 'WRITE_FILE' && error.cause.code === 'ENOENT')
})

test('options that are null or undefined count as left out', async () => {
  const none = { id: null, source: undefined, fields: null, plan: undefined, decisions: null, region: null, linkType: null, signal: null, onProgress: undefined }
  assert.equal((await resolve(PEOPLE, { ...none, plan: PLAN })).size, 2)
  assert.equal((await new Plan(PLAN).resolve(PEOPLE, null)).size, 2)
})

test('what is closed says so', async () => {
  const resolution = await resolve(PEOPLE, { plan: PLAN })
  const { model } = resolution
  assert.equal((await resolution.links.toArray()).length, 1)
  resolution.close()
  resolution.close()
  assert.throws(() => resolution.size, { code: 'CLOSED' })
  await assert.rejects(resolution.entities.toArray(), { code: 'CLOSED' })
  await assert.rejects(resolution.links.toArray(), { code: 'CLOSED' })
  await assert.rejects(resolution.summary(), { code: 'CLOSED' })
  assert.equal((await model.resolve(PEOPLE)).size, 2)
  await model[Symbol.asyncDispose]()
  assert.throws(() => model.toJson(), { code: 'CLOSED' })
  await assert.rejects(model.resolve(PEOPLE), { code: 'CLOSED' })
})
