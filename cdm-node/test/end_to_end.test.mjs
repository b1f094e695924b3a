// The run from files to golden records of which every language must give the same bytes.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'

import { Model, Plan } from 'cdm'
import helpers from './vectors.cjs'

const folder = path.join(helpers.repository, 'cdm-core', 'testdata', 'end_to_end')
const text = (name) => fs.readFileSync(path.join(folder, name), 'utf8')
const data = { crm: path.join(folder, 'crm.csv'), shop: path.join(folder, 'shop.jsonl') }

/** What is expected, with the members that every row of that kind has called as in JavaScript. */
const rows = (name, own = Infinity) =>
  text(name)
    .trim()
    .split('\n')
    .map((line) => Object.fromEntries(Object.entries(JSON.parse(line)).map(([key, value], place) => [place < own ? helpers.camelCase(key) : key, value])))

test('documents are the same to the byte, rows to the last digit', async () => {
  const plan = await Plan.infer(data, { region: 'GB' })
  assert.equal(plan.toJson(), text('plan.json'))
  const model = await plan.fit(data)
  assert.equal(model.toJson(), text('model.json'))
  const resolution = await Model.fromJson(text('model.json')).resolve(data)
  const bytes = async (table) => JSON.stringify(await table.toArray())
  assert.equal(await bytes(resolution.entities), JSON.stringify(rows('entities.jsonl')))
  assert.equal(await bytes(resolution.links), JSON.stringify(rows('links.jsonl')))
  assert.equal(await bytes(resolution.goldenRecords), JSON.stringify(rows('golden_records.jsonl', 4)))
  const { linksByRule, ...summary } = await resolution.summary()
  const expected = JSON.parse(text('summary.json'))
  assert.deepEqual(linksByRule, expected.links_by_rule)
  assert.deepEqual([summary.records, summary.entities, summary.largest], [expected.records, expected.entities, expected.largest])
})
