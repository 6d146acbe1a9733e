// The door of a class: the code of the room and a name, and in.
import { signal } from '../lib/signals.js'
import { add, h, style } from '../lib/dom.js'
import { say } from '../lib/words.js'
import { post } from '../lib/server.js'

style('/static/pages/class.css')

export function page(root) {
  const problem = signal(''),
    busy = signal(false)
  const scanned = decodeURIComponent(location.hash.slice(1)).toUpperCase(),
    toPad = new URLSearchParams(location.search).get('to') === 'pad'
  const code = h('input', {
    type: 'text',
    id: 'code',
    class: 'letters',
    maxLength: 4,
    autocomplete: 'off',
    autocapitalize: 'characters',
    spellcheck: false,
    required: true,
    value: /^[A-Z]{4}$/.test(scanned) ? scanned : '',
    placeholder: 'ABCD',
    'aria-describedby': 'problem',
  })
  const name = h('input', {
    type: 'text',
    id: 'name',
    maxLength: 20,
    autocomplete: 'nickname',
    required: true,
    'aria-describedby': 'problem',
  })

  async function enter(event, where) {
    event.preventDefault()
    if (busy.peek()) return
    busy.value = true
    problem.value = ''
    try {
      await post('/api/room/join', { code: code.value, name: name.value })
      location.assign(where)
    } catch (error) {
      problem.value = error.message
      busy.value = false
      if (!name.value.trim()) name.focus()
    }
  }
  const ways = [
    ['/playground', () => say('To the Playground')],
    ['/pad', () => say('To the drawing pad')],
  ]
  if (toPad) ways.reverse()
  add(
    root,
    h(
      'form',
      { class: 'card join', onsubmit: event => enter(event, ways[0][0]) },
      h('h1', {}, say('Come in')),
      h('label', { for: 'code' }, say('The code of the room')),
      code,
      h('label', { for: 'name' }, say('Your nickname')),
      name,
      h('p', { class: 'small soft' }, say('Everybody in the room can see it. It is forgotten when the class ends.')),
      h('p', { class: 'bad', id: 'problem', role: 'alert' }, () => problem.value),
      h('button', { class: 'main', disabled: () => busy.value }, ways[0][1]()),
      h(
        'button',
        { type: 'button', class: 'plain', disabled: () => busy.value, onclick: event => enter(event, ways[1][0]) },
        ways[1][1](),
      ),
    ),
  )
  ;(code.value ? name : code).focus()
}
