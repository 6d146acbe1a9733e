// The teacher's page of a class: everyone's small picture, what goes out to all, the wall, and what the phones draw.
import { batch, effect, onEnd, signal } from '../lib/signals.js'
import { add, h, style } from '../lib/dom.js'
import { say } from '../lib/words.js'
import { get, post } from '../lib/server.js'
import { board } from '../lib/class_people.js'
import { drawings, wall } from '../lib/class_wall.js'

style('/static/pages/try.css')
style('/static/pages/class.css')
const EVERY = 1000
const VIEWS = [
  ['people', () => say('People')],
  ['wall', () => say('The way in, for the wall')],
  ['drawings', () => say('Drawings')],
]

export function page(root, { tell, me }) {
  if (!me.peek().class)
    return add(
      root,
      h('h1', {}, say('Class')),
      h('p', { class: 'card' }, say('A class begins with'), ' ', h('code', {}, 'deepen studio --class')),
    )
  const told = signal(null),
    view = signal(VIEWS.some(([name]) => `#${name}` === location.hash) ? location.hash.slice(1) : 'people'),
    sort = signal('name')
  const people = new Map() // id -> everything known of a student
  const changed = signal(0)
  let since = 0,
    busy = false

  function heard(next) {
    for (const one of next.students) people.set(one.id, { ...people.get(one.id), ...one })
    for (const id of [...people.keys()]) if (!next.students.some(one => one.id === id)) people.delete(id)
    const { students, version, ...rest } = next
    batch(() => {
      if (JSON.stringify(rest) !== JSON.stringify(told.peek())) told.value = rest
      changed.value++
    })
  }
  async function look() {
    if (busy) return
    busy = true
    try {
      const next = await get(`/api/room?since=${since}`)
      since = next.version
      heard(next)
    } catch (error) {
      if (!told.peek()) tell(error)
    } finally {
      busy = false
    }
  }
  const order = async (name, asked = {}) => {
    try {
      heard(await post(`/api/room/${name}`, asked))
      return true
    } catch (error) {
      tell(error)
      return false
    }
  }
  look()
  const timer = setInterval(look, EVERY)
  onEnd(() => clearInterval(timer))
  effect(() => {
    const hash = view.value === 'people' ? '' : `#${view.value}`
    if (location.hash !== hash) history.replaceState(null, '', location.pathname + hash)
  })

  const present = () => {
    changed.value
    return [...people.values()].filter(one => one.state !== 'away').length
  }
  const room = { people, changed, told, view, sort, order, me, tell, look, present }
  add(
    root,
    h(
      'div',
      { class: 'class' },
      h(
        'header',
        { class: 'row' },
        h('h1', {}, say('Class')),
        h(
          'span',
          {},
          say('code'),
          ' ',
          h('b', { class: 'letters' }, () =>
            told.value ? (told.value.open ? told.value.code : say('the door is closed')) : '····',
          ),
        ),
        h('span', { role: 'status' }, () => {
          changed.value
          return say('{present} of {all} here', { present: present(), all: people.size })
        }),
        h('span', { class: 'grow' }),
        h(
          'div',
          { class: 'row', role: 'group', 'aria-label': say('Views') },
          VIEWS.map(([name, text]) =>
            h(
              'button',
              {
                'aria-pressed': () => String(view.value === name),
                onclick: () => {
                  view.value = name
                },
              },
              text(),
            ),
          ),
        ),
      ),
      () => (told.value == null ? h('p', { class: 'soft' }, say('one moment …')) : null),
      () => ({ people: board, wall, drawings })[view.value](room),
    ),
  )
}
