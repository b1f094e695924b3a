import assert from 'node:assert/strict'
import { test } from 'node:test'

import { normalize } from 'cdm'
import helpers from './vectors.cjs'

const { camelCase, camelKeys, vectors } = helpers

test('every vector holds in a module', () => {
  assert.ok(vectors.length > 0)
  for (const [name, vector] of vectors) {
    const answer = normalize[camelCase(name)](vector.input, camelKeys(vector.context))
    assert.deepEqual(answer, vector.expected, `${name}: ${vector.name}`)
  }
})
