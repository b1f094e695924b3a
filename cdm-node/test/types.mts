// Never run: `tsc` checks that the types of the ES module say what it does.
import cdm, { CdmError, normalize, version } from 'cdm'
import type { Context, Kind, Normalized } from 'cdm'

type Camel<Name extends string> = Name extends `${infer Head}_${infer Tail}` ? `${Head}${Capitalize<Camel<Tail>>}` : Name
const everyKindHasAFunction: Record<Camel<Kind>, (value: string, options?: Context) => Normalized> = normalize

const answer: Normalized = cdm.normalize.date('03/04/2001', { region: 'US', dateOrder: 'month_first', latestTwoDigitYear: 2029 })
const canonical: string | undefined = answer.forms.canonical
const aliases: string[] | undefined = normalize.fullName('Robert (Bob) Jones').forms.alias
const code: string = new CdmError('what was wanted', 'CODE').code
// @ts-expect-error
normalize.value('emial', 'a@example.org')
// @ts-expect-error
normalize.email(5)
// @ts-expect-error
normalize.email('a@example.org', { dateOrder: 'dayFirst' })

export { aliases, canonical, code, everyKindHasAFunction, version }
