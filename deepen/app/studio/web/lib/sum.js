// A neuron's sum with the real numbers, at one point.
import { fill, h } from './dom.js'
import { number, say } from './words.js'
import { ACTIVATIONS, FEATURES } from './paint.js'
import { places } from './netgraph.js'

export function forward(opened, weights, point) {
  const { widths, spec } = opened,
    where = places(widths),
    layers = [spec.features.map(name => FEATURES[name][1](...point))],
    sums = [[]]
  for (let l = 1; l < widths.length; l++) {
    const last = l === widths.length - 1
    const kind = last
      ? opened.classes && spec.loss === 'squared'
        ? 'tanh'
        : 'linear'
      : spec.activation[spec.activation.length > 1 ? l - 1 : 0]
    sums.push(
      Array.from({ length: widths[l] }, (_, j) =>
        layers[l - 1].reduce((sum, value, i) => sum + weights[where[l - 1].weight(j, i)] * value, weights[where[l - 1].bias(j)]),
      ),
    )
    layers.push(sums[l].map(ACTIVATIONS[kind]))
    layers[l].kind = kind
  }
  return { layers, sums, where }
}

export function sum(box, { l, i, at, opened, weights, close, explain }) {
  const { layers, sums, where } = forward(opened, weights, at),
    end = opened.widths.length - 1
  const layer = Math.min(l, end),
    neuron = Math.min(i, opened.widths[layer] - 1),
    before = layers[layer - 1]
  const named = layer === 1 ? opened.spec.features.map(name => FEATURES[name][0]) : before.map((_, k) => `h${k + 1}`)
  const nearest = opened.points.x.reduce(
    (best, [a, b], k) =>
      Math.hypot(a - at[0], b - at[1]) < Math.hypot(opened.points.x[best][0] - at[0], opened.points.x[best][1] - at[1])
        ? k
        : best,
    0,
  )
  const target = opened.classes ? (opened.points.t[nearest] > 0 ? 1 : -1) : opened.points.t[nearest],
    out = layers[end][0]
  fill(
    box,
    h(
      'div',
      { class: 'row' },
      h(
        'h2',
        {},
        layer === end
          ? say('The output at x {a}, y {b}', { a: number(at[0], 2), b: number(at[1], 2) })
          : say('Neuron {n} of layer {l} at x {a}, y {b}', { n: neuron + 1, l: layer, a: number(at[0], 2), b: number(at[1], 2) }),
      ),
      h('span', { class: 'grow' }),
      opened.widths
        .slice(1)
        .map((n, k) =>
          h(
            'button',
            { 'aria-pressed': String(layer === k + 1), onclick: () => explain(k + 1, 0, at) },
            k + 1 === end ? say('output') : say('layer {n}', { n: k + 1 }),
          ),
        ),
      h('button', { onclick: close }, say('Close')),
    ),
    h(
      'p',
      { class: 'formula' },
      `${layers[layer].kind}( `,
      named.map((name, k) => `${k ? ' + ' : ''}w${k + 1}·${name}`),
      ' + b ) = ',
    ),
    h(
      'p',
      { class: 'formula' },
      `${layers[layer].kind}( `,
      before.map((value, k) => [
        k ? ' + ' : '',
        h('b', {}, number(weights[where[layer - 1].weight(neuron, k)], 2)),
        `·${number(value, 2)}`,
      ]),
      ' + ',
      h('b', {}, number(weights[where[layer - 1].bias(neuron)], 2)),
      ` ) = ${layers[layer].kind}( ${number(sums[layer][neuron], 3)} ) = `,
      h('b', { class: 'result' }, number(layers[layer][neuron], 3)),
    ),
    layer === end && opened.widths[end] === 1 && opened.spec.loss === 'squared'
      ? h(
          'p',
          { class: 'formula' },
          say('loss at the nearest point, target {t}:', { t: number(target, 2) }),
          ` ½ · (${number(out, 3)} − ${number(target, 2)})² = `,
          h('b', {}, number((out - target) ** 2 / 2, 4)),
        )
      : null,
  )
}
