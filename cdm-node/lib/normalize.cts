import { answer, call, wrongType } from './errors.cjs'
import { camelCase, snakeCase } from './options.cjs'
import { WORK_OPTIONS, type WorkOptions, work } from './work.cjs'
import native = require('../native.js')

/** What the values of a field are. */
export type Kind =
  | 'given_name'
  | 'family_name'
  | 'full_name'
  | 'organisation'
  | 'email'
  | 'phone'
  | 'address'
  | 'street'
  | 'city'
  | 'region'
  | 'postcode'
  | 'country'
  | 'date'
  | 'identifier'
  | 'url'
  | 'category'
  | 'text'
  | 'number'
  | 'geo'

/** Whether a value can be used (`valid`, `doubtful`) and how far it can be trusted. */
export type Status = 'valid' | 'doubtful' | 'unusable' | 'missing'

/**
 * The forms of a normalised value; which there are depends on the kind and the value.
 *
 * A usable value always has `canonical`, which is compared for equality.
 */
export interface Forms {
  canonical?: string
  display?: string
  ascii?: string
  prefix?: string
  given?: string
  middle?: string
  family?: string
  suffix?: string
  alias?: string[]
  core?: string
  base?: string
  legal_form?: string
  local?: string
  domain?: string
  deliverable?: string
  national?: string
  extension?: string
  type?: string
  unit?: string
  house_number?: string
  street?: string
  po_box?: string
  postcode?: string
  city?: string
  region?: string
  country?: string
  path?: string
  latitude?: string
  longitude?: string
  script?: string
}

/** A value as its normaliser left it: how usable it is, its forms, and what was noticed. */
export interface Normalized {
  status: Status
  forms: Forms
  issues: string[]
}

/** What a normaliser may know beside the value itself. */
export interface Context {
  /** ISO 3166-1 alpha-2 region, in upper case, of values that do not name their own. */
  region?: string | null
  /**
   * How to read a date such as 03/04/2001; where left out, such a date is read month first in region
   * US, else day first, and flagged.
   */
  dateOrder?: 'day_first' | 'month_first' | null
  /** A two-digit year is read as the latest year not after this one: with 2029, the default, `30` is 1930. */
  latestTwoDigitYear?: number | null
}

/**
 * A function that normalises the values of one kind. Total: any string is answered.
 *
 * Throws a `CdmError` for an option that there is not, and a `TypeError` for a value that is no string.
 */
export type Normalizer = (value: string, options?: Context | null) => Normalized

/** The normalisers, one for each kind. */
export interface Normalizers {
  /** Normalise a value of any kind. */
  value(kind: Kind, value: string, options?: Context | null): Normalized
  /** Normalise many values of one kind, off the event loop: an answer for each, in order; null is `missing`. */
  values(
    kind: Kind,
    values: Iterable<string | null | undefined>,
    options?: (Context & WorkOptions) | null,
  ): Promise<Normalized[]>
  /** The classes of first names that `name` belongs to, sorted: names that share one may be one person's. */
  nicknameClasses(name: string): string[]
  /** The Double Metaphone codes of `name`, primary first. */
  phoneticCodes(name: string): string[]
  /** The first and middle names of a person. */
  givenName: Normalizer
  /** The surname of a person. */
  familyName: Normalizer
  /** A person's whole name, in either order. */
  fullName: Normalizer
  /** The name of a company, school or other body. */
  organisation: Normalizer
  /** An e-mail address. */
  email: Normalizer
  /** A telephone number. */
  phone: Normalizer
  /** A whole postal address on one line. */
  address: Normalizer
  /** The street, house number and unit of an address. */
  street: Normalizer
  /** A town or city. */
  city: Normalizer
  /** A state, province, county or Land. */
  region: Normalizer
  /** A postal code. */
  postcode: Normalizer
  /** A country, by name or code. */
  country: Normalizer
  /** A calendar date, which may be partial. */
  date: Normalizer
  /** A number or code that names one person or thing. */
  identifier: Normalizer
  /** A web address. */
  url: Normalizer
  /** One of few values, such as a gender or a consent. */
  category: Normalizer
  /** Free text. */
  text: Normalizer
  /** A quantity. */
  number: Normalizer
  /** A latitude and longitude. */
  geo: Normalizer
}

// Checked here and not by the core's glue, whose message would quote the value.
function string(value: unknown, name: string): string {
  if (typeof value === 'string') return value
  throw wrongType(name, 'a string', value)
}

/** The core's context as JSON; options that are null or undefined count as left out. */
function contextJson(options: object | null | undefined): string | undefined {
  if (options === undefined || options === null) return undefined
  const given = Object.entries(options).filter(([, option]) => option !== undefined && option !== null)
  return JSON.stringify(Object.fromEntries(given.map(([name, option]) => [snakeCase(name), option])))
}

function value(kind: Kind, raw: string, options?: Context | null): Normalized {
  const [name, text] = [string(kind, 'kind'), string(raw, 'value')]
  return JSON.parse(call(() => native.normalizeJson(name, text, contextJson(options)))) as Normalized
}

/** How many values cross the border at once: a moment's work for the event loop. */
const VALUES_AT_ONCE = 2000

async function values(
  kind: Kind,
  raw: Iterable<string | null | undefined>,
  options?: (Context & WorkOptions) | null,
): Promise<Normalized[]> {
  string(kind, 'kind')
  if (typeof raw === 'string' || typeof (raw as Partial<Iterable<unknown>> | null)?.[Symbol.iterator] !== 'function') {
    throw wrongType('values', 'an array of strings', raw)
  }
  const entries = Object.entries(options ?? {})
  const isOfWork = ([name]: [string, unknown]): boolean => (WORK_OPTIONS as readonly string[]).includes(name)
  const context = contextJson(Object.fromEntries(entries.filter((entry) => !isOfWork(entry))))
  return work(Object.fromEntries(entries.filter(isOfWork)), async (piece) => {
    const answers: Normalized[] = []
    let batch: (string | null)[] = []
    const send = async (): Promise<void> => {
      const json = JSON.stringify(batch)
      batch = []
      const answered = await answer(() => native.normalizeManyJson(piece.job, kind, json, context))
      for (const one of JSON.parse(answered) as Normalized[]) answers.push(one)
    }
    let place = 0
    for (const one of raw) {
      batch.push(one === null || one === undefined ? null : string(one, `values[${place}]`).toWellFormed())
      place += 1
      if (batch.length === VALUES_AT_ONCE) {
        await send()
        if (piece.isDue) await piece.breathe()
      }
    }
    // An empty array too is asked, so that a kind or an option that there is not is told.
    if (batch.length > 0 || place === 0) await send()
    return answers
  })
}

/** Raw values into canonical ones: cleaned, validated, taken apart, with every doubt recorded. */
export const normalize: Readonly<Normalizers> = Object.freeze({
  value,
  values,
  nicknameClasses: (name: string) => call(() => native.nicknameClasses(string(name, 'name'))),
  phoneticCodes: (name: string) => call(() => native.phoneticCodes(string(name, 'name'))),
  ...Object.fromEntries(
    native.kinds().map((kind) => [camelCase(kind), (raw: string, options?: Context | null) => value(kind as Kind, raw, options)]),
  ),
} as Normalizers)
