import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { service } from '../dist/signup.js'

const run = promisify(execFile)
const here = path.dirname(fileURLToPath(import.meta.url))
const dist = (name) => path.join(here, '..', 'dist', name)
const sample = (name) => path.join(here, '..', '..', 'sample', name)
const out = fs.mkdtempSync(path.join(os.tmpdir(), 'cdm-examples-'))
after(() => fs.rmSync(out, { recursive: true }))
const lines = (folder, name) =>
  fs.readFileSync(path.join(folder, name), 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line))

/** The batch over a stream on its standard input. */
function batch(args, input) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [dist('batch.js'), ...args], { stdio: ['pipe', 'pipe', 'pipe'] })
    let [told, failed] = ['', '']
    child.stdout.on('data', (text) => (told += text))
    child.stderr.on('data', (text) => (failed += text))
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, told, failed }))
    fs.createReadStream(input).pipe(child.stdin)
  })
}

before(async () => {
  const { code, told, failed } = await batch(['--out', out, '--region', 'GB'], sample('crm.csv'))
  assert.equal(code, 0, failed)
  assert.match(told, /^1417 records make \d+ entities, \d+ of one record\nlook at: records: 2 of 1,419 rows rejected: /)
})

test('the batch writes what it found', async () => {
  const golden = lines(out, 'golden.jsonl')
  const entities = lines(out, 'entities.jsonl')
  assert.equal(entities.length, 1419)
  assert.equal(new Set(golden.map((row) => row.entityId)).size, golden.length)
  assert.equal(golden.reduce((sum, row) => sum + row.records, 0), 1417)
})

test('the batch does it again by what it learned', async () => {
  const again = path.join(out, 'again')
  const { stdout } = await run(process.execPath, [
    dist('batch.js'), '--out', again, '--model', path.join(out, 'model.json'), `records=${sample('crm.csv')}`,
  ])
  assert.match(stdout, /^1417 records/)
  assert.deepEqual(lines(again, 'golden.jsonl'), lines(out, 'golden.jsonl'))
})

test('the batch says what is wrong', async () => {
  const failure = await run(process.execPath, [dist('batch.js'), '--out', out, '/no/such/file.csv']).catch((error) => error)
  assert.equal(failure.code, 1)
  assert.match(failure.stderr, /cannot read "\/no\/such\/file.csv"/)
})

test('the service knows who was there, slips of the pen and all', async () => {
  const app = await service(out)
  const signUp = async (payload) => (await app.inject({ method: 'POST', url: '/sign-ups', payload })).json()
  const golden = lines(out, 'golden.jsonl')
  const known = golden.filter((row) => row.email?.length && row.date_of_birth && row.given_name && row.family_name).slice(0, 50)
  assert.equal(known.length, 50)
  let found = 0
  for (const { entityId, given_name, family_name, email, date_of_birth } of known) {
    const answer = await signUp({ given_name, family_name: `${family_name}e`, email: [email].flat()[0], date_of_birth })
    found += answer.status === 'known' && answer.customer === entityId
  }
  assert.ok(found >= 45, `${found} of 50`)
  await app.close()
})

test('a newcomer is new once, whoever restarts the service', async () => {
  const payload = { given_name: 'Wolfgang', family_name: 'Wolpertinger', email: 'w.wolpertinger@kestrel.example', date_of_birth: '1971-03-04' }
  const app = await service(out)
  const first = await app.inject({ method: 'POST', url: '/sign-ups', payload })
  assert.deepEqual([first.statusCode, first.json().status, first.json().customer], [201, 'new', null])
  for (const wrong of [{}, { emial: 'x' }, { email: 5 }, [], 'x']) {
    const { statusCode } = await app.inject({ method: 'POST', url: '/sign-ups', payload: wrong })
    assert.ok(statusCode >= 400 && statusCode < 500, JSON.stringify(wrong))
  }
  await app.close()
  const again = await service(out)
  const second = await again.inject({ method: 'POST', url: '/sign-ups', payload: { ...payload, email: ' W.WOLPERTINGER@kestrel.example ' } })
  assert.deepEqual([second.statusCode, second.json().status, second.json().entity], [200, 'known', first.json().entity])
  await again.close()
})

test('the service listens', async () => {
  const child = spawn(process.execPath, [dist('signup.js'), '--data', out, '--port', '0'])
  const address = await new Promise((resolve) => child.stdout.once('data', (text) => resolve(String(text).trim())))
  const answer = await (await fetch(address)).json()
  assert.ok(answer.records > 900 && answer.fields.includes('email'))
  child.kill('SIGTERM')
  assert.equal(await new Promise((resolve) => child.once('exit', resolve)), 0)
})
