// The sums of a small network, done before your eyes: a digit as numbers, a filter over it pixel by pixel, pooled,
// flattened, weighted, and turned into probabilities.
import { computed, signal } from './signals.js'
import { choice, h } from './dom.js'
import { number, say, share } from './words.js'
import { get } from './server.js'
import { pad } from './pad.js'

const FILTERS = {
  vertical: { name: () => say('vertical edges'), w: [-1, 0, 1, -1, 0, 1, -1, 0, 1] },
  horizontal: { name: () => say('horizontal edges'), w: [-1, -1, -1, 0, 0, 0, 1, 1, 1] },
  blur: { name: () => say('blur: the mean'), w: Array(9).fill(1 / 9) },
  sharp: { name: () => say('sharpen'), w: [0, -1, 0, -1, 5, -1, 0, -1, 0] },
  own: { name: () => say('your own'), w: [0, 0, 0, 0, 1, 0, 0, 0, 0] },
}

export function byHand(tell) {
  const tick = signal(0),
    side = signal(28),
    which = signal('vertical'),
    own = signal([...FILTERS.own.w]),
    at = signal([8, 8]),
    softmax = signal(null)
  const board = pad(() => {
    tick.value++
  })
  get('/api/try/weights').then(told => {
    softmax.value = told
  }, tell)
  const w = computed(() => (which.value === 'own' ? own.value : FILTERS[which.value].w))
  const x = computed(() => {
    tick.value
    return board.numbers(side.value)
  })
  const convolved = computed(() => {
    const n = side.value,
      m = n - 2,
      told = new Float64Array(m * m)
    for (let r = 0; r < m; r++)
      for (let c = 0; c < m; c++) {
        let sum = 0
        for (let i = 0; i < 9; i++) sum += w.value[i] * x.value[(r + Math.floor(i / 3)) * n + c + (i % 3)]
        told[r * m + c] = sum
      }
    return told
  })
  const small = computed(() => {
    tick.value
    return board.numbers(4)
  })
  const scores = computed(() =>
    softmax.value
      ? softmax.value.w.map((line, k) => line.reduce((sum, weight, i) => sum + weight * small.value[i], softmax.value.b[k]))
      : null,
  )
  const shares = computed(() => {
    if (!scores.value) return null
    const top = Math.max(...scores.value),
      e = scores.value.map(z => Math.exp(z - top)),
      sum = e.reduce((a, b) => a + b)
    return e.map(one => one / sum)
  })

  // n × n numbers as a picture; signed: orange is negative, blue positive; press or hover a cell to choose it
  function grid(values, n, signed, choose, chosen, window, label) {
    const canvas = h('canvas', { class: 'numbers', role: 'img', 'aria-label': label, width: 252, height: 252 })
    const pen = canvas.getContext('2d'),
      each = 252 / n,
      most = Math.max(...values.map(Math.abs), 1e-9)
    for (let i = 0; i < n * n; i++) {
      const value = values[i],
        strength = signed ? Math.abs(value) / most : value
      pen.fillStyle = signed
        ? value < 0
          ? `rgba(245,147,34,${strength})`
          : `rgba(8,119,189,${strength})`
        : `rgb(${255 * strength},${255 * strength},${255 * strength})`
      if (signed) {
        const under = pen.fillStyle
        pen.fillStyle = '#fff'
        pen.fillRect((i % n) * each, Math.floor(i / n) * each, each, each)
        pen.fillStyle = under
      }
      pen.fillRect((i % n) * each, Math.floor(i / n) * each, each + 0.5, each + 0.5)
      if (n <= 8) {
        pen.fillStyle = signed ? '#111' : value > 0.5 ? '#000' : '#fff'
        pen.font = `${Math.round(each / 4)}px system-ui`
        pen.textAlign = 'center'
        pen.textBaseline = 'middle'
        pen.fillText(value.toFixed(2).replace('-', '−'), ((i % n) + 0.5) * each, (Math.floor(i / n) + 0.5) * each)
      }
    }
    if (chosen) {
      pen.lineWidth = 3
      pen.strokeStyle = '#d81b60'
      pen.strokeRect(chosen[1] * each, chosen[0] * each, each * window, each * window)
    }
    if (choose)
      for (const name of ['pointermove', 'pointerdown'])
        canvas.addEventListener(name, event =>
          choose(Math.floor((event.offsetY / canvas.clientHeight) * n), Math.floor((event.offsetX / canvas.clientWidth) * n)),
        )
    return canvas
  }
  const clamp = value => Math.max(0, Math.min(side.peek() - 3, value))
  const sum = () => {
    const n = side.value,
      [r, c] = [Math.min(at.value[0], n - 3), Math.min(at.value[1], n - 3)]
    const terms = w.value.map((weight, i) => [weight, x.value[(r + Math.floor(i / 3)) * n + c + (i % 3)]])
    return h(
      'p',
      { class: 'sum small', 'aria-live': 'polite' },
      terms.filter(([weight]) => weight).map(([weight, value], i) => `${i ? ' + ' : ''}${number(weight, 2)}·${number(value, 2)}`),
      ' = ',
      h(
        'b',
        {},
        number(
          terms.reduce((all, [a, b]) => all + a * b, 0),
          3,
        ),
      ),
    )
  }
  return h(
    'div',
    { class: 'byhand' },
    h(
      'section',
      { class: 'card' },
      h('h2', {}, say('1. A drawing is numbers')),
      board.element,
      h(
        'div',
        { class: 'row' },
        h('button', { onclick: board.wipe }, say('Wipe')),
        choice(
          say('numbers on a side'),
          [
            [4, '4 × 4'],
            [8, '8 × 8'],
            [14, '14 × 14'],
            [28, '28 × 28'],
          ],
          () => side.value,
          picked => {
            side.value = Number(picked)
            at.value = [0, 0]
          },
        ),
      ),
      () =>
        grid(
          x.value,
          side.value,
          false,
          (r, c) => {
            at.value = [clamp(r), clamp(c)]
          },
          [Math.min(at.value[0], side.value - 3), Math.min(at.value[1], side.value - 3)],
          3,
          say('the drawing in numbers'),
        ),
    ),
    h(
      'section',
      { class: 'card' },
      h('h2', {}, say('2. A filter slides over it')),
      choice(
        say('filter'),
        Object.entries(FILTERS).map(([key, one]) => [key, one.name()]),
        () => which.value,
        picked => {
          which.value = picked
        },
      ),
      h('div', { class: 'filter' }, () =>
        w.value.map((value, i) =>
          which.value === 'own'
            ? h('input', {
                type: 'number',
                step: 0.5,
                value,
                'aria-label': say('weight {n}', { n: i + 1 }),
                onchange: event => {
                  own.value = own.peek().map((one, j) => (j === i ? Number(event.target.value) || 0 : one))
                },
              })
            : h('span', {}, number(value, value % 1 ? 2 : 0)),
        ),
      ),
      () =>
        grid(
          convolved.value,
          side.value - 2,
          true,
          (r, c) => {
            at.value = [clamp(r), clamp(c)]
          },
          [Math.min(at.value[0], side.value - 3), Math.min(at.value[1], side.value - 3)],
          1,
          say('the filtered drawing'),
        ),
      h('p', { class: 'small soft' }, say('Blue is positive, orange negative. Move over a square: nine products, one sum.')),
      sum,
    ),
    h(
      'section',
      { class: 'card' },
      h('h2', {}, say('3. Pooled, flattened, weighted')),
      () => grid(small.value, 4, false, null, null, 1, say('the drawing as 4 × 4 means')),
      h('p', { class: 'small' }, say('Each square is the mean of 7 × 7 pixels. In a row they are 16 numbers:')),
      () => h('p', { class: 'numbers small' }, [...small.value].map(value => value.toFixed(2)).join('  ')),
      h('p', { class: 'small' }, say('Each class has 16 weights and a bias: multiply, add, and that is its score.')),
    ),
    h('section', { class: 'card' }, h('h2', {}, say('4. Scores become probabilities')), () =>
      shares.value
        ? [
            h(
              'table',
              { class: 'shares' },
              h(
                'thead',
                {},
                h(
                  'tr',
                  {},
                  h('th', {}, ''),
                  h('th', { class: 'n' }, say('score')),
                  h('th', {}, ''),
                  h('th', { class: 'n' }, 'softmax'),
                ),
              ),
              h(
                'tbody',
                {},
                shares.value.map((p, k) =>
                  h(
                    'tr',
                    {},
                    h('th', { scope: 'row' }, String(k)),
                    h('td', { class: 'n' }, number(scores.value[k], 2)),
                    h('td', {}, h('span', { class: 'length', style: { '--share': p } })),
                    h('td', { class: 'n' }, share(p)),
                  ),
                ),
              ),
            ),
            h(
              'p',
              { class: 'small soft' },
              say('One layer on 16 numbers: {share} right on digits it never saw. Compare with the network of the other page.', {
                share: share(softmax.value.accuracy),
              }),
            ),
          ]
        : h('p', { class: 'soft' }, say('one moment …')),
    ),
  )
}
