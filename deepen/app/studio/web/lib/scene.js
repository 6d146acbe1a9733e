// Try it for models that answer with boxes, masks or sentences: the answer drawn on the picture, and steered while you look.
import { signal } from './signals.js'
import { h, slider, style } from './dom.js'
import { count, say, share } from './words.js'
import { get, send } from './server.js'
import { drop } from './drop.js'

export function scene(run, card, tell) {
  style('/static/pages/scene.css')
  const told = signal(null),
    busy = signal(false),
    sure = signal(0.5),
    opacity = signal(0.6),
    alone = signal(null)
  let number = 0
  const ask = async question => {
    if (busy.peek()) return
    busy.value = true
    try {
      told.value = await question()
      alone.value = null
    } catch (error) {
      told.value = { problem: error.message }
    }
    busy.value = false
  }
  const own = () => ask(() => get(`/api/try/${run}/example?number=${number++}`))
  own()
  return h(
    'div',
    { class: 'scene' },
    h(
      'section',
      { class: 'card' },
      drop(file => ask(() => send(`/api/try/${run}/picture`, file)), tell),
      h('button', { onclick: own, disabled: () => busy.value }, say('Another picture of its data')),
      card.unit === 'boxes'
        ? slider(
            say('show boxes that are at least so sure'),
            0.05,
            0.95,
            0.05,
            () => sure.value,
            picked => {
              sure.value = picked
            },
            value => share(value, 0),
          )
        : null,
      card.unit === 'masks'
        ? slider(
            say('how strongly the classes cover the picture'),
            0,
            1,
            0.05,
            () => opacity.value,
            picked => {
              opacity.value = picked
            },
            value => share(value, 0),
          )
        : null,
      () => (told.value?.classes ? legend(told.value.classes, alone) : null),
    ),
    h(
      'section',
      { class: 'card', 'aria-live': 'polite', 'aria-busy': () => String(busy.value) },
      h('h2', {}, say('It says')),
      () => answer(told.value, { sure, opacity, alone }),
    ),
  )
}

function answer(told, how) {
  if (!told) return h('p', { class: 'soft' }, say('one moment …'))
  if (told.problem) return h('p', { class: 'bad' }, told.problem)
  return [
    told.boxes ? boxes(told, how) : told.mask ? mask(told, how) : sentence(told),
    told.where
      ? h(
          'p',
          { class: 'small' },
          h('span', { class: 'soft' }, `${told.where} · ${say('was')} `),
          Array.isArray(told.truth) ? told.truth.map(one => [h('br'), one]) : told.truth,
        )
      : null,
    told.seen
      ? h(
          'details',
          {},
          h('summary', {}, say('What the network saw')),
          h('img', { class: 'net', src: told.seen, alt: say('the picture as the network gets it') }),
        )
      : null,
  ]
}

const ground = (told, ...over) =>
  h(
    'div',
    { class: Math.max(...told.size) < 160 ? 'ground tiny' : 'ground', style: { '--ratio': told.size[0] / told.size[1] } },
    h('img', { class: 'photo', src: told.picture, alt: told.said }),
    over,
  )

function boxes(told, { sure }) {
  const shown = () => told.boxes.filter(one => one.sure >= sure.value)
  return [
    ground(told, () =>
      shown()
        .toReversed()
        .map(({ box: [left, top, right, bottom], ...one }) =>
          h(
            'div',
            {
              class: top < 0.08 ? 'box inside' : 'box',
              'aria-hidden': 'true',
              style: {
                '--left': left,
                '--top': top,
                '--wide': right - left,
                '--high': bottom - top,
                '--ink': one.colour,
                '--letters': dark(one.colour) ? '#fff' : '#000',
              },
            },
            h('span', {}, `${one.name} ${share(one.sure, 0)}`),
          ),
        ),
    ),
    h('p', { class: 'answer' }, () => summary(shown())),
    h('ul', { class: 'found small' }, () =>
      shown()
        .slice(0, 30)
        .map(one => h('li', {}, h('i', { style: { '--ink': one.colour } }), `${one.name} ${share(one.sure, 0)}`)),
    ),
  ]
}

function summary(shown) {
  const names = new Map()
  for (const one of shown) names.set(one.name, (names.get(one.name) ?? 0) + 1)
  return shown.length ? [...names].map(([name, many]) => `${name} ${count(many)}`).join(', ') : say('nothing found')
}

// Laid over by a canvas, so that one class can be shown alone.
function mask(told, { opacity, alone }) {
  const canvas = h('canvas', { class: 'over', 'aria-hidden': 'true', style: { '--opacity': opacity.peek() } })
  const picture = new Image()
  const draw = only => {
    if (!picture.naturalWidth) return
    canvas.width = picture.naturalWidth
    canvas.height = picture.naturalHeight
    const pen = canvas.getContext('2d')
    pen.drawImage(picture, 0, 0)
    if (!only) return
    const pixels = pen.getImageData(0, 0, canvas.width, canvas.height),
      wanted = [1, 3, 5].map(at => parseInt(only.colour.slice(at, at + 2), 16))
    for (let i = 0; i < pixels.data.length; i += 4)
      if (wanted.some((value, k) => pixels.data[i + k] !== value)) pixels.data[i + 3] = 0
    pen.putImageData(pixels, 0, 0)
  }
  picture.onload = () => draw(alone.peek())
  picture.src = told.mask
  return [
    ground(told, canvas, () => {
      canvas.style.setProperty('--opacity', opacity.value)
      draw(alone.value)
      return null
    }),
    h(
      'p',
      { class: 'answer' },
      told.classes
        .slice(0, 3)
        .map(one => `${one.name} ${share(one.share, 0)}`)
        .join(', '),
    ),
  ]
}

const legend = (classes, alone) =>
  h(
    'div',
    { class: 'legend', role: 'group', 'aria-label': say('classes') },
    classes.map(one =>
      h(
        'button',
        {
          class: 'plain',
          'aria-pressed': () => String(alone.value === one),
          title: say('show this class alone'),
          onclick: () => {
            alone.value = alone.value === one ? null : one
          },
        },
        h('i', { style: { '--ink': one.colour } }),
        `${one.name} `,
        h('span', { class: 'soft' }, share(one.share)),
      ),
    ),
  )

function sentence(told) {
  return [
    ground(told),
    h(
      'p',
      { class: 'answer' },
      told.words.length
        ? told.words.map(([word, sure, tied]) =>
            h('span', { class: tied ? 'word tied' : 'word', style: { '--sure': sure } }, word, h('small', {}, share(sure, 0))),
          )
        : told.text,
    ),
    told.words.length
      ? h('p', { class: 'small soft' }, say('Below each word: how sure it was of this word, after those before it.'))
      : null,
  ]
}

function dark(colour) {
  const [red, green, blue] = [1, 3, 5].map(at => parseInt(colour.slice(at, at + 2), 16))
  return 0.299 * red + 0.587 * green + 0.114 * blue < 110
}
