// The latent space: sliders along its axes, a plane of the first two, and a walk between two samples.
import { batch, computed, effect, onEnd, signal } from './signals.js'
import { h, slider } from './dom.js'
import { number, say } from './words.js'
import { post } from './server.js'
import { loaded, own, save } from './make_form.js'
import { player, still } from './player.js'

const REACH = 3, // standard deviations to each side
  CELLS = 7, // pictures along a side of the plane
  SETTLED = 350 // ms without a change before the plane is painted again

export function sliders(run, card, tell) {
  if (!card.axes) return h('div', { class: 'making latent' }, onlyWalk(run, card, tell))
  const at = Array.from({ length: card.axes }, () => signal(0)),
    place = computed(() => at.map(one => one.value)),
    picture = signal(''),
    there = computed(() => picture.value !== ''),
    took = signal(0)
  const turned = signal(0), // counts changes of the options
    more = own(
      card.options.painted ?? [],
      () => {
        turned.value++
      },
      say('the first'),
    )
  const bounded = value => Math.max(-REACH, Math.min(REACH, value))
  const move = values =>
    batch(() =>
      values.forEach((value, i) => {
        if (at[i]) at[i].value = bounded(value)
      }),
    )
  const paint = latest(async values => {
    const began = performance.now(),
      told = await post(`/api/make/${run}/painted`, { at: [values], settings: more.settings() })
    picture.value = told.pictures[0]
    took.value = performance.now() - began
  }, tell)
  effect(() => {
    turned.value
    paint(place.value)
  })

  // A way there, a few frames long, so that one sees what changes; at once where motion is not wanted.
  let timer = 0
  function glide(to) {
    clearInterval(timer)
    if (still()) return move(to)
    const from = place.peek()
    let step = 0
    timer = setInterval(() => {
      const share = ++step / 12
      move(from.map((value, i) => value + (to[i] - value) * share))
      if (step === 12) clearInterval(timer)
    }, 50)
  }
  onEnd(() => clearInterval(timer))

  const byHand = values => {
    clearInterval(timer)
    move(values)
  }

  return h(
    'div',
    { class: 'making latent' },
    h(
      'section',
      { class: 'card there' },
      h('h2', {}, say('Directions of its latent space')),
      h(
        'div',
        { class: 'beside' },
        h(
          'div',
          {},
          () =>
            there.value &&
            h('img', {
              class: 'pix large',
              src: () => picture.value,
              alt: () => say('the picture at {place}', { place: place.value.map(value => number(value, 1)).join(', ') }),
            }),
          h('p', { class: 'small soft' }, () => (there.value ? say('painted in {ms} ms', { ms: Math.round(took.value) }) : '')),
          h(
            'button',
            { disabled: () => !there.value, onclick: () => save(picture.peek(), `${run}-latent`) },
            say('Save picture'),
          ),
        ),
        h(
          'div',
          {},
          more.fields,
          h(
            'div',
            { class: 'knobs' },
            at.map((one, i) =>
              slider(
                say('direction {n}', { n: i + 1 }),
                -REACH,
                REACH,
                0.05,
                () => one.value,
                value => byHand(at.map((other, k) => (k === i ? value : other.peek()))),
                value => `${value > 0 ? '+' : ''}${number(value, 2)} σ`,
              ),
            ),
          ),
          h(
            'div',
            { class: 'row' },
            h('button', { onclick: () => glide(at.map(() => bounded(normal()))) }, say('Random')),
            h('button', { onclick: () => glide(at.map(() => 0)) }, say('Reset')),
          ),
          h(
            'p',
            { class: 'small soft' },
            say('Direction 1 changes the picture most. σ is one standard deviation: most samples lie within ±2 σ.'),
          ),
        ),
      ),
    ),
    card.axes > 1 ? plane(run, at, place, byHand, { turned, settings: more.settings }, tell) : null,
    card.does.includes('walk') ? walking(run, card, { turned, settings: more.settings }, tell) : null,
  )
}

// One question at a time; of those asked meanwhile only the last is put. What comes after the page has gone is let go.
export function latest(ask, tell) {
  let busy = false,
    next,
    gone = false
  onEnd(() => {
    gone = true
  })
  return async function put(value) {
    next = [value]
    if (busy) return
    busy = true
    while (next && !gone) {
      const [now] = next
      next = null
      try {
        await ask(now)
      } catch (error) {
        if (!gone) tell(error)
        break
      }
    }
    busy = false
  }
}

// The plane of directions 1 and 2, painted with what lies there; a point to drag, arrows move it.
function plane(run, at, place, move, { turned, settings }, tell) {
  const canvas = h('canvas', { 'aria-hidden': 'true' })
  const rest = computed(() =>
    place.value
      .slice(2)
      .map(value => value.toFixed(2))
      .join(),
  )
  const map = latest(async others => {
    const cells = Array.from({ length: CELLS * CELLS }, (_, i) => [
      (((i % CELLS) + 0.5) / CELLS - 0.5) * 2 * REACH,
      (0.5 - (Math.floor(i / CELLS) + 0.5) / CELLS) * 2 * REACH,
      ...others,
    ])
    const told = await post(`/api/make/${run}/painted`, { at: cells, settings: settings() }),
      images = await Promise.all(told.pictures.map(loaded)),
      [wide, high] = [images[0].naturalWidth, images[0].naturalHeight]
    const times = Math.max(1, Math.round(48 / wide)), // of a small picture, so that the gap between two is a thin one
      across = wide * times + 2,
      down = high * times + 2
    canvas.width = CELLS * across
    canvas.height = CELLS * down
    const pen = canvas.getContext('2d')
    pen.imageSmoothingEnabled = false
    images.forEach((one, i) =>
      pen.drawImage(one, 1 + (i % CELLS) * across, 1 + Math.floor(i / CELLS) * down, across - 2, down - 2),
    )
  }, tell)
  let waiting = 0
  effect(() => {
    rest.value
    turned.value
    clearTimeout(waiting)
    waiting = setTimeout(() => map(place.peek().slice(2)), SETTLED)
  })
  onEnd(() => clearTimeout(waiting))
  let held = false
  const to = event => {
    const box = board.getBoundingClientRect()
    move([((event.clientX - box.left) / box.width - 0.5) * 2 * REACH, (0.5 - (event.clientY - box.top) / box.height) * 2 * REACH])
  }
  const keys = event => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key]
    if (!step) return
    event.preventDefault()
    const size = event.shiftKey ? 0.5 : 0.1
    move([at[0].peek() + step[0] * size, at[1].peek() + step[1] * size])
  }
  const board = h(
    'div',
    {
      class: 'board',
      role: 'application',
      tabIndex: 0,
      'aria-label': () =>
        say('a plane of directions 1 and 2: arrows move the point; it is at {x}, {y}', {
          x: number(at[0].value, 1),
          y: number(at[1].value, 1),
        }),
      onkeydown: keys,
      onpointerdown: event => {
        held = true
        board.setPointerCapture(event.pointerId)
        to(event)
      },
      onpointermove: event => held && to(event),
      onpointerup: () => {
        held = false
      },
      onpointercancel: () => {
        held = false
      },
    },
    canvas,
    h('span', {
      class: 'point',
      style: () => ({ '--x': at[0].value / (2 * REACH) + 0.5, '--y': 0.5 - at[1].value / (2 * REACH) }),
    }),
  )
  return h(
    'section',
    { class: 'card' },
    h('h2', {}, say('The plane of directions 1 and 2')),
    board,
    h(
      'p',
      { class: 'small soft' },
      say('Drag the point, or press on a picture. Neighbours look alike: that is what makes it a space.'),
    ),
  )
}

// A maker without sliders may know a way between two pictures all the same; then the options of that way stand here.
function onlyWalk(run, card, tell) {
  const turned = signal(0),
    more = own(card.options.walk, () => {
      turned.value++
    })
  return [
    more.fields.length ? h('section', { class: 'card options' }, h('h2', {}, say('Ask for pictures')), more.fields) : null,
    walking(run, card, { turned, settings: more.settings }, tell),
  ]
}

function walking(run, card, { turned, settings }, tell) {
  const seed = signal(0),
    frames = signal(null)
  const ask = latest(async from => {
    const known = new Set(card.options.walk.map(one => one.name)),
      asked = Object.fromEntries(Object.entries(settings()).filter(([name]) => known.has(name)))
    frames.value = (await post(`/api/make/${run}/walk`, { count: 30, seed: from, settings: asked })).frames
  }, tell)
  effect(() => {
    turned.value
    ask(seed.value)
  })
  return h(
    'section',
    { class: 'card' },
    h('h2', {}, say('A walk from one sample to another')),
    () =>
      frames.value
        ? player(frames.value, {
            alt: i => say('picture {n} of {all} on the way', { n: i + 1, all: frames.value.length }),
            ends: [say('one sample'), say('another')],
            round: true,
            large: true,
          })
        : h('p', { class: 'soft' }, say('one moment …')),
    h(
      'button',
      {
        onclick: () => {
          seed.value++
        },
      },
      say('Two other samples'),
    ),
  )
}

// A number of the bell curve (Box and Muller 1958).
const normal = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random())
