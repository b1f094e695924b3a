// One implementation for both module systems, so that there is one `CdmError` in a process.
import cdm from './dist/index.cjs'

export const { CdmError, Model, Plan, Resolution, Store, Table, estimate, evaluatePartition, normalize, resolve, version } = cdm
export default cdm
