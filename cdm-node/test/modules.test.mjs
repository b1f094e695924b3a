// The package as others install it: from a project of ES modules, of CommonJS, and of TypeScript of each.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { promisify } from 'node:util'

import helpers from './vectors.cjs'

const run = promisify(execFile)
const require = createRequire(import.meta.url)
const tsc = path.join(path.dirname(require.resolve('typescript/package.json')), 'bin', 'tsc')
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'cdm-modules-'))
after(() => fs.rmSync(folder, { recursive: true }))
fs.mkdirSync(path.join(folder, 'node_modules'))
fs.symlinkSync(path.join(helpers.repository, 'cdm-node'), path.join(folder, 'node_modules', 'cdm'))

const write = (name, text) => fs.writeFileSync(path.join(folder, name), text)
const node = async (name) => (await run(process.execPath, [path.join(folder, name)], { cwd: folder })).stdout.trim()

const USE = `
const resolution = await resolve([{ id: 1, email: 'a@b.example' }, { id: 2, email: 'A@b.example' }], {
  plan: { version: 1, name: 'p', fields: [{ name: 'email', kind: 'email' }],
    rules: [{ name: 'e-mail', decision: 'match', same: ['email'] }] },
})
console.log(resolution.size, typeof CdmError, version)
`

test('a project of ES modules', async () => {
  write('main.mjs', `import cdm, { CdmError, resolve, version } from 'cdm'\n${USE}\nif (cdm.resolve !== resolve) throw new Error()\n`)
  assert.match(await node('main.mjs'), /^1 function \d+\.\d+\.\d+$/)
})

test('a project of CommonJS', async () => {
  write('main.cjs', `const { CdmError, resolve, version } = require('cdm')\n;(async () => {${USE}})()\n`)
  assert.match(await node('main.cjs'), /^1 function \d+\.\d+\.\d+$/)
})

test('a project of TypeScript, in both module systems and by every resolution', async () => {
  const typed = 'const size: number = resolution.size\nexport { size }\n'
  write('esm.mts', `import cdm, { CdmError, resolve, version, type GoldenRecord } from 'cdm'\n${USE}\n${typed}
export const golden: GoldenRecord[] = await resolution.goldenRecords.toArray()
export const same: typeof cdm.resolve = resolve\n`)
  write('common.cts', `import cdm = require('cdm')\nimport { CdmError, resolve, version } from 'cdm'
export const main = async (): Promise<void> => {${USE}}\nexport const same: typeof cdm.resolve = resolve\n`)
  const options = ['--strict', '--target', 'es2022', '--outDir', 'out']
  const compile = (...more) => run(process.execPath, [tsc, ...options, ...more], { cwd: folder })
  await compile('--module', 'node16', 'esm.mts', 'common.cts')
  assert.match(await node('out/esm.mjs'), /^1 function/)
  await compile('--module', 'esnext', '--moduleResolution', 'bundler', '--noEmit', 'esm.mts')
})

test('the types say `any` nowhere', () => {
  const dist = path.join(helpers.repository, 'cdm-node', 'dist')
  for (const file of fs.readdirSync(dist).filter((name) => name.endsWith('.d.cts'))) {
    const text = fs.readFileSync(path.join(dist, file), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')
    assert.doesNotMatch(text, /\bany\b/, file)
  }
})

/** What the snippets of a README print, each pasted into a file of its own. */
async function printed(...file) {
  const text = fs.readFileSync(path.join(helpers.repository, ...file), 'utf8')
  const all = []
  for (const [, snippet] of text.matchAll(/```js\n(.*?)```/gs)) {
    write('snippet.mjs', snippet)
    all.push(await node('snippet.mjs'))
  }
  return all
}

test('the snippets of the READMEs run as pasted', async () => {
  const [snippet] = await printed('README.md')
  assert.match(snippet, /^Int32Array\(5\) \[ 0, 0, 1, 1, 2 \]\n\w+ 2 \[ 'r.smith@kestrel.example' \]\n/)
  assert.match(snippet, /matchProbability: 0\.9\d+,\n {2}rule: null/)
  assert.match(snippet, /\nrecords:17 and records:18 .*one customer.*\n\{ cause: '\w+'/)
  const own = await printed('cdm-node', 'README.md')
  assert.equal(own[0], "hello world\n[ 'placeholder' ]")
  assert.match(own[1], /"name": "people"/)
  assert.match(own[2], /^records:1 and records:2 are one customer.*\n\{ cause: 'no_rule_holds' \}\n1\n2$/)
  assert.equal(own[3], "{ source: 'crm', id: '17' } e-mail\nAnn Li")
  assert.match(own[4], /^UNKNOWN_CHOICE options\.regoin region$/)
})
