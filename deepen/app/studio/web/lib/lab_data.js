// The Playground's data: what there is to choose from, small pictures of it, and the column where one chooses.
import { h, slider } from './dom.js'
import { say } from './words.js'
import { point } from './paint.js'

export const RATES = [0.00001, 0.0001, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10],
  PENALTIES = [0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10]
export const SETS = {
  circle: () => say('Circle'),
  xor: () => say('Exclusive or'),
  gauss: () => say('Gaussian'),
  spiral: () => say('Spiral'),
  moons: () => say('Moons'),
  checker: () => say('Checkerboard'),
  rings: () => say('Rings'),
  blobs: () => say('Blobs'),
  four: () => say('Four points'),
  plane: () => say('Plane'),
  cones: () => say('Multi gaussian'),
}
export const NUMBERS = ['plane', 'cones'],
  FRESH = () => Math.random().toFixed(5)
export const HIDE = {
  showTestData: () => say('show test data'),
  discretize: () => say('discretise'),
  playButton: () => say('play'),
  stepButton: () => say('step'),
  resetButton: () => say('reset'),
  learningRate: () => say('learning rate'),
  activation: () => say('activation'),
  regularization: () => say('regularisation'),
  regularizationRate: () => say('regularisation rate'),
  problem: () => say('problem'),
  dataset: () => say('data set'),
  percTrainData: () => say('ratio'),
  noise: () => say('noise'),
  batchSize: () => say('batch size'),
  numHiddenLayers: () => say('number of layers'),
}
export const PRESETS = {
  playground: () => say('TensorFlow Playground compatible'),
  better: () => say('as one learns today (Adam, logistic loss)'),
  spiral: () => say('solve the spiral with X₁ and X₂ alone'),
}

export function dataColumn(lab) {
  const { change, epoch, hidden, more, numbers, opened, spec, tell } = lab
  return h(
    'section',
    { class: 'card data', 'aria-label': say('Data') },
    h('h2', {}, say('Data')),
    h('div', { class: 'sets', role: 'radiogroup', 'aria-label': say('Data set'), ...hidden('dataset') }, () =>
      (numbers.value && spec.value.data !== 'own'
        ? NUMBERS
        : Object.keys(SETS).filter(
            one => !NUMBERS.includes(one) && (more.value || ['circle', 'xor', 'gauss', 'spiral'].includes(one)),
          )
      ).map(one =>
        h(
          'button',
          {
            role: 'radio',
            'aria-checked': () => String(spec.value.data === one),
            title: SETS[one](),
            'aria-label': SETS[one](),
            onclick: () => {
              if (spec.peek().data !== one) change({ data: one })
            },
          },
          thumbnail(one),
        ),
      ),
    ),
    h(
      'button',
      {
        onclick: () =>
          import('../lib/owndata.js').then(({ ownData }) =>
            ownData(
              spec.peek().data === 'own' ? spec.peek().points : [],
              ({ points, classes }) =>
                change({
                  data: 'own',
                  points,
                  classes,
                  loss: classes > 2 ? 'softmax' : !classes || spec.peek().loss === 'softmax' ? 'squared' : spec.peek().loss,
                  share: points.length < 20 ? 0.8 : spec.peek().share,
                }),
              tell,
            ),
          ),
      },
      say('Your own points …'),
    ),
    slider(
      say('Ratio of training to test data'),
      10,
      90,
      10,
      () => Math.round(100 * (spec.value.share ?? 0.5)),
      picked => change({ share: picked / 100 }),
      value => `${value} %`,
      hidden('percTrainData'),
    ),
    slider(
      say('Noise'),
      0,
      () => (more.value ? 100 : 50),
      5,
      () => Math.round(100 * (spec.value.noise ?? 0)),
      picked => change({ noise: picked / 100 }),
      value => String(value),
      hidden('noise'),
    ),
    slider(
      say('Batch size'),
      1,
      30,
      1,
      () => spec.value.batch ?? 10,
      picked => change({ batch: picked }),
      value => String(value),
      hidden('batchSize'),
    ),
    () =>
      more.value
        ? slider(
            say('Points'),
            50,
            5000,
            50,
            () => spec.value.count || (numbers.value ? 1200 : 500),
            picked => change({ count: picked }),
          )
        : null,
    h(
      'button',
      { onclick: () => change({ seed: FRESH(), start: opened.peek().start }, lab.touched || epoch.peek() > 0) },
      say('Regenerate'),
    ),
  )
}

// Small pictures of the data sets, drawn from the same formulas without noise.
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

function thumbnail(name, side = 56) {
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
