'use strict'

const native = require('./native.js')

/** What went wrong, where, and what was wanted instead; `code` is stable, the message is not. */
class CdmError extends Error {
  constructor(message, code, options) {
    super(message, options)
    this.code = code
  }
}
Object.defineProperty(CdmError.prototype, 'name', { value: 'CdmError', configurable: true, writable: true })

function call(core, ...args) {
  try {
    return core(...args)
  } catch (error) {
    throw new CdmError(error.message, error.code, { cause: error })
  }
}

// Checked here and not by the core's glue, whose message would quote the value.
function text(value, name) {
  if (typeof value === 'string') return value
  const error = new TypeError(`${name}: wanted a string, got ${value === null ? 'null' : typeof value}`)
  error.code = 'ERR_INVALID_ARG_TYPE'
  throw error
}

const snakeCase = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
const camelCase = (name) => name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase())

/** The core's context as JSON; options that are null or undefined count as left out. */
function contextJson(options) {
  if (options === undefined || options === null) return undefined
  const given = Object.entries(options).filter(([, option]) => option !== undefined && option !== null)
  return JSON.stringify(Object.fromEntries(given.map(([name, option]) => [snakeCase(name), option])))
}

function value(kind, raw, options) {
  return JSON.parse(call(native.normalizeJson, text(kind, 'kind'), text(raw, 'value'), contextJson(options)))
}

const normalize = {
  value,
  nicknameClasses: (name) => call(native.nicknameClasses, text(name, 'name')),
  phoneticCodes: (name) => call(native.phoneticCodes, text(name, 'name')),
}
for (const kind of native.kinds()) {
  normalize[camelCase(kind)] = (raw, options) => value(kind, raw, options)
}

module.exports = { CdmError, normalize: Object.freeze(normalize), version: native.VERSION }
