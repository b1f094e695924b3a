// A sign-up service: is this a customer we know already?
//
//   node dist/signup.js --data customers --port 3000
//   curl -H 'content-type: application/json' -d '{"email": "bob@smith.example"}' localhost:3000/sign-ups
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'

import Fastify, { type FastifyInstance } from 'fastify'

import { Directory, type Person } from './directory.js'

/** The service over a folder that `batch` filled. */
export async function service(folder: string): Promise<FastifyInstance> {
  const directory = await Directory.open(folder)
  const app = Fastify({ ajv: { customOptions: { removeAdditional: false, coerceTypes: false } } })
  const value = { anyOf: [{ type: 'string', maxLength: 500 }, { type: 'array', items: { type: 'string', maxLength: 500 }, maxItems: 10 }] }
  const body = {
    type: 'object',
    minProperties: 1,
    additionalProperties: false,
    properties: Object.fromEntries(directory.fields.map((field) => [field, value])),
  }
  app.get('/', () => ({ customers: directory.size, fields: directory.fields }))
  app.post<{ Body: Person }>('/sign-ups', { schema: { body } }, async (request, reply) => {
    const answer = directory.signUp(request.body)
    return reply.code(answer.status === 'new' ? 201 : 200).send(answer)
  })
  return app
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { values } = parseArgs({ options: { data: { type: 'string' }, port: { type: 'string', default: '3000' } } })
  if (values.data === undefined) throw new Error('wanted --data FOLDER')
  const app = await service(values.data)
  console.log(await app.listen({ port: Number(values.port) }))
  process.once('SIGTERM', () => void app.close())
}
