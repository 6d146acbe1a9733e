// The Playground's controls: those of the first page, and more.
import { onEnd } from './signals.js'
import { check, choice, h } from './dom.js'
import { say } from './words.js'
import { RATES, PENALTIES, FRESH, HIDE, PRESETS } from './lab_data.js'

export function controls(lab) {
  const { change, epoch, guide, hidden, live, more, numbers, play, playing, rewind, send, snapshot, spec, step } = lab
  return h(
    'section',
    { class: 'card controls', 'aria-label': say('controls') },
    h(
      'button',
      {
        class: 'round plain',
        onclick: rewind,
        title: say('back to the same first weights (R)'),
        'aria-label': say('Rewind'),
        ...hidden('resetButton'),
      },
      '⟲',
    ),
    h(
      'button',
      {
        class: 'round main',
        onclick: play,
        'aria-label': () => (playing.value ? say('Pause') : say('Play')),
        title: say('play or pause (space)'),
        ...hidden('playButton'),
      },
      () => (playing.value ? '❚❚' : '▶'),
    ),
    h(
      'button',
      {
        class: 'round plain',
        onclick: () => step(),
        'aria-label': say('Step'),
        title: say('one epoch (→)'),
        ...hidden('stepButton'),
      },
      '▶❚',
    ),
    h(
      'div',
      { class: 'epoch' },
      h('span', { class: 'soft small' }, say('Epoch')),
      h('b', { role: 'timer' }, () =>
        String(epoch.value)
          .padStart(6, '0')
          .replace(/(\d{3})$/, ',$1'),
      ),
    ),
    choice(
      say('Learning rate'),
      RATES.map(one => [one, String(one)]).concat(
        RATES.includes(spec.peek().lr) || !spec.peek().lr ? [] : [[spec.peek().lr, String(spec.peek().lr)]],
      ),
      () => spec.value.lr,
      picked => live('lr', Number(picked)),
      hidden('learningRate'),
    ),
    choice(
      say('Activation'),
      Object.entries({
        relu: 'ReLU',
        tanh: 'Tanh',
        sigmoid: 'Sigmoid',
        linear: 'Linear',
        leaky: 'Leaky ReLU',
        elu: 'ELU',
        gelu: 'GELU',
        softplus: 'Softplus',
        sine: 'Sine',
        step: 'Step',
      }),
      () => spec.value.activation[0],
      picked => change({ activation: [picked] }),
      hidden('activation'),
    ),
    choice(
      say('Regularisation'),
      [
        ['none', say('None')],
        ['l1', 'L1'],
        ['l2', 'L2'],
      ],
      () => spec.value.penalty,
      picked => change({ penalty: picked }),
      hidden('regularization'),
    ),
    choice(
      say('Regularisation rate'),
      PENALTIES.map(one => [one, String(one)]),
      () => spec.value.penalty_rate,
      picked => change({ penalty_rate: Number(picked) }),
      hidden('regularizationRate'),
    ),
    choice(
      say('Problem type'),
      [
        ['classification', say('Classification')],
        ['regression', say('Regression')],
      ],
      () => (numbers.value ? 'regression' : 'classification'),
      picked =>
        change(picked === 'regression' ? { data: 'plane', loss: 'squared', seed: FRESH() } : { data: 'circle', seed: FRESH() }),
      hidden('problem'),
    ),
    h('span', { class: 'grow' }),
    h('button', { onclick: snapshot }, say('Snapshot')),
    h('button', { onclick: () => send('export') }, say('Share, export')),
    h('button', { onclick: guide }, say('What is all this?')),
    check(
      say('more'),
      () => more.value,
      on => {
        more.value = on
        localStorage.setItem('more', on ? 'yes' : 'no')
      },
    ),
  )
}

export function advanced(lab) {
  const { change, look, numbers, send, spec, speed, step, view } = lab
  return h(
    'section',
    { class: 'card controls more', 'aria-label': say('more controls') },
    choice(
      say('Preset'),
      [['', say('choose …')], ...Object.entries(PRESETS).map(([key, text]) => [key, text()])],
      () => '',
      picked => preset(lab, picked),
    ),
    choice(
      say('Optimizer'),
      [
        ['sgd', 'SGD'],
        ['momentum', 'Momentum'],
        ['adam', 'Adam'],
      ],
      () => spec.value.optimizer,
      picked => change({ optimizer: picked }),
    ),
    choice(
      say('Loss'),
      [
        ['squared', say('squared')],
        ['logistic', say('logistic')],
        ['softmax', 'softmax'],
      ].filter(([key]) => key === 'squared' || !numbers.value),
      () => spec.value.loss,
      picked => change({ loss: picked }),
    ),
    choice(
      say('First weights'),
      [
        ['playground', say('as Playground')],
        ['xavier', 'Xavier'],
        ['he', 'He'],
        ['zero', say('all zero')],
      ],
      () => spec.value.init,
      picked => change({ init: picked }),
    ),
    check(
      say('new order each epoch'),
      () => spec.value.shuffle,
      on => change({ shuffle: on, carry: !on }),
    ),
    () =>
      ['rings', 'blobs'].includes(spec.value.data)
        ? choice(
            say('Classes'),
            [2, 3, 4, 5, 6].map(one => [one, one]),
            () => spec.value.classes,
            picked => change({ classes: Number(picked), loss: Number(picked) > 2 ? 'softmax' : 'squared' }),
          )
        : null,
    h(
      'button',
      { onclick: () => change({ start: FRESH() }), title: say('other first weights, the same points') },
      '⚄ ',
      say('new weights'),
    ),
    choice(
      say('Speed'),
      [
        [1, say('slow: 1 epoch a second')],
        [10, '10'],
        [60, say('60 epochs a second')],
        [0, say('as fast as it can')],
      ],
      () => speed.value,
      picked => {
        speed.value = Number(picked)
        send('set', { speed: speed.peek() })
      },
    ),
    h('button', { onclick: () => step(true) }, say('One batch')),
    stop(lab, 'epochs', say('Stop at epoch'), 1),
    stop(lab, 'loss', say('Stop at test loss'), 0.001),
    stop(lab, 'patience', say('Stop when no better for'), 10),
    h(
      'details',
      {},
      h('summary', {}, say('Hide controls')),
      h(
        'div',
        { class: 'row' },
        Object.entries(HIDE).map(([key, text]) =>
          check(
            text(),
            () => !view(`${key}_hide`),
            on => look(`${key}_hide`, !on),
          ),
        ),
      ),
    ),
  )
}

function preset(lab, picked) {
  const { change, numbers, opened, send, spec, speed, stops } = lab
  if (!picked) return
  const rules = {
    shuffle: false,
    carry: true,
    optimizer: 'sgd',
    loss: 'squared',
    lr: 0.03,
    init: 'playground',
    batch: 10,
    penalty: 'none',
    penalty_rate: 0,
    bias: true,
    drop: [0],
  }
  const net = picked === 'spiral' ? { features: ['x1', 'x2'], activation: ['tanh'], noise: 0, share: 0.5, count: 0 } : {}
  change({
    ...spec.peek(),
    ...rules,
    ...net,
    ...opened.peek().presets[picked],
    ...(numbers.peek() && picked === 'better' ? { loss: 'squared' } : {}),
  })
  if (picked === 'spiral') {
    speed.value = 0
    stops.value = { error: 0.01 } // ½(out − t)² on the test points
    send('set', { speed: 0, stops: stops.peek() })
  }
}

function stop(lab, key, text, by) {
  const { send, stops } = lab
  return h(
    'label',
    { class: 'field' },
    h('span', {}, text),
    h('input', {
      type: 'number',
      step: by,
      min: 0,
      placeholder: '–',
      onchange: event => {
        const next = { ...stops.peek() }
        if (event.target.value === '') delete next[key]
        else next[key] = Number(event.target.value)
        stops.value = next
        send('set', { stops: next })
      },
    }),
  )
}

// What it hears from outside its controls: keys, a hidden tab, a pasted link, the address.
export function listen({ play, step, rewind, guide, playing, send, opened, tell }) {
  const keys = event => {
    if (
      event.target.closest?.('input,select,textarea,dialog,[role=application]') ||
      event.ctrlKey ||
      event.metaKey ||
      event.altKey
    )
      return
    if (event.key === ' ' && !event.target.closest('button')) {
      event.preventDefault()
      play()
    }
    if (event.key === 'ArrowRight' && !event.target.closest('button')) {
      event.preventDefault()
      step()
    }
    if (event.key.toLowerCase() === 'r') rewind()
    if (event.key.toLowerCase() === 'e') guide()
  }
  addEventListener('keydown', keys)
  onEnd(() => removeEventListener('keydown', keys))
  const unseen = () => {
    if (document.hidden && playing.peek())
      setTimeout(() => {
        if (document.hidden && playing.peek()) play()
      }, 30_000)
  }
  document.addEventListener('visibilitychange', unseen)
  onEnd(() => document.removeEventListener('visibilitychange', unseen))
  const pasted = event => {
    const text = event.clipboardData?.getData('text') ?? ''
    if (/playground\.tensorflow\.org\/#|\/playground#/.test(text) && !event.target.closest?.('input,textarea')) {
      send('open', { link: text })
      tell(say('Opened the experiment of the link.'), 'good')
    }
  }
  addEventListener('paste', pasted)
  onEnd(() => removeEventListener('paste', pasted))
  const turned = () => {
    if (location.hash.length > 1 && location.hash !== opened.peek()?.link.slice(opened.peek().link.indexOf('#')))
      send('open', { link: location.hash.slice(1) })
  }
  addEventListener('hashchange', turned)
  onEnd(() => removeEventListener('hashchange', turned))
}
