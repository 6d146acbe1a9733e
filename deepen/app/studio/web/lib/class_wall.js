// What a class sees on the wall: the way in, and what the phones draw.
import { choice, fill, h } from './dom.js'
import { say, share } from './words.js'
import { computed, effect, signal } from './signals.js'
import { get } from './server.js'
import { asked, contest } from './class_orders.js'

export function square(room, to = '') {
  const { told } = room
  return h('img', {
    class: 'square',
    src: () => `/api/room/qr.svg?to=${to}&code=${told.value?.code}`,
    alt: to ? say('a square code: scan it to draw') : say('a square code: scan it to come in'),
  })
}

export function full(element) {
  return h('button', { class: 'plain', onclick: () => element().requestFullscreen?.() }, say('Full screen'))
}

export function address(room) {
  const { told } = room
  return told.value ? told.value.join.split('#')[0].replace('http://', '') : ''
}

export function wall(room) {
  const { people, changed, told, present } = room
  const box = h(
    'section',
    { class: 'card wall' },
    square(room),
    h(
      'div',
      {},
      h('p', {}, say('Scan the square, or open')),
      h('p', { class: 'address' }, () => address(room)),
      h('p', {}, say('and type')),
      h('p', { class: 'code letters' }, () =>
        told.value?.open === false ? say('the door is closed') : (told.value?.code ?? ''),
      ),
      h('p', {}, () => say('{present} of {all} here', { present: present(), all: people.size })),
      full(() => box),
    ),
    h('ul', { class: 'names' }, () => {
      changed.value
      return [...people.values()].map(one => h('li', {}, one.name))
    }),
  )
  return [box, h('div', { class: 'grid two' }, asked(room), contest(room))]
}

export function drawings(room) {
  const { people, changed, told, order, tell, look } = room
  const models = signal([]),
    model = computed(() => told.value?.model ?? ''),
    list = h('ul', { class: 'drawn' }),
    shown = new Map(),
    none = h('p', { class: 'soft' })
  get('/api/room/models').then(all => {
    models.value = all.models
    look()
  }, tell)
  effect(() => {
    changed.value
    const all = [...people.values()].filter(one => one.drawing)
    for (const [id, item] of shown)
      if (!all.some(one => one.id === id)) {
        item.element.remove()
        shown.delete(id)
      }
    for (const one of all) {
      if (!shown.has(one.id)) {
        const item = { element: h('li', { class: 'card' }), seen: '' }
        shown.set(one.id, item)
        list.append(item.element)
      }
      const item = shown.get(one.id),
        answer = one.drawing.answers[0]
      if (item.seen === one.drawing.seen + one.name) continue
      item.seen = one.drawing.seen + one.name
      fill(
        item.element,
        h('img', { src: one.drawing.seen, alt: say('what {name} drew', { name: one.name }), width: 112, height: 112 }),
        h(
          'div',
          {},
          h('b', {}, one.name),
          h(
            'p',
            { class: 'answer' },
            answer.name,
            ' ',
            h('small', {}, answer.share == null ? String(answer.value) : share(answer.share, 0)),
          ),
        ),
      )
    }
    none.textContent = all.length ? '' : say('Nobody has drawn yet.')
  })
  const box = h(
    'section',
    { class: 'card' },
    h(
      'div',
      { class: 'row' },
      h(
        'figure',
        { class: 'little' },
        square(room, 'pad'),
        h(
          'figcaption',
          { class: 'small' },
          say('Scan to draw'),
          ' · ',
          h('span', { class: 'letters' }, () => told.value?.code ?? ''),
        ),
      ),
      () =>
        models.value.length
          ? choice(
              say('who answers'),
              models.value.map(one => [one, one]),
              () => model.value,
              run => order('model', { run }),
            )
          : h('p', {}, say('No trained model here takes pictures yet: deepen train mnist')),
      h('span', { class: 'grow' }),
      full(() => box),
    ),
    none,
    list,
  )
  return box
}
