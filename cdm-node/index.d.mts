export * from './dist/index.cjs'
import * as cdm from './dist/index.cjs'
export default cdm
