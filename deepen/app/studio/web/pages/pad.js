// A phone as a drawing pad: each stroke goes to the room's model, and what it says appears here and on the wall.
import { computed, onEnd, signal } from '../lib/signals.js'
import { add, h, style } from '../lib/dom.js'
import { number, say, share } from '../lib/words.js'
import { send } from '../lib/server.js'
import { pad } from '../lib/pad.js'
import { room } from '../lib/room.js'

style('/static/pages/try.css')
style('/static/pages/class.css')
const WAIT = 250 // ms between two drawings of one phone

export function page(root, { me }) {
  const answer = signal(null),
    problem = signal('')
  if (me.peek().role !== 'student')
    return add(
      root,
      h('h1', {}, say('Drawing pad')),
      h('p', { class: 'card' }, say('Students of a class draw here; the code to scan stands under Class → Drawings.')),
    )
  const lesson = room({ drawing: true }),
    side = computed(() => lesson.heard.value && (lesson.heard.value.side || 28)) // of the model's pictures: it sets the pen
  let timer = 0,
    busy = false,
    again = false,
    board

  function plan() {
    if (busy) {
      again = true
      return
    }
    timer ||= setTimeout(ask, WAIT)
  }
  async function ask() {
    timer = 0
    if (board.empty()) {
      answer.value = null
      return
    }
    busy = true
    again = false
    try {
      const told = await send('/api/room/mine/drawing', await board.blob())
      if (!told.late && !board.empty()) answer.value = told
      problem.value = ''
    } catch (error) {
      problem.value = error.message
    }
    busy = false
    if (again) plan()
  }
  onEnd(() => clearTimeout(timer))

  add(
    root,
    h(
      'div',
      { class: 'phone' },
      h('h1', { 'aria-live': 'polite' }, () => (answer.value ? first(answer.value.answers[0]) : say('Draw with a finger'))),
      () => side.value && (board = pad(plan, side.value)).element,
      h(
        'div',
        { class: 'row' },
        h('button', { onclick: () => board?.wipe() }, say('Wipe')),
        h('span', { class: 'small soft' }, () => (answer.value ? say('answered by {run}', { run: answer.value.run }) : '')),
      ),
      () =>
        problem.value
          ? h('p', { class: 'bad', role: 'alert' }, problem.value)
          : answer.value
            ? shares(answer.value.answers)
            : h('p', { class: 'soft' }, say('What the network says appears here, and on the wall.')),
    ),
  )
}

const first = one => [
  say('It says'),
  ' ',
  h('span', { class: 'answer' }, one.name, ' ', h('small', {}, one.share == null ? number(one.value) : share(one.share, 0))),
]
const shares = answers =>
  answers[0].share == null
    ? null
    : h(
        'table',
        { class: 'shares' },
        h(
          'tbody',
          {},
          answers
            .slice(0, 3)
            .map(one =>
              h(
                'tr',
                {},
                h('th', { scope: 'row' }, one.name),
                h('td', {}, h('span', { class: 'length', style: { '--share': one.share } })),
                h('td', { class: 'n' }, share(one.share, 0)),
              ),
            ),
        ),
      )
