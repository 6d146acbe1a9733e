// A form of what a system's own `sample` lets one choose, drawn from its signature; with a seed and a count.
import { signal } from './signals.js'
import { check, choice, h, slider } from './dom.js'
import { number, say } from './words.js'

// The own options of a method as fields: {fields, settings()}. `changed` is told after every change that a person made;
// `none` is what an empty class means.
export function own(options, changed, none = say('every class in turn')) {
  const values = Object.fromEntries(options.map(one => [one.name, signal(one.default ?? '')]))
  const set = name => value => {
    values[name].value = value
    changed()
  }
  return {
    fields: options.map(one =>
      h(
        'div',
        { class: 'option' },
        field(one, values[one.name], set(one.name), none),
        one.help ? h('p', { class: 'small soft' }, one.help) : null,
      ),
    ),
    settings: () =>
      Object.fromEntries(Object.entries(values).flatMap(([name, one]) => (one.peek() === '' ? [] : [[name, one.peek()]]))),
  }
}

// Where no limit is written, what is worth trying.
const WORTH = { guidance: [0, 10], psi: [0, 1.5], temperature: [0, 2], spread: [0, 2] }

function field({ name, schema }, now, set, none) {
  const sort = schema.anyOf?.find(part => part.type !== 'null') ?? schema,
    value = () => now.value
  if (sort.enum)
    return choice(
      label(name),
      sort.enum.map(one => [one, one === '' ? none : String(one)]),
      value,
      set,
    )
  if (sort.type === 'boolean') return check(label(name), value, set)
  const [low, high] = WORTH[name] ?? [sort.minimum ?? sort.exclusiveMinimum, sort.maximum ?? sort.exclusiveMaximum],
    whole = sort.type === 'integer'
  if ((whole || sort.type === 'number') && now.peek() !== '' && low != null && high != null && high <= 1000)
    return slider(label(name), low, high, whole ? 1 : (high - low) / 100, value, set, shown => number(shown, whole ? 0 : 2))
  return h(
    'label',
    { class: 'field' },
    h('span', {}, label(name)),
    h('input', {
      type: whole || sort.type === 'number' ? 'number' : 'text',
      min: low,
      max: high,
      step: whole ? 1 : 'any',
      value: value,
      onchange: event => {
        const text = event.target.value.trim()
        set(text === '' || sort.type === 'string' ? text : Number(text))
      },
    }),
  )
}

// With a seed and a count: {element, asked()}, which is {count, seed, settings}.
export function form(card, does, { count = 16, most = 64, seed = signal(0), changed = () => {} }) {
  const many = signal(count),
    more = own(card.options[does] ?? [], changed)
  const element = h(
    'div',
    { class: 'options' },
    slider(
      say('how many'),
      1,
      most,
      1,
      () => many.value,
      value => {
        many.value = value
        changed()
      },
    ),
    h(
      'div',
      { class: 'row seed' },
      h(
        'label',
        { class: 'field' },
        h('span', {}, say('seed')),
        h('input', {
          type: 'number',
          min: 0,
          max: 999999,
          step: 1,
          value: () => seed.value,
          onchange: event => {
            seed.value = Math.min(2 ** 31 - 1, Math.max(0, Math.trunc(Number(event.target.value) || 0)))
            changed()
          },
        }),
      ),
      h(
        'button',
        {
          onclick: () => {
            seed.value = Math.floor(Math.random() * 1e6)
            changed()
          },
        },
        say('Another seed'),
      ),
    ),
    more.fields,
  )
  return { element, asked: () => ({ count: Math.min(many.peek(), most), seed: seed.peek(), settings: more.settings() }) }
}

// What nearly every maker calls the same is told in the person's language; other names are the system's own.
const label = name =>
  ({
    class: () => say('class'),
    guidance: () => say('guidance'),
    steps: () => say('steps'),
    psi: () => say('truncation ψ'),
    temperature: () => say('temperature'),
  })[name]?.() ?? name

// A picture as a file; `name` without its ending.
export function save(address, name) {
  const link = h('a', { href: address, download: `${name}.png` })
  document.body.append(link)
  link.click()
  link.remove()
}

// Pictures side by side on one sheet, near square, enlarged in whole pixels to about `side` each.
export async function sheet(addresses, side = 64) {
  const images = await Promise.all(addresses.map(loaded)),
    across = Math.ceil(Math.sqrt(images.length)),
    times = Math.max(1, Math.ceil(side / Math.max(images[0].naturalWidth, images[0].naturalHeight))),
    [wide, high] = [images[0].naturalWidth * times + 1, images[0].naturalHeight * times + 1]
  const canvas = h('canvas', { width: across * wide + 1, height: Math.ceil(images.length / across) * high + 1 })
  const pen = canvas.getContext('2d')
  pen.imageSmoothingEnabled = false
  pen.fillStyle = '#fff'
  pen.fillRect(0, 0, canvas.width, canvas.height)
  images.forEach((one, i) => pen.drawImage(one, 1 + (i % across) * wide, 1 + Math.floor(i / across) * high, wide - 1, high - 1))
  return canvas.toDataURL('image/png')
}

export async function loaded(address) {
  const image = new Image()
  image.src = address
  await image.decode()
  return image
}
