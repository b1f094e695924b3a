// Whatever comes in: an answer, a counted rejection or a clear error; never a crash of the process.
import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { Readable } from 'node:stream'
import { after, test } from 'node:test'

import { CdmError, Plan } from 'cdm'

const PLAN = new Plan({
  version: 1,
  name: 'hostile',
  fields: [
    { name: 'name', kind: 'full_name' },
    { name: 'email', kind: 'email' },
    { name: 'phone', kind: 'phone' },
    { name: 'born', kind: 'date' },
  ],
  rules: [{ name: 'e-mail', decision: 'match', same: ['email'] }],
})
const GOOD = { id: 1, name: 'Ann Li', email: 'ann@li.example', phone: '020 7946 0018', born: '1980-02-03' }
const LONE = 'Ann \ud800 Li'
const LONG = 'x'.repeat(1_000_000)
const CIRCLE = {}
CIRCLE.name = CIRCLE
let DEEP = { name: 'x' }
for (let depth = 0; depth < 5000; depth += 1) DEEP = { name: DEEP }
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'cdm-hostile-'))
after(() => fs.rmSync(folder, { recursive: true }))

class Decimal {
  #digits
  constructor(digits) {
    this.#digits = digits
  }
  toString() {
    return this.#digits
  }
}
class Customer {
  id = 1
  email = 'ann@li.example'
  get domain() {
    return 'li.example'
  }
}
class Rows {
  *[Symbol.iterator]() {
    yield GOOD
  }
}
const bare = Object.assign(Object.create(null), GOOD)
const file = (name, bytes) => {
  const where = path.join(folder, name)
  fs.writeFileSync(where, bytes)
  return where
}
const email = (...values) => values.map((value, id) => ({ id, email: value }))
async function* slowly(...items) {
  for (const item of items) {
    await null
    yield item
  }
}
const bytes = (text) => new TextEncoder().encode(text)

// What is read, and how many records of it are accepted.
const ACCEPTED = {
  'one row': [[GOOD], 1],
  'one column': [[{ email: 'ann@li.example' }], 1],
  'no column that is known': [[{ colour: 'red' }], 1],
  'all of it null': [[{ id: 1, email: null }], 1],
  'null in every way': [email(null, undefined, NaN, '', new Date(NaN)), 5],
  'rows with different members': [[{ id: 1 }, { id: 2, email: 'a@b.example' }, { id: 3, x: 1 }], 3],
  'a million letters': [[{ id: 1, email: LONG }], 1],
  'a million letters as an id': [[{ id: LONG, email: 'ann@li.example' }], 1],
  'a million letters as a key': [[{ id: 1, [LONG]: 'x' }], 1],
  'a lone surrogate': [[{ id: 1, name: LONE }], 1],
  'a lone surrogate as a key': [[{ id: 1, '\ud800': 'x' }], 1],
  'a lone surrogate as an id': [[{ id: '\udfff', email: 'a@b.example' }], 1],
  'text that looks like a lone surrogate': [[{ id: 1, name: '\\ud800' }], 1],
  'surrogates that belong together': [[{ id: 1, name: '\ud83d\ude42' }], 1],
  NUL: [[{ id: 1, name: 'Ann\0Li', email: '\0' }], 1],
  'right-to-left marks': [[{ id: 1, name: '\u202eAnn' }], 1],
  'line separators': [[{ id: 1, name: 'Ann\u2028Li\nLo\r\n' }], 1],
  bytes: [[{ id: 1, email: Buffer.from('ann@li.example') }], 1],
  'bytes that are no text': [[{ id: 1, email: new Uint8Array([0xff, 0xfe]) }], 1],
  'an ArrayBuffer': [[{ id: 1, email: bytes('ann@li.example').buffer }], 1],
  'a DataView': [[{ id: 1, email: new DataView(new ArrayBuffer(4)) }], 1],
  'typed arrays': [[{ id: 1, phone: new Float64Array([1.5, NaN]), x: new BigInt64Array(2) }], 1],
  arrays: [[{ id: 1, email: ['ann@li.example', 'li@ann.example', null] }], 1],
  'arrays with holes': [[{ id: 1, email: [, 'ann@li.example'] }], 1],
  sets: [[{ id: 1, email: new Set(['a@li.example']), phone: new Set() }], 1],
  maps: [[{ id: 1, contact: new Map([['email', 'ann@li.example']]) }], 1],
  'maps as rows': [[new Map([['id', 1], ['email', 'ann@li.example']])], 1],
  'objects within': [[{ id: 1, contact: { email: 'ann@li.example' } }], 1],
  'arrays of objects': [[{ id: 1, emails: [{ email: 'ann@li.example' }, { email: null }] }], 1],
  'arrays of arrays': [[{ id: 1, email: [['ann@li.example']] }], 1],
  'a decimal of its own kind': [[{ id: 1, phone: new Decimal('1.50') }], 1],
  'boxed values': [[{ id: 1, email: new String('ann@li.example'), phone: new Number(5), x: new Boolean(false) }], 1],
  infinity: [[{ id: 1, phone: Infinity }], 1],
  'minus zero': [[{ id: -0, phone: -0 }], 1],
  'the largest numbers': [[{ id: Number.MAX_VALUE, phone: 2 ** 53 }, { id: 5e-324 }], 2],
  'big integers': [[{ id: 10n ** 30n, email: 'ann@li.example' }], 1],
  dates: [[{ id: 1, born: new Date('1980-02-03') }, { id: 2, born: new Date(8.64e15) }], 2],
  URLs: [[{ id: 1, email: new URL('mailto:ann@li.example') }], 1],
  symbols: [[{ id: 1, email: Symbol('x'), [Symbol('y')]: 1 }], 1],
  functions: [[{ id: 1, email: () => 'ann@li.example' }], 1],
  'a regular expression': [[{ id: 1, email: /x/ }], 1],
  'an Error': [[{ id: 1, email: new Error('x') }], 1],
  'a WeakMap': [[{ id: 1, email: new WeakMap() }], 1],
  'a Promise within': [[{ id: 1, email: Promise.resolve('x') }], 1],
  'numbers as keys': [[{ id: 1, 7: 'x' }], 1],
  'an empty key': [[{ id: 1, '': 'x' }], 1],
  '__proto__ as a key': [[JSON.parse('{"id": 1, "__proto__": {"email": "x"}}')], 1],
  'constructor as a key': [[{ id: 1, constructor: 'x', toString: 'y', hasOwnProperty: 'z' }], 1],
  'no prototype': [[bare], 1],
  'an instance of a class': [[new Customer()], 1],
  'an emitter': [[Object.assign(new EventEmitter(), GOOD)], 1],
  'a frozen row': [[Object.freeze({ ...GOOD })], 1],
  'a proxy': [[new Proxy({ ...GOOD }, {})], 1],
  'a getter': [[{ id: 1, get email() { return 'ann@li.example' } }], 1],
  'what is not enumerable': [[Object.defineProperty({ id: 1 }, 'email', { value: 'x' })], 1],
  'a toJSON of its own': [[{ toJSON: () => GOOD }], 1],
  'a member with toJSON': [[{ id: 1, email: { toJSON: () => 'ann@li.example' } }], 1],
  'booleans as ids': [[{ id: true, email: 'a@b.example' }, { id: false, email: 'c@d.example' }], 2],
  'a generator': [(function* () { for (let id = 0; id < 3; id += 1) yield { ...GOOD, id } })(), 3],
  'an async generator': [slowly(GOOD, { ...GOOD, id: 2 }), 2],
  'an iterable of its own kind': [new Rows(), 1],
  'a set of rows': [new Set([GOOD]), 1],
  'a stream of objects': [Readable.from([GOOD, { ...GOOD, id: 2 }]), 2],
  'a web stream': [new ReadableStream({ start(c) { c.enqueue(GOOD); c.close() } }), 1],
  'a stream of bytes': [Readable.from([Buffer.from('id,em'), Buffer.from('ail\n1,ann@li.example\n')]), 1],
  'a stream of text': [Readable.from(['id,em', 'ail\n1,ann@li.example\n']), 1],
  'a stream of letters': [slowly(...'id,email\n1,ä@li.example\n'), 1],
  'a stream with an empty piece': [slowly('', 'id,email\n', '', '1,x\n'), 1],
  'bytes of CSV': [bytes('id,email\n1,a@b.example\n2,c@d.example\n'), 2],
  'bytes of JSON lines': [bytes('{"id": 1, "email": "a@b.example"}\n'), 1],
  'bytes of a JSON array': [bytes('[{"id": 1}, {"id": 2}]'), 2],
  'bytes in UTF-16': [Buffer.from('\ufeffid;email\n1;a@b.example\n', 'utf16le'), 1],
  'a buffer that is shared': [[{ id: 1, x: new Uint8Array(new SharedArrayBuffer(4)) }], 1],
  'a slice of a buffer': [Buffer.from('xxid,email\n1,a@b.example\n').subarray(2), 1],
  'a file': [file('people.csv', 'id,email\n1,a@b.example\n'), 1],
  'a URL of a file': [new URL(`file://${file('more.csv', 'id,email\n1,a@b.example\n')}`), 1],
  'a file that ends in the middle': [file('cut.csv', 'id,email\n1,a@b.example\n2,"c@d'), 1],
  'ids that repeat': [[1, 1, 2].map((id) => ({ id, email: 'a@b.example' })), 2],
  'ids that are missing': [[1, null, 2].map((id) => ({ id, email: 'a@b.example' })), 2],
  'a row with nothing in it': [[GOOD, {}, { id: null }], 1],
  'rows of two hundred columns': [[Object.fromEntries(Array.from({ length: 200 }, (_, n) => [`c${n}`, n]))], 1],
  'more values than a field holds': [[{ id: 1, email: Array.from({ length: 300 }, (_, n) => `m${n}@li.example`) }], 0],
  'a long array': [[{ id: 1, email: Array(100_000).fill('x') }], 0],
  'deep, but not too deep': [[{ id: 1, a: JSON.parse('['.repeat(20) + ']'.repeat(20)) }], 1],
  'deeper than is followed': [[{ id: 1, a: JSON.parse('['.repeat(40) + '1' + ']'.repeat(40)) }], 0],
  'an array of sources': [[[GOOD], Readable.from([GOOD]), file('third.csv', 'id,email\n1,a@b.example\n')], 3],
  'an object of everything': [{ crm: [GOOD], shop: slowly(GOOD), web: bytes('id,email\n1,a\n') }, 3],
  'a source called __proto__': [JSON.parse('{"__proto__": [{"id": 1}], "crm": [{"id": 1}]}'), 2],
  'sources of odd names': [{ ' ': [GOOD], '\0': [GOOD], '🙂': [GOOD] }, 3],
}

const options = (name) => (name.startsWith('ids ') || name === 'a row with nothing in it' ? { id: 'id' } : {})

for (const [name, [data, accepted]] of Object.entries(ACCEPTED)) {
  test(`${name}: it is read and every row is accounted for`, async () => {
    const resolution = await PLAN.resolve(data, options(name))
    const reports = await resolution.reports()
    assert.equal(resolution.records, accepted)
    const sum = (count) => reports.reduce((total, report) => total + report[count], 0)
    assert.equal(sum('rowsAccepted'), accepted)
    const left = reports.filter((report) => report.format !== 'csv').reduce((total, report) => total + report.rowsBlank, 0)
    const entities = await resolution.entities.toArray()
    assert.equal(entities.length, sum('rowsRead') + left)
    assert.equal(entities.filter((row) => row.entityId !== null).length, accepted)
    const numbers = await resolution.entityNumbers()
    assert.equal(numbers.length, entities.length)
    assert.equal(numbers.filter((number) => number >= 0).length, accepted)
    assert.equal(await resolution.goldenRecords.count(), resolution.size)
    for (const table of [resolution.links, resolution.refusals, resolution.lineage, resolution.quality]) {
      assert.equal((await table.toArray()).length, await table.count())
    }
    assert.ok(Array.isArray(await resolution.warnings()))
    resolution.close()
  })
}

const throwing = { get email() { throw new RangeError('no e-mail today') } }
const revoked = Proxy.revocable({}, {})
revoked.revoke()
const CDM = (code) => (error) => error instanceof CdmError && error.code === code
const TYPE = (error) => error instanceof TypeError && error.code === 'ERR_INVALID_ARG_TYPE'
const caused = (code, Cause) => (error) => CDM(code)(error) && error.cause instanceof Cause
const failing = async function* () {
  yield GOOD
  throw new RangeError('the database went away')
}

const REFUSED = {
  nothing: [undefined, TYPE, /got undefined/],
  null: [null, TYPE, /got null/],
  'a number': [5, TYPE, /got a number/],
  'a symbol': [Symbol('x'), TYPE, /got a symbol/],
  'a function': [() => [GOOD], TYPE, /got a function/],
  'a Promise of rows': [Promise.resolve([GOOD]), TYPE, /is an await missing/],
  'a date': [new Date(), TYPE, /got a Date/],
  'an empty array': [[], CDM('EMPTY_INPUT'), /empty/],
  'an empty object': [{}, CDM('EMPTY_INPUT'), /empty/],
  'a generator of nothing': [(function* () {})(), CDM('EMPTY_INPUT'), /empty/],
  'a stream of nothing': [Readable.from([]), CDM('EMPTY_INPUT'), /empty/],
  'bytes of nothing': [new Uint8Array(), CDM('EMPTY_INPUT'), /empty/],
  'an array of texts that are no files': [['a', 'b'], CDM('READ_FILE'), /cannot read/],
  'an array of numbers': [[1, 2], TYPE, /array of number/],
  'an array of null': [[null], TYPE, /got an array of null/],
  'rows and numbers': [[GOOD, 5], TYPE, /row 1 of source "records": wanted an object, got a number/],
  'rows and arrays': [[GOOD, [1]], TYPE, /row 1/],
  'a generator of numbers': [[1][Symbol.iterator](), TYPE, /row 0/],
  'a stream of numbers': [Readable.from([1]), TYPE, /row 0/],
  'a stream of rows and bytes': [slowly(GOOD, bytes('x')), TYPE, /as before/],
  'a stream of bytes and rows': [slowly(bytes('x'), GOOD), TYPE, /as before/],
  'an object of columns': [{ id: [1, 2], email: ['a', 'b'] }, TYPE, /source "id"/],
  'an object of numbers': [{ crm: 5 }, TYPE, /source "crm".*got a number/],
  'a row alone': [{ id: 1, email: 'ann@li.example' }, TYPE, /source "id"/],
  'a source without a name': [{ '': [GOOD] }, CDM('INVALID_DOCUMENT'), /no name/],
  'a circle': [[CIRCLE], CDM('MALFORMED_INPUT'), /levels deep|cannot be read/],
  'a hole without ground': [[DEEP], CDM('MALFORMED_INPUT'), /levels deep|cannot be read/],
  'a path that is none': ['/no/such/file.csv', CDM('READ_FILE'), /cannot read/],
  'an empty path': ['', CDM('READ_FILE'), /cannot read/],
  'a path with NUL': ['a\0.csv', CDM('READ_FILE'), /cannot read/],
  'a folder': ['/', CDM('READ_FILE'), /cannot read/],
  'a URL of the web': [new URL('https://example.org/people.csv'), caused('READ_FILE', Error), /file:/],
  'a stream that fails': [failing(), caused('MALFORMED_INPUT', RangeError), /its stream failed/],
  'a stream that is destroyed': [new Readable({ objectMode: true, read() { this.destroy(new RangeError('gone')) } }), caused('MALFORMED_INPUT', RangeError), /failed/],
  'a row that throws': [[throwing], caused('MALFORMED_INPUT', RangeError), /row 0 of source "records"/],
  'a toJSON that throws': [[{ toJSON() { throw new RangeError('x') } }], caused('MALFORMED_INPUT', RangeError), /row 0/],
  'a proxy that was revoked': [[revoked.proxy], (error) => error instanceof Error, /./],
  'a text without text': [[{ email: Object.create({ toString() { throw new RangeError('x') } }) }], caused('MALFORMED_INPUT', RangeError), /row 0/],
  'damaged Arrow': [Buffer.concat([Buffer.from([255, 255, 255, 255]), Buffer.alloc(99, 7)]), CDM('MALFORMED_INPUT'), /Arrow/],
  'an Arrow file cut short': [Buffer.from('ARROW1\0\0'), CDM('MALFORMED_INPUT'), /Arrow/],
  'damaged Parquet': [Buffer.from('PAR1xxxxxxxxPAR1'), CDM('MALFORMED_INPUT'), /Parquet/],
  'bytes that are no text at all': [Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0]), CDM('MALFORMED_INPUT'), /./],
}

for (const [name, [data, kind, message]] of Object.entries(REFUSED)) {
  test(`${name}: it is refused with what was wanted`, async () => {
    await assert.rejects(PLAN.resolve(data), (error) => {
      assert.ok(kind(error), `${error?.stack}`)
      assert.match(error.message, message)
      return true
    })
  })
}

test('there are a hundred', () => {
  assert.ok(Object.keys(ACCEPTED).length + Object.keys(REFUSED).length >= 100)
})

test('lone surrogates are counted', async () => {
  const resolution = await PLAN.resolve([{ id: 1, name: LONE }])
  const [warning] = (await resolution.warnings()).filter((warning) => warning.includes('surrogates'))
  assert.match(warning, /^records: 1 values/)
})

test('no person is in a message', async () => {
  const secret = 'wolpertinger'
  const hidden = { get email() { throw new RangeError('x') }, name: secret }
  for (const data of [[[secret]], { crm: { a: secret } }, [hidden], [secret, 5], [5, secret], [{ id: 1 }, secret]]) {
    await assert.rejects(PLAN.resolve(data), (error) => error.code === 'READ_FILE' || !error.message.includes(secret))
  }
})

test('many ways to say the same give the same', async () => {
  const values = ['ann@li.example', null, 'li@ann.example']
  const rows = email(...values)
  const ways = [
    rows,
    rows.map((row) => (row.email === null ? { id: row.id } : row)),
    rows.map((row) => ({ ...row, email: row.email === null ? [] : [row.email] })),
    rows.map((row) => ({ ...row, email: row.email && Buffer.from(row.email) })),
    rows.map((row) => new Map(Object.entries(row))),
    rows.values(),
    Readable.from(rows),
    slowly(...rows),
    bytes(rows.map((row) => JSON.stringify(row)).join('\n')),
    bytes(JSON.stringify(rows)),
    slowly(...rows.map((row) => `${JSON.stringify(row)}\n`)),
  ]
  const golden = []
  for (const way of ways) golden.push(await (await PLAN.resolve(way, { id: 'id' })).goldenRecords.toArray())
  for (const other of golden) assert.deepEqual(other, golden[0])
})
