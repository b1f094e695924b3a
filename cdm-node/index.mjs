// One implementation for both module systems, so that there is one `CdmError` in a process.
import cdm from './index.cjs'

export const { CdmError, normalize, version } = cdm
export default cdm
