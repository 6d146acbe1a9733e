// The Playground: a small network on points of a plane. Everything on the page is one spec; the address holds it.
import { batch, computed, effect, onEnd, signal } from '../lib/signals.js'
import { add, check, choice, fill, h, slider } from '../lib/dom.js'
import { count, language, number, say, share } from '../lib/words.js'
import { chart } from '../lib/chart.js'
import { connect } from '../lib/frames.js'
import { ACTIVATIONS } from '../lib/paint.js'
import { graph } from '../lib/netgraph.js'
import { output } from '../lib/output.js'
import { thumbnail } from '../lib/thumbnail.js'
import { style } from '../lib/style.js'

style('/static/pages/playground.css')

const RATES = [0.00001, 0.0001, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10], PENALTIES = [0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10]
const SETS = { circle: () => say('Circle'), xor: () => say('Exclusive or'), gauss: () => say('Gaussian'), spiral: () => say('Spiral'), moons: () => say('Moons'), checker: () => say('Checkerboard'), rings: () => say('Rings'), blobs: () => say('Blobs'), four: () => say('Four points'), plane: () => say('Plane'), cones: () => say('Multi gaussian') }
const NUMBERS = ['plane', 'cones'], FRESH = () => Math.random().toFixed(5)
const HIDE = { showTestData: () => say('show test data'), discretize: () => say('discretise'), playButton: () => say('play'), stepButton: () => say('step'), resetButton: () => say('reset'), learningRate: () => say('learning rate'), activation: () => say('activation'), regularization: () => say('regularisation'), regularizationRate: () => say('regularisation rate'), problem: () => say('problem'), dataset: () => say('data set'), percTrainData: () => say('ratio'), noise: () => say('noise'), batchSize: () => say('batch size'), numHiddenLayers: () => say('number of layers') }
const PRESETS = { playground: () => say('TensorFlow Playground compatible'), better: () => say('as one learns today (Adam, logistic loss)'), spiral: () => say('solve the spiral with X₁ and X₂ alone') }

const name = () => { let kept = sessionStorage.getItem('session'); if (!kept) { kept = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random().toString(36).slice(2, 12)}`; sessionStorage.setItem('session', kept) } return kept }

// what a net had learned, as an order: its weights, its epoch, and a curve of a few hundred points
const learned = ({ weights, epoch, curve }) => ({ weights: Array.from(weights, one => Number(one.toPrecision(9))), base: epoch, curve: curve.filter((_, i) => i % Math.ceil(curve.length / 400) === 0 || i === curve.length - 1) })

export function page(root, { tell, me }) {
  const opened = signal(null), playing = signal(false), epoch = signal(0), scores = signal(null), rival = signal(null), speed = signal(60), chosen = signal(-1), more = signal(localStorage.getItem('more') === 'yes'), curve = signal([]), history = signal([]), problem = signal(''), stops = signal({}), locked = signal([]), explained = signal(null)
  const spec = computed(() => opened.value?.spec ?? { view: {}, features: ['x1', 'x2'], layers: [4, 2], activation: ['tanh'], drop: [0] })
  const view = key => (spec.value.view[key] ?? 'false') !== 'false'
  const showTest = computed(() => view('showTestData')), discretise = computed(() => view('discretize'))
  const numbers = computed(() => opened.value ? !opened.value.classes : false)
  let last = null, wanted = false, goOn = false, touched = false         // goOn: it played; touched: a weight was set by hand

  const { send, state } = connect(name(), { heard, drawn })
  function heard(told) {
    if (told.t === 'empty') {                               // a new session, or the server was restarted: what we had, else the address
      if (opened.peek()) change({}, true)
      else if (location.hash.length > 1) send('open', { link: location.hash.slice(1) })
      else send('open', { spec: { seed: FRESH() } })
    } else if (told.t === 'opened') {
      batch(() => { opened.value = told; curve.value = told.curve; rival.value = null; problem.value = ''; playing.value = Boolean(told.playing) })
      const hash = told.link.slice(told.link.indexOf('#'))
      if (told.back && location.hash.length > 1 && location.hash !== hash && !wanted) { wanted = true; send('open', { link: location.hash.slice(1) }); return }
      wanted = true
      window.history.replaceState(null, '', hash)
      localStorage.setItem('playground-link', told.link)
      send('set', { speed: speed.peek(), stops: stops.peek() })
      if (told.playing || goOn) send('play')
      playing.value = Boolean(told.playing || goOn); goOn = touched = false
    } else if (told.t === 'asked') {
      opened.value = { ...opened.peek(), spec: told.spec, link: told.link }
      window.history.replaceState(null, '', told.link.slice(told.link.indexOf('#')))
    } else if (told.t === 'broken') { playing.value = false; problem.value = say('The steps became too big and the numbers broke at epoch {n}. Try a smaller learning rate, for example 0.03.', { n: count(told.epoch) }) }
    else if (told.t === 'stopped') { playing.value = false; tell(told.why === 'loss' ? say('Reached: test loss {loss} at epoch {n}.', { loss: number(told.test), n: count(told.epoch) }) : say('Stopped at epoch {n} by your rule.', { n: count(told.epoch) }), 'good') }
    else if (told.t === 'curve') curve.value = told.curve
    else if (told.t === 'rival') rival.value = told
    else if (told.t === 'export') import('../lib/export.js').then(({ exported }) => exported(told))
    else if (told.t === 'refused') tell(new Error(told.problem))
  }
  let waiting = null, painted = 0
  const calm = matchMedia('(prefers-reduced-motion: reduce)')
  function drawn(frame) {                                   // the newest only, when the browser paints
    if (frame.revision !== (opened.peek()?.revision & 0xffff)) return
    const soon = () => requestAnimationFrame(() => { const next = waiting; waiting = null; paint(next) })
    if (!waiting) { if (calm.matches && playing.peek()) setTimeout(soon, 500); else soon() }         // who wants less motion: two pictures a second
    waiting = frame
  }
  function paint(frame) {
    last = frame
    net.draw(frame, discretise.peek()); map.draw(frame)
    const points = curve.peek(), now = [frame.epoch, frame.train, frame.test]
    if (!points.length || frame.epoch > points.at(-1)[0]) points.push(now)
    else if (frame.epoch < points.at(-1)[0]) curve.value = [now]
    else points[points.length - 1] = now
    if (points.length > 6000) curve.value = points.filter((_, i) => i % 2 === 0)
    const still = frame.flags & 1 || ++painted % 3 === 0     // while it plays, numbers and curve twenty times a second: who could read more?
    batch(() => { epoch.value = frame.epoch; if (still) scores.value = frame; playing.value = !(frame.flags & 1) || (playing.peek() && frame.epoch === 0) })
    if (still) losses.draw()
  }

  // every change goes through here: a new net, unless it can be changed while it learns
  function change(values, keep = false) {
    const now = { ...spec.peek(), ...values }
    if (values.data && !('loss' in values) && NUMBERS.includes(values.data)) now.loss = 'squared'
    if (values.data && values.data !== 'own') { now.points = []; if (!['rings', 'blobs'].includes(values.data)) now.classes = 2 }
    if (now.classes > 2 && now.loss === 'logistic') now.loss = 'softmax'
    for (const key of ['activation', 'drop']) if (now[key].length > 1 && now[key].length !== now.layers.length) now[key] = Array.from({ length: now.layers.length }, (_, i) => now[key][Math.min(i, now[key].length - 1)])
    if (!now.layers.length) { now.activation = now.activation.slice(0, 1); now.drop = now.drop.slice(0, 1) }
    goOn = keep && playing.peek()
    send('open', { spec: now, ...(keep && last ? learned({ ...last, curve: curve.peek() }) : {}) })
  }
  const look = (key, on) => send('look', { view: { ...spec.peek().view, [key]: on ? 'true' : 'false' } })
  const live = (key, value) => send('change', { [key]: value })
  const play = () => { playing.value = !playing.peek(); send(playing.peek() ? 'play' : 'pause') }
  const step = batchOnly => { playing.value = false; send('step', { batch: batchOnly }) }
  const rewind = () => { playing.value = false; curve.value = []; send('rewind') }
  const keys = event => {
    if (event.target.closest?.('input,select,textarea,dialog,[role=application]') || event.ctrlKey || event.metaKey || event.altKey) return
    if (event.key === ' ' && !event.target.closest('button')) { event.preventDefault(); play() }
    if (event.key === 'ArrowRight' && !event.target.closest('button')) { event.preventDefault(); step() }
    if (event.key.toLowerCase() === 'r') rewind()
    if (event.key.toLowerCase() === 'e') guide()
  }
  addEventListener('keydown', keys); onEnd(() => removeEventListener('keydown', keys))
  const hidden = key => ({ 'data-part': key, hidden: () => view(`${key}_hide`) || locked.value.includes(key) })
  const unseen = () => { if (document.hidden && playing.peek()) setTimeout(() => { if (document.hidden && playing.peek()) play() }, 30_000) }
  document.addEventListener('visibilitychange', unseen); onEnd(() => document.removeEventListener('visibilitychange', unseen))
  const pasted = event => { const text = event.clipboardData?.getData('text') ?? ''; if (/playground\.tensorflow\.org\/#|\/playground#/.test(text) && !event.target.closest?.('input,textarea')) { send('open', { link: text }); tell(say('Opened the experiment of the link.'), 'good') } }
  addEventListener('paste', pasted); onEnd(() => removeEventListener('paste', pasted))
  const turned = () => { if (location.hash.length > 1 && location.hash !== opened.peek()?.link.slice(opened.peek().link.indexOf('#'))) send('open', { link: location.hash.slice(1) }) }
  addEventListener('hashchange', turned); onEnd(() => removeEventListener('hashchange', turned))

  const bar = document.querySelector('header.bar')
  effect(() => { bar.hidden = view('hideText') }); onEnd(() => { bar.hidden = false })

  const net = graph({ opened, spec, change, order: (what, more) => { touched ||= what === 'edit'; send(what, more) }, chosen, explain: (l, i) => explain(l, i) })
  const map = output({ opened, showTest, discretise, rival, pick: point => explain(null, null, point) })
  const losses = chart({ height: 120, label: say('loss over the epochs'), x: value => count(Math.round(value)), log: () => more.value && logarithm.value, lines: () => [
    { name: say('test'), colour: '--ink', points: curve.value.map(([n, , test]) => [n, test]) }, { name: say('train'), colour: '--soft', dash: [5, 3], points: curve.value.map(([n, train]) => [n, train]) },
    ...history.value.filter(one => one.pinned).map(one => ({ name: one.name, colour: '--blue', dash: [2, 3], points: one.curve.map(([n, , test]) => [n, test]) }))] })
  const logarithm = signal(false)
  effect(() => { curve.value; history.value; queueMicrotask(losses.draw) })
  effect(() => { document.getElementById('light').replaceChildren(state.value === 'connected' ? '' : h('span', { class: 'bad' }, '◌ ', say('connecting …'))) })
  onEnd(() => document.getElementById('light').replaceChildren())

  function snapshot() {
    if (!last) return
    history.value = [...history.peek().slice(-11), { name: say('snapshot {n}', { n: history.peek().length + 1 }), picture: map.picture().toDataURL(), spec: spec.peek(), weights: [...last.weights], curve: [...curve.peek()], train: last.train, test: last.test, epoch: last.epoch, parameters: opened.peek().parameters, pinned: false }]
  }
  const restore = one => send('open', { spec: one.spec, ...learned(one) })
  const guide = () => import('../lib/guide.js').then(({ guide: open }) => open())
  function explain(l, i, at) {
    explained.value = { l: l ?? explained.peek()?.l ?? 1, i: i ?? explained.peek()?.i ?? 0, at: at ?? map.probed.peek() ?? opened.peek()?.points.x[0] ?? [0, 0] }
    document.getElementById('sum')?.scrollIntoView({ block: 'nearest' })
  }
  if (me.value.role === 'student') import('../lib/room.js').then(({ room }) => room({ tell, apply: link => send('open', { link }), locked, pause: on => { if (on && playing.peek()) play() },
    digest: () => last && { epoch: last.epoch, train: last.train, test: last.test, right: Number.isNaN(last.testRight) ? null : last.testRight, playing: playing.peek(), broken: Boolean(last.flags & 2), field: last.field && { side: last.field.side, values: last.field.values }, link: opened.peek()?.link } })).catch(tell)

  add(root, h('h1', { class: 'hidden' }, say('Playground')),
    h('section', { class: 'card controls', 'aria-label': say('controls') },
      h('button', { class: 'round plain', onclick: rewind, title: say('back to the same first weights (R)'), 'aria-label': say('Rewind'), ...hidden('resetButton') }, '⟲'),
      h('button', { class: 'round main', onclick: play, 'aria-label': () => playing.value ? say('Pause') : say('Play'), title: say('play or pause (space)'), ...hidden('playButton') }, () => playing.value ? '❚❚' : '▶'),
      h('button', { class: 'round plain', onclick: () => step(), 'aria-label': say('Step'), title: say('one epoch (→)'), ...hidden('stepButton') }, '▶❚'),
      h('div', { class: 'epoch' }, h('span', { class: 'soft small' }, say('Epoch')), h('b', { role: 'timer' }, () => String(epoch.value).padStart(6, '0').replace(/(\d{3})$/, ',$1'))),
      choice(say('Learning rate'), RATES.map(one => [one, String(one)]).concat(RATES.includes(spec.peek().lr) || !spec.peek().lr ? [] : [[spec.peek().lr, String(spec.peek().lr)]]), () => spec.value.lr, picked => live('lr', Number(picked)), hidden('learningRate')),
      choice(say('Activation'), Object.entries({ relu: 'ReLU', tanh: 'Tanh', sigmoid: 'Sigmoid', linear: 'Linear', leaky: 'Leaky ReLU', elu: 'ELU', gelu: 'GELU', softplus: 'Softplus', sine: 'Sine', step: 'Step' }), () => spec.value.activation[0], picked => change({ activation: [picked] }), hidden('activation')),
      choice(say('Regularisation'), [['none', say('None')], ['l1', 'L1'], ['l2', 'L2']], () => spec.value.penalty, picked => change({ penalty: picked }), hidden('regularization')),
      choice(say('Regularisation rate'), PENALTIES.map(one => [one, String(one)]), () => spec.value.penalty_rate, picked => change({ penalty_rate: Number(picked) }), hidden('regularizationRate')),
      choice(say('Problem type'), [['classification', say('Classification')], ['regression', say('Regression')]], () => numbers.value ? 'regression' : 'classification', picked => change(picked === 'regression' ? { data: 'plane', loss: 'squared', seed: FRESH() } : { data: 'circle', seed: FRESH() }), hidden('problem')),
      h('span', { class: 'grow' }), h('button', { onclick: snapshot }, say('Snapshot')), h('button', { onclick: () => send('export') }, say('Share, export')), h('button', { onclick: guide }, say('What is all this?')), check(say('more'), () => more.value, on => { more.value = on; localStorage.setItem('more', on ? 'yes' : 'no') })),
    () => problem.value ? h('div', { class: 'card trouble', role: 'alert' }, h('p', { class: 'bad' }, problem.value), h('button', { onclick: () => { problem.value = ''; send('back') } }, say('Back to the last good weights'))) : null,
    () => more.value ? advanced() : null,
    h('div', { class: 'playground' },
      h('section', { class: 'card data', 'aria-label': say('Data') }, h('h2', {}, say('Data')),
        h('div', { class: 'sets', role: 'radiogroup', 'aria-label': say('Data set'), ...hidden('dataset') }, () => (numbers.value && spec.value.data !== 'own' ? NUMBERS : Object.keys(SETS).filter(one => !NUMBERS.includes(one) && (more.value || ['circle', 'xor', 'gauss', 'spiral'].includes(one)))).map(one =>
          h('button', { role: 'radio', 'aria-checked': () => String(spec.value.data === one), title: SETS[one](), 'aria-label': SETS[one](), onclick: () => { if (spec.peek().data !== one) change({ data: one }) } }, thumbnail(one)))),
        h('button', { onclick: () => import('../lib/owndata.js').then(({ ownData }) => ownData(spec.peek().data === 'own' ? spec.peek().points : [], ({ points, classes }) => change({ data: 'own', points, classes, loss: classes > 2 ? 'softmax' : !classes || spec.peek().loss === 'softmax' ? 'squared' : spec.peek().loss, share: points.length < 20 ? 0.8 : spec.peek().share }), tell)) }, say('Your own points …')),
        slider(say('Ratio of training to test data'), 10, 90, 10, () => Math.round(100 * (spec.value.share ?? 0.5)), picked => change({ share: picked / 100 }), value => `${value} %`, hidden('percTrainData')),
        slider(say('Noise'), 0, () => more.value ? 100 : 50, 5, () => Math.round(100 * (spec.value.noise ?? 0)), picked => change({ noise: picked / 100 }), value => String(value), hidden('noise')),
        slider(say('Batch size'), 1, 30, 1, () => spec.value.batch ?? 10, picked => change({ batch: picked }), value => String(value), hidden('batchSize')),
        () => more.value ? slider(say('Points'), 50, 5000, 50, () => spec.value.count || (numbers.value ? 1200 : 500), picked => change({ count: picked })) : null,
        h('button', { onclick: () => change({ seed: FRESH(), start: opened.peek().start }, touched || epoch.peek() > 0) }, say('Regenerate'))),
      h('section', { class: 'card network', 'aria-label': say('Network') },
        h('div', { class: 'row layers', ...hidden('numHiddenLayers') }, h('button', { class: 'round small', 'aria-label': say('remove a layer'), onclick: () => change({ layers: spec.peek().layers.slice(0, -1) }) }, '−'), h('button', { class: 'round small', 'aria-label': say('add a layer'), disabled: () => spec.value.layers.length >= (more.value ? 12 : 6), onclick: () => change({ layers: [...spec.peek().layers, 2] }) }, '+'), h('b', {}, () => say('{n} hidden layers', { n: spec.value.layers.length })), h('span', { class: 'soft small' }, () => opened.value ? say('{n} weights', { n: count(opened.value.parameters) }) : '')),
        h('div', { class: 'heads' }, h('span', { class: 'small' }, say('Features')), () => spec.value.layers.map((n, i) => head(n, i)), h('span', { class: 'small' }, say('Output'))), net.element,
        h('p', { class: 'small soft' }, say('Press a feature to use it. Press a link or the small square of a bias to change its value; press a neuron to see its sum. Dashed links are negative, thick ones strong.'))),
      h('section', { class: 'card out', 'aria-label': say('Output') }, h('div', { class: 'scores', 'aria-live': 'off' }, () => told()), losses.element,
        map.element, h('div', { class: 'ramp', 'aria-hidden': 'true' }, h('span', {}, '−1'), h('span', { class: 'bar' }), h('span', {}, '1')), h('p', { class: 'small soft' }, say('Colours show the answer for each place: orange is −1, blue is 1, the dark line is 0.')),
        h('div', { class: 'row' }, check(say('Show test data'), () => showTest.value, on => look('showTestData', on), hidden('showTestData')), check(say('Discretise output'), () => discretise.value, on => look('discretize', on), hidden('discretize'))),
        () => more.value ? h('div', { class: 'row' }, choice(say('Beside it'), [['', say('nothing')], ['svm', 'SVM'], ['tree', say('a tree')], ['forest', say('a forest')], ['neighbours', say('neighbours')], ['line', say('a straight line')]], () => rival.value?.kind ?? '', picked => picked ? send('rival', { kind: picked }) : (rival.value = null)), () => rival.value ? h('span', { class: 'small' }, rival.value.classes ? say('right half: {share} of the test right', { share: share(rival.value.test) }) : say('right half: test loss {loss}', { loss: number(rival.value.test) })) : null, check(say('logarithmic'), () => logarithm.value, on => { logarithm.value = on })) : null),
    ), h('div', { id: 'sum' }, () => explained.value && opened.value ? sum() : null), () => history.value.length ? strip() : null)

  function told() {
    const now = scores.value, right = now && !Number.isNaN(now.right)
    return [h('div', {}, h('span', { class: 'small soft' }, say('Test loss')), h('b', {}, now ? now.test.toFixed(3) : '–')), h('div', {}, h('span', { class: 'small soft' }, say('Training loss')), h('b', {}, now ? now.train.toFixed(3) : '–')), right ? h('div', {}, h('span', { class: 'small soft' }, say('Test right')), h('b', {}, share(now.testRight, 0))) : null, now && playing.value && now.pace ? h('div', {}, h('span', { class: 'small soft' }, say('Epochs a second')), h('b', {}, count(Math.round(now.pace)))) : null]
  }
  function head(n, i) {
    const put = value => change({ layers: spec.peek().layers.map((one, j) => j === i ? value : one) })
    const each = (key, value) => change({ [key]: spec.peek().layers.map((_, j) => j === i ? value : spec.peek()[key][spec.peek()[key].length > 1 ? j : 0]) })
    const of = key => spec.value[key][spec.value[key].length > 1 ? i : 0]
    return h('div', { class: 'head' }, h('div', {}, h('button', { class: 'round small', 'aria-label': say('one neuron less in layer {n}', { n: i + 1 }), disabled: n <= 1, onclick: () => put(n - 1) }, '−'), h('button', { class: 'round small', 'aria-label': say('one neuron more in layer {n}', { n: i + 1 }), disabled: n >= (more.value ? 64 : 8), onclick: () => put(n + 1) }, '+')), h('span', { class: 'small' }, n === 1 ? say('1 neuron') : say('{n} neurons', { n })),
      () => more.value ? [choice(say('Activation of layer {n}', { n: i + 1 }), Object.keys(ACTIVATIONS).map(one => [one, one]), () => of('activation'), picked => each('activation', picked)), choice(say('Dropout of layer {n}', { n: i + 1 }), [0, 0.1, 0.2, 0.3, 0.5, 0.8].map(one => [one, one ? `drop ${one}` : say('no dropout')]), () => of('drop'), picked => each('drop', Number(picked)))] : null)
  }
  function advanced() {
    return h('section', { class: 'card controls more', 'aria-label': say('more controls') },
      choice(say('Preset'), [['', say('choose …')], ...Object.entries(PRESETS).map(([key, text]) => [key, text()])], () => '', preset),
      choice(say('Optimizer'), [['sgd', 'SGD'], ['momentum', 'Momentum'], ['adam', 'Adam']], () => spec.value.optimizer, picked => change({ optimizer: picked })),
      choice(say('Loss'), [['squared', say('squared')], ['logistic', say('logistic')], ['softmax', 'softmax']].filter(([key]) => key === 'squared' || !numbers.value), () => spec.value.loss, picked => change({ loss: picked })),
      choice(say('First weights'), [['playground', say('as Playground')], ['xavier', 'Xavier'], ['he', 'He'], ['zero', say('all zero')]], () => spec.value.init, picked => change({ init: picked })), check(say('new order each epoch'), () => spec.value.shuffle, on => change({ shuffle: on, carry: !on })),
      () => ['rings', 'blobs'].includes(spec.value.data) ? choice(say('Classes'), [2, 3, 4, 5, 6].map(one => [one, one]), () => spec.value.classes, picked => change({ classes: Number(picked), loss: Number(picked) > 2 ? 'softmax' : 'squared' })) : null,
      h('button', { onclick: () => change({ start: FRESH() }), title: say('other first weights, the same points') }, '⚄ ', say('new weights')),
      choice(say('Speed'), [[1, say('slow: 1 epoch a second')], [10, '10'], [60, say('60 epochs a second')], [0, say('as fast as it can')]], () => speed.value, picked => { speed.value = Number(picked); send('set', { speed: speed.peek() }) }),
      h('button', { onclick: () => step(true) }, say('One batch')), stop('epochs', say('Stop at epoch'), 1), stop('loss', say('Stop at test loss'), 0.001), stop('patience', say('Stop when no better for'), 10),
      h('details', {}, h('summary', {}, say('Hide controls')), h('div', { class: 'row' }, Object.entries(HIDE).map(([key, text]) => check(text(), () => !view(`${key}_hide`), on => look(`${key}_hide`, !on))))))
  }
  function preset(picked) {
    if (!picked) return
    const rules = { shuffle: false, carry: true, optimizer: 'sgd', loss: 'squared', lr: 0.03, init: 'playground', batch: 10, penalty: 'none', penalty_rate: 0, bias: true, drop: [0] }
    const net = picked === 'spiral' ? { features: ['x1', 'x2'], activation: ['tanh'], noise: 0, share: 0.5, count: 0 } : {}
    change({ ...spec.peek(), ...rules, ...net, ...opened.peek().presets[picked], ...(numbers.peek() && picked === 'better' ? { loss: 'squared' } : {}) })
    if (picked === 'spiral') { speed.value = 0; send('set', { speed: 0 }) }
  }
  function stop(key, text, by) {
    return h('label', { class: 'field' }, h('span', {}, text), h('input', { type: 'number', step: by, min: 0, placeholder: '–', onchange: event => { const next = { ...stops.peek() }; if (event.target.value === '') delete next[key]; else next[key] = Number(event.target.value); stops.value = next; send('set', { stops: next }) } }))
  }

  function sum() {
    const box = h('section', { class: 'card sum' })
    effect(() => { scores.value; const asked = explained.value; import('../lib/sum.js').then(({ sum: show }) => { if (last && asked && opened.peek()) show(box, { ...asked, opened: opened.peek(), weights: last.weights, close: () => { explained.value = null }, explain }) }) })
    return box
  }
  function strip() {
    return h('section', { class: 'card', 'aria-label': say('Snapshots') }, h('h2', {}, say('Snapshots')), h('div', { class: 'snapshots' }, history.value.map((one, i) => h('figure', {}, h('button', { class: 'plain', onclick: () => restore(one), 'aria-label': say('back to {name}', { name: one.name }) }, h('img', { src: one.picture, alt: '' })), h('figcaption', { class: 'small' }, h('b', {}, one.name), h('br'), say('test {test} · train {train}', { test: one.test.toFixed(3), train: one.train.toFixed(3) }), h('br'), say('epoch {n} · {weights} weights', { n: count(one.epoch), weights: one.parameters }), h('br'), check(say('in the chart'), () => one.pinned, on => { history.value = history.peek().map((other, j) => j === i ? { ...other, pinned: on } : other) }))))))
  }
  effect(() => { language.value })
}
