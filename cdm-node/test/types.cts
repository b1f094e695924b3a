// Never run: `tsc` checks that the types of the CommonJS module say what it does.
import cdm = require('cdm')

const answer: cdm.Normalized = cdm.normalize.value('email', 'a@example.org', { region: 'DE' })
const codes: string[] = cdm.normalize.phoneticCodes('Smith')
// @ts-expect-error
cdm.normalize.nicknameClasses(null)

export = { answer, codes }
