// One pair on the spot, as in a request.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'

import { CdmError, Model, Plan } from 'cdm'
import { many } from './people.mjs'

const rows = many(400)
const plan = await Plan.infer(rows)
const model = await plan.fit(rows)
const ruled = await new Plan({
  version: 1,
  name: 'people',
  region: 'GB',
  fields: [
    { name: 'full_name', kind: 'full_name' },
    { name: 'email', kind: 'email' },
    { name: 'date_of_birth', kind: 'date' },
  ],
  rules: [
    { name: 'other birth date', decision: 'never', differ: ['date_of_birth'] },
    { name: 'e-mail', decision: 'match', same: ['email'] },
  ],
}).fit([{ email: 'a@b.example' }])

/** A row by the fields that the plan made of its columns. */
const fields = ({ id, first_name, last_name, email, born, city }) => ({
  id,
  source: 'records',
  given_name: first_name,
  family_name: last_name,
  email,
  date_of_birth: born,
  city,
})

test('what it says of a pair is what resolving goes by', async () => {
  assert.deepEqual(Object.keys(plan.fields), ['given_name', 'family_name', 'email', 'date_of_birth', 'city'])
  const links = await (await model.resolve(rows)).links.toArray()
  const byId = new Map(rows.map((row) => [row.id, fields(row)]))
  assert.ok(links.length > 100)
  for (const { leftId, rightId, matchWeight, matchProbability } of links) {
    for (const pair of [[leftId, rightId], [rightId, leftId]]) {
      const score = model.score(...pair.map((id) => byId.get(id)))
      assert.ok(Math.abs(score.matchWeight - matchWeight) < 1e-6, `${score.matchWeight} for ${matchWeight}`)
      assert.ok(Math.abs(score.matchProbability - matchProbability) < 1e-6)
      assert.equal(score.rule, null)
    }
  }
})

test('rules decide, and say which', () => {
  const one = { fullName: 'Ann Li', email: 'ann@li.example', dateOfBirth: new Date('1980-02-03') }
  assert.deepEqual(ruled.score(one, { email: 'ANN@li.example' }), {
    matchWeight: null,
    matchProbability: null,
    rule: 'e-mail',
    decision: 'match',
  })
  assert.equal(ruled.score(one, { ...one, dateOfBirth: '1990-01-01' }).decision, 'never')
  assert.equal(ruled.score(one, { email: 'bo@ek.example' }).rule, null)
  assert.equal(ruled.score(one, { email: ['bo@ek.example', null, 'ann@li.example'] }).rule, 'e-mail')
})

test('levels say what two records reach', () => {
  const [one, two] = [fields(rows[0]), { ...fields(rows[0]), id: 'x' }]
  const score = model.score(one, two, { levels: true })
  assert.ok(score.levels.length >= 4)
  for (const { comparison, level, label } of score.levels) {
    assert.equal(level, 0, comparison)
    assert.equal(typeof label, 'string')
  }
  assert.equal(score.matchWeight, model.score(one, two).matchWeight)
})

test('names may be written as JavaScript has them', () => {
  const snake = { full_name: 'Ann Li', email: 'ann@li.example' }
  assert.deepEqual(ruled.score(snake, { email: 'ann@li.example' }), ruled.score({ fullName: 'Ann Li', email: 'ann@li.example' }, { email: 'ann@li.example' }))
})

test('a slip is an error, not a value that is missing', () => {
  for (const [left, details] of [
    [{ emial: 'x' }, { code: 'UNKNOWN_FIELD', field: 'emial', suggestion: 'email' }],
    [{ email: { address: 'x' } }, { code: 'INVALID_DOCUMENT', path: 'email' }],
    [{ email: Array.from({ length: 300 }, (_, n) => `m${n}@li.example`) }, { code: 'TOO_MANY_VALUES', field: 'email' }],
    [{ get email() { throw new RangeError('x') } }, { code: 'MALFORMED_INPUT' }],
  ]) {
    assert.throws(() => ruled.score(left, {}), (error) => {
      assert.ok(error instanceof CdmError, `${error?.stack}`)
      for (const [name, detail] of Object.entries(details)) assert.equal(error[name], detail, `${name} of ${error}`)
      return true
    })
  }
  for (const wrong of [undefined, null, 5, 'x', [1]]) {
    assert.throws(() => ruled.score(wrong, {}), TypeError)
    assert.throws(() => ruled.score({}, wrong), TypeError)
  }
  assert.throws(() => ruled.score({}, {}, { level: true }), { code: 'UNKNOWN_CHOICE', suggestion: 'levels' })
})

test('whatever a value is, there is an answer', () => {
  const odd = ['', '\0', '\ud800', 'x'.repeat(100_000), NaN, Infinity, -0, 10n ** 30n, true, null, undefined, [], [[]].flat(), new Date(NaN), new Set(['a']), Buffer.from('a')]
  for (const value of odd) {
    const score = ruled.score({ email: value, full_name: value, date_of_birth: value }, { email: value })
    assert.ok('matchWeight' in score)
  }
})

test('memory stays flat', () => {
  const records = rows.map(fields)
  const score = (from, to) => {
    for (let at = from; at < to; at += 1) {
      // Half of the records were never seen before.
      const left = { ...records[at % 400], email: at % 2 ? `m${at}@mail.example` : records[at % 400].email }
      model.score(left, records[(at * 7) % 400])
    }
  }
  score(0, 60_000)
  const before = process.memoryUsage().rss
  score(60_000, 160_000)
  const grown = (process.memoryUsage().rss - before) / 2 ** 20
  assert.ok(grown < 30, `${grown} MiB more`)
})

test('eight workers give the same answers', async () => {
  const script = `
    const { parentPort, workerData } = require('node:worker_threads')
    const { Model } = require('cdm')
    const model = Model.fromJson(workerData.model)
    const answers = []
    for (const left of workerData.records) for (const right of workerData.records) answers.push(model.score(left, right).matchWeight)
    parentPort.postMessage(answers)`
  const records = rows.slice(0, 40).map(fields)
  const workerData = { model: model.toJson(), records }
  const answers = await Promise.all(
    Array.from({ length: 8 }, () => new Promise((resolve, reject) => {
      const worker = new Worker(script, { eval: true, workerData })
      worker.once('message', resolve)
      worker.once('error', reject)
    })),
  )
  const here = Model.fromJson(model.toJson())
  const expected = records.flatMap((left) => records.map((right) => here.score(left, right).matchWeight))
  for (const answer of answers) assert.deepEqual(answer, expected)
})

test('a model that is closed scores nothing', () => {
  const closed = Model.fromJson(ruled.toJson())
  closed.score({}, {})
  closed.close()
  assert.throws(() => closed.score({}, {}), { code: 'CLOSED' })
})
