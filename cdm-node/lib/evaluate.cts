import { answered } from './answers.cjs'
import { givenLabels, type Labels } from './decisions.cjs'
import { CdmError, answer, wrongType } from './errors.cjs'
import type { Answer, Estimate, SamplingPlan } from './explanations.cjs'
import { known, snakeKeys } from './options.cjs'
import type { Evaluation } from './results.cjs'
import { WORK_OPTIONS, type WorkOptions, work } from './work.cjs'
import native = require('../native.js')

/**
 * What people said of a sample, weighed up: the precision of all pairs, with its 95 % interval.
 *
 * `plan` is what `resolution.sample` gave, as it is, or as it was kept: its JSON, or what that was parsed to.
 */
export async function estimate(plan: SamplingPlan | string, labels: Labels | string): Promise<Answer<Estimate>> {
  if (typeof plan !== 'string' && (typeof plan !== 'object' || plan === null)) {
    throw wrongType('plan', 'what resolution.sample gave', plan)
  }
  const json = typeof plan === 'string' ? plan : JSON.stringify(snakeKeys(plan))
  const said = givenLabels(labels, [])
  return answered(await answer(() => native.estimateJson(json, said)))
}

/**
 * How good a partition is, whoever made it: for each record the entity that was found, and the true one, null
 * where that is not known.
 */
export async function evaluatePartition(
  found: Iterable<string | number | bigint>,
  truth: Iterable<string | number | bigint | null | undefined>,
  options?: WorkOptions | null,
): Promise<Answer<Evaluation>> {
  return work(known(options, WORK_OPTIONS), async (piece) => {
    const [one, two] = [await numbered('found', found, false), await numbered('truth', truth, true)]
    if (one.length !== two.length) {
      const message = `${one.length} entities found and ${two.length} true ones: wanted one of each a record`
      throw new CdmError(message, 'INVALID_DOCUMENT', { path: 'truth' })
    }
    return answered(await answer(() => native.evaluatePartitionJson(one, two)))

    /** The names by numbers, -1 for none. */
    async function numbered(name: string, names: unknown, mayLack: boolean): Promise<Int32Array> {
      if (typeof names !== 'object' || names === null || !(Symbol.iterator in names)) {
        throw wrongType(name, 'an array or other iterable of entities', names)
      }
      const numbers = new Map<unknown, number>()
      const all: number[] = []
      for (const entity of names as Iterable<unknown>) {
        if (mayLack && (entity === null || entity === undefined)) {
          all.push(-1)
        } else if (typeof entity === 'string' || typeof entity === 'number' || typeof entity === 'bigint') {
          const number = numbers.get(entity) ?? numbers.size
          numbers.set(entity, number)
          all.push(number)
        } else {
          throw wrongType(`${name}[${all.length}]`, 'an entity: a string or a number', entity)
        }
        if (all.length % 4096 === 0 && piece.isDue) await piece.breathe()
      }
      return Int32Array.from(all)
    }
  })
}
