'use strict'

const fs = require('node:fs')
const path = require('node:path')

const repository = path.join(__dirname, '..', '..')
const folder = path.join(repository, 'cdm-core', 'testdata', 'normalize')

/** Every case of every vector file, as [function, case], in the order of the files. */
const vectors = fs
  .readdirSync(folder)
  .filter((file) => file.endsWith('.json'))
  .sort()
  .map((file) => JSON.parse(fs.readFileSync(path.join(folder, file), 'utf8')))
  .flatMap((document) => document.cases.map((vector) => [document.function, vector]))

const camelCase = (name) => name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase())
const camelKeys = (object) =>
  object && Object.fromEntries(Object.entries(object).map(([key, value]) => [camelCase(key), value]))

module.exports = { camelCase, camelKeys, repository, vectors }
