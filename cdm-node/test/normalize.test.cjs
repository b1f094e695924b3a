'use strict'

const assert = require('node:assert/strict')
const { test } = require('node:test')

const { CdmError, normalize } = require('cdm')
const native = require('../native.js')
const { camelCase, camelKeys, vectors } = require('./vectors.cjs')

test('every vector holds in CommonJS', () => {
  assert.ok(vectors.length > 0)
  for (const [name, vector] of vectors) {
    const options = camelKeys(vector.context)
    const answer = normalize[camelCase(name)](vector.input, options)
    assert.deepEqual(answer, vector.expected, `${name}: ${vector.name}`)
    if (native.kinds().includes(name)) {
      assert.deepEqual(normalize.value(name, vector.input, options), answer)
    }
  }
})

test('there is a function for each kind', () => {
  const functions = native.kinds().map(camelCase)
  assert.deepEqual(Object.keys(normalize).sort(), [...functions, 'value', 'values', 'nicknameClasses', 'phoneticCodes'].sort())
})

test('forms keep the order of the core', () => {
  assert.equal(native.normalizeJson('text', 'b  A'), JSON.stringify(normalize.text('b  A')))
})

test('any text is answered', () => {
  const texts = ['', '\0', '\u202e', 'e\u0301'.repeat(40_000), '🙂', '\ud800', '\ufeff\u200b', '"'.repeat(99), '\r\n']
  for (const kind of native.kinds()) {
    for (const raw of texts) {
      const { status, forms, issues } = normalize.value(kind, raw)
      assert.ok(['valid', 'doubtful', 'unusable', 'missing'].includes(status))
      assert.equal('canonical' in forms, status === 'valid' || status === 'doubtful')
      assert.ok(issues.every((issue) => native.issues().includes(issue)))
    }
  }
})

test('what is not a string is a TypeError without the value in it', () => {
  for (const call of [normalize.phone, normalize.nicknameClasses, normalize.phoneticCodes]) {
    for (const wrong of [5551234, null, undefined, { toString: () => '5551234' }]) {
      assert.throws(
        () => call(wrong),
        (error) => error instanceof TypeError && error.code === 'ERR_INVALID_ARG_TYPE' && !error.message.includes('5551234'),
      )
    }
  }
})

test('an unknown kind is answered with the nearest', () => {
  assert.throws(
    () => normalize.value('emial', 'a@example.org'),
    (error) => error instanceof CdmError && error.code === 'UNKNOWN_CHOICE' && /did you mean "email"/.test(error.message),
  )
})

test('a wrong option is named', () => {
  const wrong = [
    [{ region: 'de' }, 'region'],
    [{ region: 49 }, 'region'],
    [{ dateOrder: 'year_first' }, 'date_order'],
    [{ latestTwoDigitYear: -1 }, 'latest_two_digit_year'],
    [{ dateOder: 'day_first' }, 'date_oder'],
  ]
  for (const [options, where] of wrong) {
    assert.throws(
      () => normalize.date('03/04/2001', options),
      (error) =>
        error instanceof CdmError && error.code === 'INVALID_DOCUMENT' && error.message.startsWith(`context at ${where}: `),
      JSON.stringify(options),
    )
  }
})

test('an option that is null or undefined counts as left out', () => {
  const plain = normalize.date('03/04/2001')
  for (const options of [undefined, null, {}, { region: null, dateOrder: undefined, latestTwoDigitYear: null }]) {
    assert.deepEqual(normalize.date('03/04/2001', options), plain)
  }
})
