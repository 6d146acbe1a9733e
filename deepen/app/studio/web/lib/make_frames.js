// How a picture comes to be: from noise, or from a blank page, step by step; and the panels of the run's report.
import { effect, signal } from './signals.js'
import { h } from './dom.js'
import { say } from './words.js'
import { get, post } from './server.js'
import { form } from './make_form.js'
import { player } from './player.js'
import { points } from './make_points.js'

export function unfolds(run, card, tell) {
  const told = signal(null),
    busy = signal(false)
  let again = false
  const choose = form(card, 'unfolds', { count: 9, most: 16, changed: make })
  async function make() {
    if (busy.peek()) {
      again = true
      return
    }
    busy.value = true
    again = false
    try {
      told.value = await post(`/api/make/${run}/unfolds`, choose.asked())
    } catch (error) {
      tell(error)
    }
    busy.value = false
    if (again) make()
  }
  make()
  return h(
    'div',
    { class: 'making two' },
    h(
      'section',
      { class: 'card' },
      h('h2', {}, say('Ask for pictures')),
      choose.element,
      h('button', { class: 'main', disabled: () => busy.value, onclick: make }, say('Make')),
    ),
    h(
      'section',
      { class: 'card', 'aria-busy': () => String(busy.value) },
      h('h2', {}, say('From the first step to the last')),
      h('p', { class: 'small soft', role: 'status' }, () =>
        busy.value ? say('one moment …') : say('Drag the slider: when can you tell what it will be?'),
      ),
      () =>
        told.value &&
        player(told.value.frames, {
          alt: i =>
            say('{count} pictures, frame {n} of {all}', { count: told.value.count, n: i + 1, all: told.value.frames.length }),
          caption: i => say('frame {n} of {all}', { n: i + 1, all: told.value.frames.length }),
          ends: [say('the beginning'), say('the picture')],
          goes: true,
          large: true,
        }),
    ),
  )
}

export function panels(run, tell) {
  const told = signal(null)
  effect(() => {
    get(`/api/make/${run}/panels`).then(
      found => {
        told.value = found
      },
      error => {
        told.value = []
        tell(error)
      },
    )
  })
  return h('div', {}, () =>
    told.value == null
      ? h('p', { class: 'soft' }, say('one moment …'))
      : h(
          'div',
          { class: 'panels' },
          told.value.map(one =>
            h(
              'section',
              { class: 'card' },
              h('h2', {}, one.title),
              h('p', { class: 'small soft' }, one.text),
              one.points ? points(one) : null,
              one.frames
                ? player(one.frames, { alt: i => say('{title}, picture {n}', { title: one.title, n: i + 1 }), large: true })
                : null,
              one.picture ? h('img', { class: 'pix whole', src: one.picture, alt: one.title }) : null,
              one.rows
                ? h(
                    'table',
                    { class: 'named' },
                    one.rows.map((row, i) =>
                      h(
                        'tr',
                        {},
                        h('th', { scope: 'row', class: 'small' }, one.names[i] ?? ''),
                        h('td', {}, h('img', { class: 'pix', src: row, alt: `${one.title}: ${one.names[i] ?? i + 1}` })),
                      ),
                    ),
                  )
                : null,
            ),
          ),
        ),
  )
}
