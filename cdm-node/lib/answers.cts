import type * as native from '../native.js'
import type { Answer, Chart, Explanation } from './explanations.cjs'
import { camelKeys } from './options.cjs'

/** A document of the core as a plain object, which keeps the document beside its members. */
export function answered<T extends object>(json: string, more?: object): Answer<T> {
  const members: unknown = camelKeys(JSON.parse(json))
  return beside(more === undefined ? members : { ...(members as object), ...more }, 'json', json) as Answer<T>
}

/** The same where there may be nothing to answer. */
export function maybe<T extends object>(json: string): Answer<T> | null {
  return json === 'null' ? null : answered<T>(json)
}

/** An answer about two records, with its words and its chart. */
export function explained<T extends object>({ json, sentence, chart }: native.Explained): Explanation<T> {
  const spec = chart === undefined || chart === null ? null : chartOf(chart)
  return beside(answered<T>(json, { sentence }), 'chart', spec) as Explanation<T>
}

/** A chart, whose members are Vega-Lite's. */
export function chartOf(json: string): Chart | null {
  return JSON.parse(json) as Chart | null
}

function beside(answer: unknown, name: string, value: unknown): unknown {
  return Object.defineProperty(answer, name, { value, enumerable: false, configurable: true, writable: false })
}
