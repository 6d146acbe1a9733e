// What a maker paints while it learns.
import { effect, onEnd, signal } from './signals.js'
import { h } from './dom.js'
import { say } from './words.js'
import { get } from './server.js'

// Pictures a maker paints while it learns, of the same noise: a film with a slider.
export function samples(name, busy) {
  const files = signal([]),
    at = signal(-1),
    when = signal(0)
  effect(() => {
    busy.value
    when.value
    get(`/api/runs/${name}`).then(
      told => {
        if (told.shown.length !== files.peek().length) files.value = told.shown
      },
      () => {},
    )
  })
  const timer = setInterval(() => {
    if (busy.peek()) when.value++
  }, 3000)
  onEnd(() => clearInterval(timer))
  const place = () => (at.value < 0 ? files.value.length - 1 : Math.min(at.value, files.value.length - 1))
  return h('div', {}, () =>
    files.value.length
      ? h(
          'section',
          { class: 'card' },
          h('h2', {}, say('What it makes')),
          h('img', {
            class: 'sheet',
            src: () => `/api/runs/${name}/shown/${files.value[place()]}`,
            alt: () => say('what it made at {step}', { step: files.value[place()].replace(/\D+/g, '') }),
          }),
          files.value.length > 1
            ? h(
                'label',
                { class: 'field' },
                h(
                  'span',
                  {},
                  say('step'),
                  ' ',
                  h('b', {}, () => String(Number(files.value[place()].replace(/\D+/g, '')) || '')),
                ),
                h('input', {
                  type: 'range',
                  min: 0,
                  max: files.value.length - 1,
                  value: () => place(),
                  oninput: event => {
                    at.value = Number(event.target.value)
                  },
                }),
              )
            : null,
        )
      : null,
  )
}
