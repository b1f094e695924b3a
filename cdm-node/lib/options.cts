import { CdmError, wrongType } from './errors.cjs'
import native = require('../native.js')

/** Check that options are an object of known names; what is null or undefined counts as left out. */
export function known<T extends object>(options: T | null | undefined, names: readonly string[]): Partial<T> {
  if (options === undefined || options === null) return {}
  if (typeof options !== 'object' || Array.isArray(options)) throw wrongType('options', 'an object', options)
  const given = Object.entries(options).filter(([, option]) => option !== undefined && option !== null)
  for (const [name] of given) {
    if (!names.includes(name)) throw unknown('option', name, names, `options.${name}`)
  }
  return Object.fromEntries(given) as Partial<T>
}

/** That there is no such thing, and which is nearest. */
export function unknown(what: string, word: string, names: readonly string[], path?: string): CdmError {
  const suggestion = native.nearest(word, [...names]) ?? undefined
  const meant = suggestion === undefined ? '' : `, did you mean "${suggestion}"?`
  const message = `there is no ${what} "${word}": wanted one of ${names.join(', ')}${meant}`
  return new CdmError(message, 'UNKNOWN_CHOICE', { path, suggestion })
}

/** An option that is text, where it is given. */
export function text(name: string, option: unknown): string | undefined {
  if (option === undefined || typeof option === 'string') return option
  throw wrongType(`options.${name}`, 'a string', option)
}

/** `dateOrder` as `date_order`. */
export const snakeCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/** `date_order` as `dateOrder`. */
export const camelCase = (name: string): string =>
  name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())

/** A flag, where it is given. */
export function flag(name: string, option: unknown): boolean | undefined {
  if (option === undefined || typeof option === 'boolean') return option
  throw wrongType(`options.${name}`, 'true or false', option)
}

/** A whole number of at least 0. */
export function count(name: string, value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  throw wrongType(name, 'a whole number of at least 0', value)
}

/** A number as the core takes it: more than 32 bits hold nobody asks for. */
export function most(name: string, value: unknown): number {
  return Math.min(count(name, value), 0xffff_ffff)
}

/** Members whose own members, where they are no list, are names from the data, which stay as they are. */
const BY_NAME = new Set(['sources', 'date_orders', 'fields'])

/** A document of the core with the names that JavaScript gives its members. */
export function camelKeys(document: unknown): unknown {
  if (Array.isArray(document)) return document.map(camelKeys)
  if (typeof document !== 'object' || document === null) return document
  const members = Object.entries(document).map(([name, member]) => {
    if (!BY_NAME.has(name) || typeof member !== 'object' || member === null || Array.isArray(member)) {
      return [camelCase(name), camelKeys(member)]
    }
    const named = Object.entries(member).map(([key, value]) => [key, camelKeys(value)])
    return [camelCase(name), Object.fromEntries(named)]
  })
  return Object.fromEntries(members)
}

/** A document without names from the data, as the core has it. */
export function snakeKeys(document: unknown): unknown {
  if (Array.isArray(document)) return document.map(snakeKeys)
  if (typeof document !== 'object' || document === null) return document
  return Object.fromEntries(Object.entries(document).map(([name, member]) => [snakeCase(name), snakeKeys(member)]))
}
