/** Numbers that look random and are always the same. */
function numbers(seed) {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

const VOWELS = ['a', 'e', 'i', 'o', 'u']
const CONSONANTS = ['b', 'd', 'f', 'g', 'k', 'l', 'm', 'n', 'p', 'r', 's', 't', 'v']
const CITIES = ['Leeds', 'York', 'Hull', 'Bath', 'Derby', 'Exeter', 'Oxford', 'Truro', 'Ely', 'Wells']

/** Rows of people, of whom every second person is there twice, the second time with a slip. */
export function many(count) {
  const below = numbers(7)
  const pick = (list) => list[below(list.length)]
  const name = (length) => {
    const text = Array.from({ length }, () => pick(CONSONANTS) + pick(VOWELS)).join('') + pick(CONSONANTS)
    return text[0].toUpperCase() + text.slice(1)
  }
  const first = Array.from({ length: 60 }, () => name(2))
  const last = Array.from({ length: 400 }, () => name(3))
  const two = (number) => String(number).padStart(2, '0')
  const person = () => ({
    given: pick(first),
    family: pick(last),
    number: below(900),
    born: `${1940 + below(60)}-${two(1 + below(12))}-${two(1 + below(28))}`,
    city: pick(CITIES),
  })
  const row = (id, { given, family, number, born, city }) => ({
    id,
    first_name: given,
    last_name: family,
    email: `${given}.${family}${number}@mail.example`.toLowerCase(),
    born,
    city,
  })
  const rows = []
  while (rows.length < count) {
    const one = person()
    rows.push(row(`r${rows.length}`, one))
    if (below(2) === 1) continue
    const at = 1 + below(one.family.length - 1)
    rows.push(row(`r${rows.length}`, { ...one, family: one.family.slice(0, at) + one.family.slice(at + 1), city: pick(CITIES) }))
  }
  return rows.slice(0, count)
}

/** How many people `many` rows are. */
export const peopleOf = (rows) => new Set(rows.map(({ first_name, born }) => `${first_name} ${born}`)).size
