export * from './index.cjs'
import * as cdm from './index.cjs'
export default cdm
