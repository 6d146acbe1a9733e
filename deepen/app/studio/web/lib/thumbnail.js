// Small pictures of the data sets, drawn from the same formulas without noise.
import { h } from './dom.js'
import { point } from './paint.js'

function* drawn(name, random) {
  const tau = 2 * Math.PI,
    uniform = (low, high) => low + (high - low) * random()
  const normal = variance => Math.sqrt(-2 * Math.log(1 - random()) * variance) * Math.cos(tau * random())
  for (let i = 0; i < 200; i++) {
    const half = i < 100,
      turn = (i % 100) / 100
    if (name === 'circle') {
      const r = half ? uniform(0, 2.5) : uniform(3.5, 5),
        a = uniform(0, tau)
      yield [r * Math.sin(a), r * Math.cos(a), half ? 1 : 0]
    }
    if (name === 'xor') {
      let [x, y] = [uniform(-5, 5), uniform(-5, 5)]
      x += x > 0 ? 0.3 : -0.3
      y += y > 0 ? 0.3 : -0.3
      yield [x, y, x * y >= 0 ? 1 : 0]
    }
    if (name === 'gauss') yield half ? [2 + normal(0.5), 2 + normal(0.5), 1] : [-2 + normal(0.5), -2 + normal(0.5), 0]
    if (name === 'spiral') {
      const r = 5 * turn,
        a = 1.75 * turn * tau + (half ? 0 : Math.PI)
      yield [r * Math.sin(a), r * Math.cos(a), half ? 1 : 0]
    }
    if (name === 'moons') {
      const a = uniform(0, Math.PI)
      yield half ? [1.5 + 3 * Math.cos(a), -0.75 - 3 * Math.sin(a), 1] : [3 * Math.cos(a) - 1.5, 3 * Math.sin(a) + 0.75, 0]
    }
    if (name === 'checker') {
      const [x, y] = [uniform(-6, 6), uniform(-6, 6)]
      yield [x, y, (((Math.floor(x / 3) + Math.floor(y / 3)) % 2) + 2) % 2]
    }
    if (name === 'rings') {
      const r = (5.5 * ((i % 2) + uniform(0.1, 0.9))) / 2,
        a = uniform(0, tau)
      yield [r * Math.sin(a), r * Math.cos(a), i % 2]
    }
    if (name === 'blobs') {
      const a = (tau * (i % 2)) / 2
      yield [3.5 * Math.sin(a) + normal(0.4), 3.5 * Math.cos(a) + normal(0.4), i % 2]
    }
    if (name === 'four' && i < 4)
      yield [
        ...[
          [0, 3],
          [3, 0],
          [1, 2],
          [2, 1],
        ][i],
        i > 1 ? 1 : 0,
      ]
    if (name === 'plane') {
      const [x, y] = [uniform(-6, 6), uniform(-6, 6)]
      yield [x, y, (x + y) / 10]
    }
    if (name === 'cones') {
      const [x, y] = [uniform(-6, 6), uniform(-6, 6)]
      yield [
        x,
        y,
        [
          [-4, 2.5, 1],
          [0, 2.5, -1],
          [4, 2.5, 1],
          [-4, -2.5, -1],
          [0, -2.5, 1],
          [4, -2.5, -1],
        ]
          .map(([a, b, sign]) => sign * Math.max(0, 1 - Math.hypot(x - a, y - b) / 2))
          .reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a)),
      ]
    }
  }
}

export function thumbnail(name, side = 56) {
  const canvas = h('canvas', { width: side * 2, height: side * 2, class: 'thumb' }),
    pen = canvas.getContext('2d')
  let state = 12345
  const random = () => {
    state = (1103515245 * state + 12345) % 2147483648
    return state / 2147483648
  }
  for (const [x, y, t] of drawn(name, random))
    point(
      pen,
      ((x + 6) / 12) * side * 2,
      ((6 - y) / 12) * side * 2,
      t,
      ['plane', 'cones'].includes(name) ? 0 : 2,
      false,
      name === 'four' ? 6 : 3.4,
    )
  return canvas
}
