// Asking the server. What is wrong comes back as a sentence and is thrown as a Refused, which `tell` shows.
import { language } from './words.js'

export class Refused extends Error {}

async function ask(path, options) {
  let answer
  try {
    answer = await fetch(path, { ...options, headers: { ...options.headers, 'x-language': language.peek() } })
  } catch {
    throw new Refused(language.peek() === 'ko' ? '서버에 닿지 않습니다.' : 'The server does not answer.')
  }
  if (answer.ok) return answer
  let problem
  try {
    problem = (await answer.json()).problem
  } catch {
    problem = `${answer.status} ${answer.statusText}`
  }
  throw new Refused(problem)
}

export const get = async path => (await ask(path, {})).json()
export const post = async (path, body) =>
  (
    await ask(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  ).json()
export const send = async (path, blob) =>
  (await ask(path, { method: 'POST', body: blob, headers: { 'content-type': 'application/octet-stream' } })).json()
