// A sign-up service: is this a customer we know already?
//
//   node dist/signup.js --data customers --port 3000
//   curl -H 'content-type: application/json' -d '{"email": "bob@smith.example"}' localhost:3000/sign-ups
//
// The known customers are what `batch` left in the folder. They go into a store beside it when the
// service starts for the first time; from then on the store is what counts, sign-ups and all.
import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import path from 'node:path'
import readline from 'node:readline'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'

import { type GoldenRecord, Model, Store } from 'cdm'
import Fastify, { type FastifyInstance } from 'fastify'

/** What somebody says of themselves: fields of the plan. */
type Person = Record<string, string | string[]>

/** Who somebody is. */
interface Answer {
  /** `unsure`: a person should look whether the two are one. */
  status: 'known' | 'unsure' | 'new'
  /** The entity that the sign-up is of. */
  entity: string
  /** The customer that it is, or may be. */
  customer: string | null
  /** How likely it is that customer. */
  probability: number
}

const CUSTOMERS = 'customers'

/** The service over a folder that `batch` filled. */
export async function service(folder: string): Promise<FastifyInstance> {
  const model = await Model.load(path.join(folder, 'model.json'))
  // Sign-ups that come at once share one write to the disk.
  const store = await Store.open(path.join(folder, 'store'), { model, durability: { withinMs: 10 } })
  if (store.stats().records === 0) await store.upsertMany(customers(path.join(folder, 'golden.jsonl')))

  const app = Fastify({ ajv: { customOptions: { removeAdditional: false, coerceTypes: false } } })
  app.addHook('onClose', () => store.close())
  const text = { type: 'string', maxLength: 500 }
  const fields = Object.keys(model.plan.fields)
  const body = {
    type: 'object',
    minProperties: 1,
    additionalProperties: false,
    properties: Object.fromEntries(fields.map((field) => [field, { anyOf: [text, { type: 'array', items: text, maxItems: 10 }] }])),
  }
  app.get('/', () => ({ ...store.stats(), fields }))
  app.post<{ Body: Person }>('/sign-ups', { schema: { body } }, async (request, reply) => {
    const answer = await signUp(store, request.body)
    return reply.code(answer.status === 'new' ? 201 : 200).send(answer)
  })
  return app
}

async function signUp(store: Store, person: Person): Promise<Answer> {
  const [best] = store.search(person, { limit: 1 }) // on the spot: it takes microseconds
  const probability = best === undefined ? 0 : best.decision === 'match' ? 1 : (best.matchProbability ?? 0)
  const entity = await store.upsert({ ...person, source: 'sign-ups', id: randomUUID() })
  if (best !== undefined && entity === best.entity) return { status: 'known', entity, customer: customer(store, entity), probability }
  if (probability < 0.5) return { status: 'new', entity, customer: null, probability }
  return { status: 'unsure', entity, customer: customer(store, best?.entity ?? entity), probability }
}

/** The customer that an entity is, where it is one. */
function customer(store: Store, entity: string): string | null {
  const records = store.entity(entity).flatMap(({ records }) => records)
  return records.find(({ source }) => source === CUSTOMERS)?.id ?? null
}

/** The golden records of a batch as records of the store. */
async function* customers(file: string): AsyncGenerator<Person> {
  for await (const line of readline.createInterface({ input: createReadStream(file) })) {
    const { entityId, records: _, sources: __, time, ...fields } = JSON.parse(line) as GoldenRecord
    yield { source: CUSTOMERS, id: entityId, ...(time && { time }), ...(fields as Person) }
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { values } = parseArgs({ options: { data: { type: 'string' }, port: { type: 'string', default: '3000' } } })
  if (values.data === undefined) throw new Error('wanted --data FOLDER')
  const app = await service(values.data)
  console.log(await app.listen({ port: Number(values.port) }))
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void app.close())
}
