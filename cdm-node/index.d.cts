/** The version of the package, which is the core's. */
export declare const version: string

/**
 * What went wrong, where, and what was wanted instead.
 *
 * `code` is a stable name such as `"UNKNOWN_CHOICE"`: the same in Rust, Python and Node, and it does
 * not change when the message does. A message never holds a person's data.
 */
export declare class CdmError extends Error {
  constructor(message: string, code: string, options?: { cause?: unknown })
  readonly code: string
}

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

/** Raw values into canonical ones: cleaned, validated, taken apart, with every doubt recorded. */
export declare const normalize: Readonly<{
  /** Normalise a value of any kind. */
  value(kind: Kind, value: string, options?: Context | null): Normalized
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
}>
