// Try it: draw, drop a picture or fill in a row; see the answer, every layer, and where the network looked. And the
// sums of a small network done by hand, pixel by pixel.
import { effect, onEnd, scope, signal } from '../lib/signals.js'
import { add, check, choice, h, style } from '../lib/dom.js'
import { number, say, share } from '../lib/words.js'
import { get, post, send } from '../lib/server.js'
import { drop } from '../lib/drop.js'
import { pad } from '../lib/pad.js'
import { byHand } from '../lib/byhand.js'

style('/static/pages/try.css')

export function page(root, { tell }) {
  const models = signal(null),
    run = signal(''),
    card = signal(null),
    answer = signal(null),
    tab = signal('model')
  get('/api/try/models').then(told => {
    models.value = told
    run.value = new URLSearchParams(location.hash.slice(1)).get('run') ?? told[0] ?? ''
  }, tell)
  effect(() => {
    card.value = answer.value = null
    if (run.value)
      get(`/api/try/${run.value}/card`).then(told => {
        card.value = told
      }, tell)
  })
  add(
    root,
    h('h1', {}, say('Try it')),
    h(
      'div',
      { class: 'row', role: 'tablist' },
      [
        ['model', say('Ask a trained model')],
        ['hand', say('The sums by hand')],
      ].map(([key, text]) =>
        h(
          'button',
          {
            role: 'tab',
            'aria-selected': () => String(tab.value === key),
            onclick: () => {
              tab.value = key
            },
          },
          text,
        ),
      ),
    ),
    h('div', { class: 'tryit' }, () =>
      tab.value === 'hand'
        ? byHand(tell)
        : models.value == null
          ? h('p', { class: 'soft' }, say('one moment …'))
          : models.value.length
            ? model()
            : h(
                'p',
                { class: 'card' },
                say('There is no trained model yet. Train one in the Designer, or in a terminal: deepen train digits'),
              ),
    ),
  )

  function model() {
    return [
      h(
        'div',
        { class: 'card' },
        choice(
          say('model'),
          models.value.map(one => [one, one]),
          () => run.value,
          picked => {
            run.value = picked
          },
        ),
      ),
      () =>
        !card.value
          ? h('p', { class: 'soft' }, say('one moment …'))
          : card.value.unit
            ? later(card.value)
            : card.value.takes === 'picture'
              ? pictures()
              : card.value.takes === 'row'
                ? row()
                : h('p', { class: 'card' }, say('This model answers no questions: look at what it makes under Runs.')),
    ]
  }

  // Boxes, masks and sentences have a part of their own, loaded when one is met.
  function later(asked) {
    const box = h('div', {}, h('p', { class: 'soft' }, say('one moment …')))
    let end = () => {},
      gone = false
    onEnd(() => {
      gone = true
      end()
    })
    import('../lib/scene.js').then(({ scene }) => {
      if (!gone) end = scope(() => box.replaceChildren(scene(run.peek(), asked, tell)))
    })
    return box
  }

  function pictures() {
    const centred = signal(true),
      drawn = card.value.shape[0] === 1
    let busy = false,
      again = false
    async function ask(blob, isDrawn) {
      if (busy) {
        again = true
        return
      }
      busy = true
      try {
        answer.value = await send(
          `/api/try/${run.peek()}/picture?drawn=${isDrawn ? 1 : 0}&centred=${centred.peek() ? 1 : 0}`,
          blob,
        )
      } catch (error) {
        answer.value = { problem: error.message }
      }
      busy = false
      if (again) {
        again = false
        redraw()
      }
    }
    let waiting
    const board = pad(() => {
      clearTimeout(waiting)
      waiting = setTimeout(redraw, 120)
    }, card.value.shape[1])
    const redraw = async () => {
      if (board.empty()) answer.value = null
      else ask(await board.blob(), true)
    }
    return h(
      'div',
      { class: 'asking' },
      h(
        'section',
        { class: 'card' },
        drawn
          ? [
              h('h2', {}, say('Draw')),
              board.element,
              h(
                'div',
                { class: 'row' },
                h('button', { onclick: board.wipe }, say('Wipe')),
                check(
                  say('centred, as the digits it learned from'),
                  () => centred.value,
                  on => {
                    centred.value = on
                    redraw()
                  },
                ),
              ),
            ]
          : null,
        drop(file => ask(file, false), tell),
      ),
      h('section', { class: 'card', 'aria-live': 'polite' }, h('h2', {}, say('It says')), () => said()),
      h('section', { class: 'card wide' }, () => inside()),
    )
  }

  function said() {
    const told = answer.value
    if (!told) return h('p', { class: 'soft' }, say('Draw or choose something.'))
    if (told.problem) return h('p', { class: 'bad' }, told.problem)
    if ('value' in told.answers[0])
      return h('p', { class: 'answer' }, number(told.answers[0].value), ' ', h('small', {}, told.answers[0].name))
    return [
      h('p', { class: 'answer' }, told.answers[0].name, ' ', h('small', {}, share(told.answers[0].share))),
      h(
        'table',
        { class: 'shares' },
        h(
          'tbody',
          {},
          told.answers
            .slice(0, 10)
            .map(one =>
              h(
                'tr',
                {},
                h('th', { scope: 'row' }, one.name),
                h('td', {}, h('span', { class: 'length', style: { '--share': one.share } })),
                h('td', { class: 'n' }, share(one.share)),
              ),
            ),
        ),
      ),
      told.seen
        ? [
            h('h3', {}, say('What the network saw')),
            h('img', { class: 'seen', src: told.seen, alt: say('the picture as the network gets it') }),
            h(
              'p',
              { class: 'small soft' },
              say(
                'Exactly these {n} numbers went in. A wrong answer often begins here: too small, not in the middle, black on white.',
                { n: card.value.shape.join(' × ') },
              ),
            ),
          ]
        : null,
    ]
  }

  function inside() {
    const told = answer.value
    if (!told?.layers?.length) return h('p', { class: 'soft' }, say('Here you will see what each layer makes of it.'))
    return [
      h('h2', {}, say('Where it looked')),
      h(
        'div',
        { class: 'row looks' },
        told.saliency
          ? h(
              'figure',
              {},
              h('img', { src: told.saliency, alt: say('pixels that move the answer most') }),
              h('figcaption', { class: 'small' }, say('pixels that move the answer most (gradient)')),
            )
          : null,
        told.cam
          ? h(
              'figure',
              {},
              h('img', { src: told.cam, alt: say('places that speak for the answer') }),
              h('figcaption', { class: 'small' }, say('places that speak for the answer (Grad-CAM)')),
            )
          : null,
        told.occlusion
          ? h(
              'figure',
              {},
              h('img', { src: told.occlusion, alt: say('places without which it is less sure') }),
              h('figcaption', { class: 'small' }, say('places without which it is less sure (covered one by one)')),
            )
          : null,
      ),
      h('h2', {}, say('Layer by layer')),
      told.layers.map(layer =>
        h(
          'div',
          { class: 'layer' },
          h('h3', {}, layer.name, ' ', h('small', { class: 'soft' }, layer.shape.join('×'))),
          layer.maps
            ? h(
                'div',
                { class: 'maps' },
                layer.maps.map((one, i) => h('img', { src: one, alt: say('channel {n}', { n: i + 1 }) })),
                layer.shape[0] > layer.maps.length
                  ? h('small', { class: 'soft' }, say('and {count} more', { count: layer.shape[0] - layer.maps.length }))
                  : null,
              )
            : h('p', { class: 'small numbers' }, layer.values.map(one => number(one, 2)).join('  ')),
        ),
      ),
    ]
  }

  function row() {
    const values = card.value.columns.map(() => '')
    let waiting
    const ask = () => {
      clearTimeout(waiting)
      waiting = setTimeout(async () => {
        try {
          answer.value = await post(`/api/try/${run.peek()}/row`, { values: values.map(one => (one === '' ? null : one)) })
        } catch (error) {
          answer.value = { problem: error.message }
        }
      }, 150)
    }
    const field = (column, i) =>
      column.values
        ? choice(
            column.name,
            [['', say('missing')], ...column.values.map(one => [one, one])],
            () => '',
            picked => {
              values[i] = picked
              ask()
            },
          )
        : h(
            'label',
            { class: 'field' },
            h('span', {}, column.name),
            h('input', {
              type: 'number',
              step: 'any',
              placeholder: say('missing'),
              oninput: event => {
                values[i] = event.target.value
                ask()
              },
            }),
          )
    return h(
      'div',
      { class: 'asking' },
      h(
        'form',
        { class: 'card form', onsubmit: event => event.preventDefault() },
        h('h2', {}, say('A row')),
        h('p', { class: 'small soft' }, say('What you leave empty counts as missing.')),
        card.value.columns.map(field),
      ),
      h('section', { class: 'card', 'aria-live': 'polite' }, h('h2', {}, say('It says')), () =>
        answer.value ? said() : h('p', { class: 'soft' }, say('Fill in a value.')),
      ),
    )
  }
}
