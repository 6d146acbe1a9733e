// Every sentence in the language of the page. The English sentence is the key, as everywhere in deepen.
import { signal } from './signals.js'

export const language = signal('en')
let catalogue = {}
const PARTICLES = {
  이가: ['이', '가'],
  은는: ['은', '는'],
  을를: ['을', '를'],
  과와: ['과', '와'],
  으로: ['으로', '로'],
  이나: ['이나', '나'],
  이라: ['이라', '라'],
  아야: ['아', '야'],
}

export async function speak(wanted) {
  if (wanted === 'ko' && !Object.keys(catalogue).length) catalogue = await (await fetch('/words/ko.json')).json()
  document.documentElement.lang = wanted
  localStorage.setItem('language', wanted)
  language.value = wanted
}

// say('epoch {n}', {n: 3}). The catalogue is collected from these calls: the sentence is written out in each.
export function say(sentence, values = {}) {
  const told = language.value === 'ko' ? (catalogue[sentence] ?? sentence) : sentence
  return told.replace(/\{(\w+)(?::([^}]*))?\}/g, (_, name, form) => {
    const word = String(values[name] ?? '')
    return form in PARTICLES ? word + PARTICLES[form][closed(word, form) ? 0 : 1] : word
  })
}

// Does the word end in a consonant when a Korean reads it aloud?
function closed(word, particle) {
  const last = [...word]
    .filter(letter => /[\p{L}\p{N}]/u.test(letter))
    .at(-1)
    ?.toLowerCase()
  if (!last || word.trimEnd().endsWith('%')) return false // 퍼센트
  const open = particle === '으로'
  if (last >= '가' && last <= '힣') {
    const final = (last.charCodeAt(0) - 0xac00) % 28
    return open ? final !== 0 && final !== 8 : final !== 0
  }
  if (/\d/.test(last)) return (open ? '036' : '013678').includes(last)
  return (open ? 'bckmnpt' : 'bcklmnpt').includes(last)
}

const COMMAS = new Intl.NumberFormat('en-US')
export const count = number => COMMAS.format(number)
export const share = (number, digits = 1) => `${(100 * number).toFixed(digits)} %`
export function number(value, digits = 3) {
  if (value == null || Number.isNaN(value)) return '–'
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '−∞'
  const size = Math.abs(value)
  const told = size !== 0 && (size < 0.001 || size >= 1e6) ? value.toExponential(1) : value.toFixed(size >= 100 ? 1 : digits)
  return told.replace('-', '−')
}
