// A plane of points, coloured by class; a press on a class shows it alone.
import { effect, onEnd, signal } from './signals.js'
import { h } from './dom.js'
import { say } from './words.js'

const SIDE = 420
const shade = (k, all) => (all > 1 ? `hsl(${Math.round((360 * k) / all)} 70% 45%)` : '#0877bd')

export function points({ points: places, classes, names, title }) {
  const only = signal(-1),
    canvas = h('canvas', { class: 'plane', width: 2 * SIDE, height: 2 * SIDE, role: 'img', 'aria-label': title })
  const [left, right, low, high] = places.reduce(
    ([a, b, c, d], [x, y]) => [Math.min(a, x), Math.max(b, x), Math.min(c, y), Math.max(d, y)],
    [Infinity, -Infinity, Infinity, -Infinity],
  )
  const draw = () => {
    const pen = canvas.getContext('2d'),
      one = only.value
    pen.clearRect(0, 0, canvas.width, canvas.height)
    places.forEach(([x, y], i) => {
      const kind = classes?.[i] ?? 0
      pen.globalAlpha = one < 0 || one === kind ? 0.8 : 0.07
      pen.fillStyle = shade(kind, names.length)
      pen.beginPath()
      pen.arc(
        12 + ((x - left) / (right - left || 1)) * (2 * SIDE - 24),
        2 * SIDE - 12 - ((y - low) / (high - low || 1)) * (2 * SIDE - 24),
        5,
        0,
        7,
      )
      pen.fill()
    })
  }
  effect(draw)
  addEventListener('shade', draw)
  onEnd(() => removeEventListener('shade', draw))
  return h(
    'div',
    {},
    canvas,
    classes && names.length > 1
      ? h(
          'div',
          { class: 'row', role: 'group', 'aria-label': say('show one class alone') },
          names.map((name, k) =>
            h(
              'button',
              {
                class: 'plain small',
                'aria-pressed': () => String(only.value === k),
                onclick: () => {
                  only.value = only.peek() === k ? -1 : k
                },
              },
              h('span', { class: 'swatch', style: { '--colour': shade(k, names.length) } }),
              name,
            ),
          ),
        )
      : null,
  )
}
