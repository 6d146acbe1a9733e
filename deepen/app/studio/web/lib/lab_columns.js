// The Playground's columns of the network and of the output, and the snapshots below them.
import { check, choice, h } from './dom.js'
import { count, number, say, share } from './words.js'
import { ACTIVATIONS } from './paint.js'

export function networkColumn(lab) {
  const { change, hidden, more, net, opened, spec } = lab
  return h(
    'section',
    { class: 'card network', 'aria-label': say('Network') },
    h(
      'div',
      { class: 'row layers', ...hidden('numHiddenLayers') },
      h(
        'button',
        {
          class: 'round small',
          'aria-label': say('remove a layer'),
          onclick: () => change({ layers: spec.peek().layers.slice(0, -1) }),
        },
        '−',
      ),
      h(
        'button',
        {
          class: 'round small',
          'aria-label': say('add a layer'),
          disabled: () => spec.value.layers.length >= (more.value ? 12 : 6),
          onclick: () => change({ layers: [...spec.peek().layers, 2] }),
        },
        '+',
      ),
      h('b', {}, () => say('{n} hidden layers', { n: spec.value.layers.length })),
      h('span', { class: 'soft small' }, () => (opened.value ? say('{n} weights', { n: count(opened.value.parameters) }) : '')),
    ),
    h(
      'div',
      { class: 'heads' },
      h('span', { class: 'small' }, say('Features')),
      () => spec.value.layers.map((n, i) => head(lab, n, i)),
      h('span', { class: 'small' }, say('Output')),
    ),
    net.element,
    h(
      'p',
      { class: 'small soft' },
      say(
        'Press a feature to use it. Press a link or the small square of a bias to change its value; press a neuron to see its sum. Dashed links are negative, thick ones strong.',
      ),
    ),
  )
}

function head(lab, n, i) {
  const { change, more, spec } = lab
  const put = value => change({ layers: spec.peek().layers.map((one, j) => (j === i ? value : one)) })
  const each = (key, value) =>
    change({ [key]: spec.peek().layers.map((_, j) => (j === i ? value : spec.peek()[key][spec.peek()[key].length > 1 ? j : 0])) })
  const of = key => spec.value[key][spec.value[key].length > 1 ? i : 0]
  return h(
    'div',
    { class: 'head' },
    h(
      'div',
      {},
      h(
        'button',
        {
          class: 'round small',
          'aria-label': say('one neuron less in layer {n}', { n: i + 1 }),
          disabled: n <= 1,
          onclick: () => put(n - 1),
        },
        '−',
      ),
      h(
        'button',
        {
          class: 'round small',
          'aria-label': say('one neuron more in layer {n}', { n: i + 1 }),
          disabled: n >= (more.value ? 64 : 8),
          onclick: () => put(n + 1),
        },
        '+',
      ),
    ),
    h('span', { class: 'small' }, n === 1 ? say('1 neuron') : say('{n} neurons', { n })),
    () =>
      more.value
        ? [
            choice(
              say('Activation of layer {n}', { n: i + 1 }),
              Object.keys(ACTIVATIONS).map(one => [one, one]),
              () => of('activation'),
              picked => each('activation', picked),
            ),
            choice(
              say('Dropout of layer {n}', { n: i + 1 }),
              [0, 0.1, 0.2, 0.3, 0.5, 0.8].map(one => [one, one ? `drop ${one}` : say('no dropout')]),
              () => of('drop'),
              picked => each('drop', Number(picked)),
            ),
          ]
        : null,
  )
}

export function outputColumn(lab) {
  const { discretise, hidden, logarithm, look, losses, map, more, rival, send, showTest } = lab
  return h(
    'section',
    { class: 'card out', 'aria-label': say('Output') },
    h('div', { class: 'scores', 'aria-live': 'off' }, () => told(lab)),
    losses.element,
    map.element,
    h('div', { class: 'ramp', 'aria-hidden': 'true' }, h('span', {}, '−1'), h('span', { class: 'bar' }), h('span', {}, '1')),
    h('p', { class: 'small soft' }, say('Colours show the answer for each place: orange is −1, blue is 1, the dark line is 0.')),
    h(
      'div',
      { class: 'row' },
      check(
        say('Show test data'),
        () => showTest.value,
        on => look('showTestData', on),
        hidden('showTestData'),
      ),
      check(
        say('Discretise output'),
        () => discretise.value,
        on => look('discretize', on),
        hidden('discretize'),
      ),
    ),
    () =>
      more.value
        ? h(
            'div',
            { class: 'row' },
            choice(
              say('Beside it'),
              [
                ['', say('nothing')],
                ['svm', 'SVM'],
                ['tree', say('a tree')],
                ['forest', say('a forest')],
                ['neighbours', say('neighbours')],
                ['line', say('a straight line')],
              ],
              () => rival.value?.kind ?? '',
              picked => (picked ? send('rival', { kind: picked }) : (rival.value = null)),
            ),
            () =>
              rival.value
                ? h(
                    'span',
                    { class: 'small' },
                    rival.value.classes
                      ? say('right half: {share} of the test right', { share: share(rival.value.test) })
                      : say('right half: test loss {loss}', { loss: number(rival.value.test) }),
                  )
                : null,
            check(
              say('logarithmic'),
              () => logarithm.value,
              on => {
                logarithm.value = on
              },
            ),
          )
        : null,
  )
}

function told(lab) {
  const { playing, scores, spec } = lab
  const now = scores.value,
    right = now && !Number.isNaN(now.right)
  return [
    h('div', {}, h('span', { class: 'small soft' }, say('Test loss')), h('b', {}, now ? now.test.toFixed(3) : '–')),
    h('div', {}, h('span', { class: 'small soft' }, say('Training loss')), h('b', {}, now ? now.train.toFixed(3) : '–')),
    now && spec.value.loss !== 'squared'
      ? h(
          'div',
          { title: say('the loss that Playground shows, to compare') },
          h('span', { class: 'small soft' }, say('Test ½(out − t)²')),
          h('b', {}, now.testError.toFixed(3)),
        )
      : null,
    right ? h('div', {}, h('span', { class: 'small soft' }, say('Test right')), h('b', {}, share(now.testRight, 0))) : null,
    now && playing.value && now.pace
      ? h('div', {}, h('span', { class: 'small soft' }, say('Epochs a second')), h('b', {}, count(Math.round(now.pace))))
      : null,
  ]
}

// snapshots of a net: back to one, or its curve in the chart
export function strip(lab) {
  const { history, restore } = lab
  return h(
    'section',
    { class: 'card', 'aria-label': say('Snapshots') },
    h('h2', {}, say('Snapshots')),
    h(
      'div',
      { class: 'snapshots' },
      history.value.map((one, i) =>
        h(
          'figure',
          {},
          h(
            'button',
            { class: 'plain', onclick: () => restore(one), 'aria-label': say('back to {name}', { name: one.name }) },
            h('img', { src: one.picture, alt: '' }),
          ),
          h(
            'figcaption',
            { class: 'small' },
            h('b', {}, one.name),
            h('br'),
            say('test {test} · train {train}', { test: one.test.toFixed(3), train: one.train.toFixed(3) }),
            h('br'),
            say('epoch {n} · {weights} weights', { n: count(one.epoch), weights: one.parameters }),
            h('br'),
            check(
              say('in the chart'),
              () => one.pinned,
              on => {
                history.value = history.peek().map((other, j) => (j === i ? { ...other, pinned: on } : other))
              },
            ),
          ),
        ),
      ),
    ),
  )
}
