// Everyone of a class on the teacher's page, and the orders to one.
import { choice, fill, h } from './dom.js'
import { number, say, share } from './words.js'
import { effect } from './signals.js'
import { icon } from './icons.js'
import { clock } from './room.js'
import { classes as paintClasses, field as paintField } from './paint.js'
import { sure, push, lock, question, challenge, asked, contest } from './class_orders.js'

const SIDE = 24
const STUCK = 60
const STATES = {
  learning: ['go', () => say('learning')],
  standing: ['pause', () => say('standing')],
  broken: ['warn', () => say('not a number')],
  away: ['away', () => say('away')],
  drawing: ['pencil', () => say('drawing')],
  here: ['dot', () => say('has come in')],
}
const ORDERS = {
  name: (a, b) => a.name.localeCompare(b.name),
  loss: (a, b) => (a.test ?? 1e9) - (b.test ?? 1e9),
  accuracy: (a, b) => (b.accuracy ?? -1) - (a.accuracy ?? -1),
  stuck: (a, b) => b.stuck - a.stuck,
  hand: (a, b) => b.hand - a.hand,
}

export function board(room) {
  const { people, changed, sort, order } = room
  const grid = h('ul', { class: 'people' }),
    cards = new Map(),
    none = h('p', { class: 'soft' })
  effect(() => {
    changed.value
    const all = [...people.values()].sort(ORDERS[sort.value])
    for (const one of all) {
      if (!cards.has(one.id)) cards.set(one.id, card(room, one.id))
      cards.get(one.id).draw(one)
    }
    for (const [id, one] of cards)
      if (!people.has(id)) {
        one.element.remove()
        cards.delete(id)
      }
    all.forEach((one, i) => {
      const { element } = cards.get(one.id)
      if (grid.children[i] !== element) grid.insertBefore(element, grid.children[i] ?? null)
    })
    none.textContent = all.length ? '' : say('Nobody is here yet. Put the way in on the wall: the button at the top.')
  })
  return [
    controls(room),
    h(
      'div',
      { class: 'row' },
      choice(
        say('sort by'),
        [
          ['name', say('name')],
          ['loss', say('test loss')],
          ['accuracy', say('accuracy')],
          ['stuck', say('stuck longest')],
          ['hand', say('hands')],
        ],
        () => sort.value,
        picked => {
          sort.value = picked
        },
      ),
      () => {
        changed.value
        return [...people.values()].some(one => one.hand)
          ? h('button', { onclick: () => order('hands') }, say('All hands down'))
          : null
      },
    ),
    h('div', { class: 'grid two' }, asked(room), contest(room)),
    none,
    grid,
  ]
}

export function controls(room) {
  const { told, order } = room
  const paused = () => told.value?.paused
  return h(
    'div',
    { class: 'row card' },
    h(
      'button',
      {
        class: () => (paused() ? 'main' : ''),
        'aria-pressed': () => String(Boolean(paused())),
        onclick: () => order('pause', { on: !paused() }),
      },
      () => (paused() ? [icon('go'), say('Go on')] : [icon('pause'), say('Pause all')]),
    ),
    h(
      'button',
      { onclick: () => sure(room, say('Everyone goes back to their first weights. Reset all?'), () => order('reset')) },
      icon('reset'),
      say('Reset all'),
    ),
    h('button', { onclick: () => push(room) }, icon('push'), say('Push a setup')),
    h('button', { onclick: () => lock(room) }, icon('lock'), () =>
      told.value?.locked.length ? say('Locked: {count}', { count: told.value.locked.length }) : say('Lock controls'),
    ),
    h('button', { onclick: () => question(room) }, icon('ask'), say('Ask first')),
    h('button', { onclick: () => challenge(room) }, icon('clock'), say('Challenge')),
    h('button', { onclick: () => order('door', { open: !told.value?.open }) }, icon('door'), () =>
      told.value?.open === false ? say('Open the door, with a new code') : say('Close the door'),
    ),
  )
}

export function card(room, id) {
  const { people, order } = room
  const picture = h('canvas', { class: 'small-field', width: SIDE, height: SIDE, role: 'img' }),
    spark = h('polyline', { points: '' })
  const name = h('b', {}),
    state = h('span', {}),
    loss = h('span', { class: 'n' }),
    hand = h('button', { class: 'hand', onclick: () => order('hands', { id }) }, icon('hand'))
  const open = h('a', { target: '_blank', class: 'small' }, say('open')),
    away = h(
      'button',
      {
        class: 'plain small',
        onclick: () =>
          sure(room, say('Take {name} out of the room?', { name: people.get(id)?.name }), () => order('remove', { id })),
      },
      icon('cross'),
    )
  const element = h(
    'li',
    { class: 'card' },
    h('div', { class: 'row head' }, name, hand, away),
    picture,
    h('svg', { viewBox: '0 0 100 22', class: 'spark', preserveAspectRatio: 'none', 'aria-hidden': 'true' }, spark),
    h('div', { class: 'row small' }, loss),
    h('div', { class: 'row small' }, state, open),
  )
  let shown = ''
  function draw(one) {
    const [sign, text] = STATES[one.state]
    name.textContent = one.name
    hand.hidden = !one.hand
    hand.setAttribute('aria-label', say('{name}: hand down', { name: one.name }))
    away.setAttribute('aria-label', say('take {name} out', { name: one.name }))
    element.dataset.state = one.state
    const stuck = ['standing', 'learning'].includes(one.state) && one.stuck > STUCK && (one.test ?? 1) > 0.1
    fill(state, icon(sign), text(), stuck ? ` · ${say('stuck for {time}', { time: clock(one.stuck) })}` : '')
    loss.textContent =
      one.test == null
        ? say('no net yet')
        : `${say('loss')} ${number(one.test)}${one.accuracy == null ? '' : ` · ${share(one.accuracy, 0).replace(' ', '\u00a0')}`} · ${say('epoch {n}', { n: one.epoch ?? 0 })}`
    open.hidden = !one.link
    if (one.link) open.href = `/playground#${one.link.split('#').at(-1)}`
    open.setAttribute('aria-label', say('open the setup of {name}', { name: one.name }))
    const drawing = one.field ?? one.drawing?.seen ?? ''
    if (drawing !== shown) {
      shown = drawing
      paint(picture, one)
    }
    picture.setAttribute(
      'aria-label',
      one.field
        ? say('what the net of {name} says over the plane', { name: one.name })
        : one.drawing
          ? say('{name} drew a {what}', { name: one.name, what: one.drawing.answers[0].name })
          : say('nothing yet'),
    )
    const curve = one.curve ?? [],
      most = Math.max(1e-6, ...curve)
    spark.setAttribute(
      'points',
      curve
        .map((value, i) => `${((100 * i) / Math.max(1, curve.length - 1)).toFixed(1)},${(21 - (20 * value) / most).toFixed(1)}`)
        .join(' '),
    )
  }
  return { element, draw }
}

export function paint(canvas, one) {
  if (one.field) {
    const values = Uint8Array.from(atob(one.field), letter => letter.charCodeAt(0))
    if (one.classes > 2)
      paintClasses(canvas, {
        side: SIDE,
        top: values.map(value => Math.min(value, 5)),
        sure: new Uint8Array(SIDE * SIDE).fill(255),
        count: one.classes,
      })
    else paintField(canvas, values, SIDE, false)
  } else if (one.drawing) {
    const image = new Image()
    image.onload = () => {
      canvas.width = canvas.height = 28
      canvas.getContext('2d').drawImage(image, 0, 0, 28, 28)
    }
    image.src = one.drawing.seen
  }
}
