import assert from 'node:assert/strict'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { test } from 'node:test'

import * as module from 'cdm'
import cdm, { CdmError, version } from 'cdm'
import helpers from './vectors.cjs'

const require = createRequire(import.meta.url)
const read = (...parts) => fs.readFileSync(path.join(helpers.repository, ...parts), 'utf8')

test('both module systems get one and the same', () => {
  const common = require('cdm')
  assert.equal(cdm, common)
  const { default: _, ...named } = module
  assert.deepEqual(named, { ...common })
})

test('the version is the crate\'s', () => {
  const [, crate] = /^version = "(.*)"$/m.exec(read('Cargo.toml'))
  assert.equal(version, crate)
  assert.equal(JSON.parse(read('cdm-node', 'package.json')).version, crate)
})

test('an error says what it is', () => {
  const error = new CdmError('what was wanted', 'CODE')
  assert.ok(error instanceof Error)
  assert.equal(String(error), 'CdmError: what was wanted')
  assert.equal(error.code, 'CODE')
})

test('the types name every form of the core', () => {
  const [, body] = /^export interface Forms \{\n(.*?)\n\}/ms.exec(read('cdm-node', 'lib', 'normalize.cts'))
  const named = [...body.matchAll(/^ {2}(\w+)\?:/gm)].map(([, name]) => name)
  assert.deepEqual(named, require('../native.js').forms(), 'Forms in lib/normalize.cts lists what Form::ALL lists')
})
