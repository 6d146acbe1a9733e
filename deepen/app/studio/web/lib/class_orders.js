// What goes out to a whole class: a setup, locks, a question, a challenge.
import { check, h } from './dom.js'
import { number, say } from './words.js'
import { computed } from './signals.js'
import { clock } from './room.js'
import { HIDE } from './lab_data.js'

export function dialog(title, ...inside) {
  const box = h(
    'dialog',
    { 'aria-label': title, onclose: () => box.remove() },
    h(
      'form',
      { method: 'dialog', class: 'column', onsubmit: event => event.preventDefault() },
      h('h2', {}, title),
      inside,
      h('button', { type: 'button', class: 'plain', onclick: () => box.close() }, say('Cancel')),
    ),
  )
  document.getElementById('main').append(box)
  box.showModal()
  return box
}

export function sure(room, text, act) {
  const box = dialog(
    text,
    h(
      'button',
      {
        class: 'main',
        type: 'button',
        onclick: () => {
          box.close()
          act()
        },
      },
      say('Yes'),
    ),
  )
}

export function push(room) {
  const { order, tell } = room
  const mine = localStorage.getItem('playground-link') ?? ''
  const link = h('textarea', { rows: 3, value: mine, 'aria-label': say('link of a Playground') })
  const box = dialog(
    say('Push a setup to everyone'),
    h(
      'p',
      { class: 'small soft' },
      mine
        ? say('Here stands what your own Playground shows. Or paste a link: of the Studio, or of playground.tensorflow.org.')
        : say('Paste a link of a Playground: of the Studio, or of playground.tensorflow.org.'),
    ),
    link,
    h(
      'button',
      {
        class: 'main',
        type: 'button',
        onclick: async () => {
          if (await order('push', { link: link.value })) {
            box.close()
            tell(say('Everyone has it.'), 'good')
          }
        },
      },
      say('Push to everyone'),
    ),
  )
  link.focus()
}

export function lock(room) {
  const { told, order } = room
  const chosen = new Set(told.peek().locked)
  const box = dialog(
    say('Lock controls'),
    h('p', { class: 'small soft' }, say('What you mark goes away on the pages of your students.')),
    h(
      'div',
      { class: 'ticks' },
      told.peek().controls.map(name =>
        check(
          HIDE[name](),
          () => chosen.has(name),
          on => {
            if (on) chosen.add(name)
            else chosen.delete(name)
          },
        ),
      ),
    ),
    h(
      'button',
      {
        class: 'main',
        type: 'button',
        onclick: async () => {
          if (await order('lock', { names: [...chosen] })) box.close()
        },
      },
      say('Lock these'),
    ),
  )
}

export function question(room) {
  const { order } = room
  const text = h('textarea', { rows: 2, maxLength: 300 }),
    answers = h('textarea', { rows: 4, value: `${say('yes')}\n${say('no')}` })
  const box = dialog(
    say('Ask first: what will happen?'),
    h('label', { class: 'field' }, h('span', {}, say('question')), text),
    h('label', { class: 'field' }, h('span', {}, say('answers, one a line')), answers),
    h(
      'button',
      {
        class: 'main',
        type: 'button',
        onclick: async () => {
          if (
            await order('question', {
              text: text.value.trim(),
              choices: answers.value
                .split('\n')
                .map(one => one.trim())
                .filter(Boolean),
            })
          )
            box.close()
        },
      },
      say('Ask everyone'),
    ),
  )
}

export function challenge(room) {
  const { order } = room
  const loss = h('input', { type: 'number', step: 'any', min: 0, value: '0.05' }),
    minutes = h('input', { type: 'number', min: 1, max: 120, value: '5' })
  let hidden = false
  const box = dialog(
    say('Challenge'),
    h(
      'p',
      { class: 'small soft' },
      say('Who reaches the test loss with the fewest weights leads; of two with as many, who was first.'),
    ),
    h('label', { class: 'field' }, h('span', {}, say('test loss at most')), loss),
    h('label', { class: 'field' }, h('span', {}, say('minutes')), minutes),
    check(
      say('without names'),
      () => hidden,
      on => {
        hidden = on
      },
    ),
    h(
      'button',
      {
        class: 'main',
        type: 'button',
        onclick: async () => {
          if (await order('challenge', { loss: Number(loss.value), minutes: Number(minutes.value), hidden })) box.close()
        },
      },
      say('Begin'),
    ),
  )
}

export function asked(room) {
  const { told, order } = room
  const key = computed(() => told.value?.question?.number),
    now = () => told.value?.question
  return () => {
    if (!key.value) return null
    const one = told.peek().question,
      all = () => now()?.counts.reduce((a, b) => a + b, 0) ?? 0
    return h(
      'section',
      { class: 'card' },
      h('h2', {}, one.text),
      h('p', { class: 'small soft' }, () => say('{count} answered', { count: all() })),
      h(
        'table',
        { class: 'shares' },
        h(
          'tbody',
          {},
          one.choices.map((text, i) =>
            h(
              'tr',
              {},
              h('th', { scope: 'row' }, text),
              h('td', {}, h('span', { class: 'length', style: () => ({ '--share': now()?.counts[i] / all() || 0 }) })),
              h('td', { class: 'n' }, () => String(now()?.counts[i] ?? '')),
            ),
          ),
        ),
      ),
      h('button', { onclick: () => order('question') }, say('Take the question back')),
    )
  }
}

export function contest(room) {
  const { told, order } = room
  const key = computed(() => told.value?.challenge?.number),
    now = () => told.value?.challenge ?? { left: 0, list: [] }
  return () => {
    if (key.value == null) return null
    return h(
      'section',
      { class: 'card' },
      h(
        'h2',
        {},
        say('Challenge'),
        ' ',
        h('small', {}, say('test loss ≤ {loss}', { loss: number(told.peek().challenge.loss) }), ' · ', () =>
          now().left ? say('{time} left', { time: clock(now().left) }) : say('time is up'),
        ),
      ),
      () =>
        now().list.length
          ? h(
              'ol',
              {},
              now().list.map(line =>
                h(
                  'li',
                  {},
                  h('b', {}, line.name || say('somebody')),
                  ' ',
                  say('{weights} weights after {time}', { weights: line.weights, time: clock(line.seconds) }),
                ),
              ),
            )
          : h('p', { class: 'soft' }, say('Nobody has reached it yet.')),
      h('button', { onclick: () => order('challenge') }, say('End the challenge')),
    )
  }
}
