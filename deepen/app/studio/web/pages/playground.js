// The Playground: a small network on points of a plane. Everything on the page is one spec; the address holds it.
import { batch, computed, effect, onEnd, signal } from '../lib/signals.js'
import { add, h, style } from '../lib/dom.js'
import { count, number, say } from '../lib/words.js'
import { chart } from '../lib/chart.js'
import { connect, name } from '../lib/frames.js'
import { graph } from '../lib/netgraph.js'
import { output } from '../lib/output.js'
import { advanced, controls, listen } from '../lib/lab_controls.js'
import { FRESH, NUMBERS, dataColumn } from '../lib/lab_data.js'
import { networkColumn, outputColumn, strip } from '../lib/lab_columns.js'

style('/static/pages/playground.css')

// what a net had learned, as an order: its weights, its epoch, and a curve of a few hundred points
const learned = ({ weights, epoch, curve }) => ({
  weights: Array.from(weights, one => Number(one.toPrecision(9))),
  base: epoch,
  curve: curve.filter((_, i) => i % Math.ceil(curve.length / 400) === 0 || i === curve.length - 1),
})

export function page(root, { tell, me }) {
  const opened = signal(null),
    playing = signal(false),
    epoch = signal(0),
    scores = signal(null),
    rival = signal(null),
    speed = signal(60),
    chosen = signal(-1),
    more = signal(localStorage.getItem('more') === 'yes'),
    curve = signal([]),
    history = signal([]),
    problem = signal(''),
    stops = signal({}),
    locked = signal([]),
    explained = signal(null)
  const spec = computed(
    () => opened.value?.spec ?? { view: {}, features: ['x1', 'x2'], layers: [4, 2], activation: ['tanh'], drop: [0] },
  )
  const view = key => (spec.value.view[key] ?? 'false') !== 'false'
  const showTest = computed(() => view('showTestData')),
    discretise = computed(() => view('discretize'))
  const numbers = computed(() => (opened.value ? !opened.value.classes : false))
  let last = null,
    wanted = false,
    goOn = false,
    touched = false // goOn: it played; touched: a weight was set by hand

  const { send, state } = connect(name(), { heard, drawn })
  function heard(told) {
    if (told.t === 'empty') {
      // a new session, or the server was restarted: what we had, else the address
      if (opened.peek()) change({}, true)
      else if (location.hash.length > 1) send('open', { link: location.hash.slice(1) })
      else send('open', { spec: { seed: FRESH() } })
    } else if (told.t === 'opened') {
      batch(() => {
        opened.value = told
        curve.value = told.curve
        rival.value = null
        problem.value = ''
        playing.value = Boolean(told.playing)
      })
      const hash = told.link.slice(told.link.indexOf('#'))
      if (told.back && location.hash.length > 1 && location.hash !== hash && !wanted) {
        wanted = true
        send('open', { link: location.hash.slice(1) })
        return
      }
      wanted = true
      window.history.replaceState(null, '', hash)
      localStorage.setItem('playground-link', told.link)
      send('set', { speed: speed.peek(), stops: stops.peek() })
      if (told.playing || goOn) send('play')
      playing.value = Boolean(told.playing || goOn)
      goOn = touched = false
    } else if (told.t === 'asked') {
      opened.value = { ...opened.peek(), spec: told.spec, link: told.link }
      window.history.replaceState(null, '', told.link.slice(told.link.indexOf('#')))
    } else if (told.t === 'broken') {
      playing.value = false
      problem.value = say(
        'The steps became too big and the numbers broke at epoch {n}. Try a smaller learning rate, for example 0.03.',
        { n: count(told.epoch) },
      )
    } else if (told.t === 'stopped') {
      playing.value = false
      tell(
        ['loss', 'error'].includes(told.why)
          ? say('Reached: test loss {loss} at epoch {n}.', { loss: number(told.test), n: count(told.epoch) })
          : say('Stopped at epoch {n} by your rule.', { n: count(told.epoch) }),
        'good',
      )
    } else if (told.t === 'curve') curve.value = told.curve
    else if (told.t === 'rival') rival.value = told
    else if (told.t === 'export') import('../lib/export.js').then(({ exported }) => exported(told))
    else if (told.t === 'refused') tell(new Error(told.problem))
  }
  let waiting = null,
    painted = 0
  const calm = matchMedia('(prefers-reduced-motion: reduce)')
  function drawn(frame) {
    // the newest only, when the browser paints
    if (frame.revision !== (opened.peek()?.revision & 0xffff)) return
    const soon = () =>
      requestAnimationFrame(() => {
        const next = waiting
        waiting = null
        paint(next)
      })
    if (!waiting) {
      if (calm.matches && playing.peek()) setTimeout(soon, 500)
      else soon()
    } // who wants less motion: two pictures a second
    waiting = frame
  }
  function paint(frame) {
    last = frame
    net.draw(frame, discretise.peek())
    map.draw(frame)
    const points = curve.peek(),
      now = [frame.epoch, frame.train, frame.test]
    if (!points.length || frame.epoch > points.at(-1)[0]) points.push(now)
    else if (frame.epoch < points.at(-1)[0]) curve.value = [now]
    else points[points.length - 1] = now
    if (points.length > 6000) curve.value = points.filter((_, i) => i % 2 === 0)
    const still = frame.flags & 1 || ++painted % 3 === 0 // while it plays, numbers and curve twenty times a second: who could read more?
    batch(() => {
      epoch.value = frame.epoch
      if (still) scores.value = frame
      playing.value = !(frame.flags & 1) || (playing.peek() && frame.epoch === 0)
    })
    if (still) losses.draw()
  }

  // every change goes through here: a new net, unless it can be changed while it learns
  function change(values, keep = false) {
    const now = { ...spec.peek(), ...values }
    if (values.data && !('loss' in values) && NUMBERS.includes(values.data)) now.loss = 'squared'
    if (values.data && values.data !== 'own') {
      now.points = []
      if (!['rings', 'blobs'].includes(values.data)) now.classes = 2
    }
    if (now.classes > 2 && now.loss === 'logistic') now.loss = 'softmax'
    for (const key of ['activation', 'drop'])
      if (now[key].length > 1 && now[key].length !== now.layers.length)
        now[key] = Array.from({ length: now.layers.length }, (_, i) => now[key][Math.min(i, now[key].length - 1)])
    if (!now.layers.length) {
      now.activation = now.activation.slice(0, 1)
      now.drop = now.drop.slice(0, 1)
    }
    goOn = keep && playing.peek()
    send('open', { spec: now, ...(keep && last ? learned({ ...last, curve: curve.peek() }) : {}) })
  }
  const look = (key, on) => send('look', { view: { ...spec.peek().view, [key]: on ? 'true' : 'false' } })
  const live = (key, value) => send('change', { [key]: value })
  const play = () => {
    playing.value = !playing.peek()
    send(playing.peek() ? 'play' : 'pause')
  }
  const step = batchOnly => {
    playing.value = false
    send('step', { batch: batchOnly })
  }
  const rewind = () => {
    playing.value = false
    curve.value = []
    send('rewind')
  }
  const hidden = key => ({ 'data-part': key, hidden: () => view(`${key}_hide`) || locked.value.includes(key) })
  const bar = document.querySelector('header.bar')
  effect(() => {
    bar.hidden = view('hideText')
  })
  onEnd(() => {
    bar.hidden = false
  })

  const net = graph({
    opened,
    spec,
    change,
    order: (what, more) => {
      touched ||= what === 'edit'
      send(what, more)
    },
    chosen,
    explain: (l, i) => explain(l, i),
  })
  const map = output({ opened, showTest, discretise, rival, pick: point => explain(null, null, point) })
  const losses = chart({
    height: 120,
    label: say('loss over the epochs'),
    x: value => count(Math.round(value)),
    log: () => more.value && logarithm.value,
    lines: () => [
      { name: say('test'), colour: '--ink', points: curve.value.map(([n, , test]) => [n, test]) },
      { name: say('train'), colour: '--soft', dash: [5, 3], points: curve.value.map(([n, train]) => [n, train]) },
      ...history.value
        .filter(one => one.pinned)
        .map(one => ({ name: one.name, colour: '--blue', dash: [2, 3], points: one.curve.map(([n, , test]) => [n, test]) })),
    ],
  })
  const logarithm = signal(false)
  effect(() => {
    curve.value
    history.value
    queueMicrotask(losses.draw)
  })
  effect(() => {
    document
      .getElementById('light')
      .replaceChildren(state.value === 'connected' ? '' : h('span', { class: 'bad' }, '◌ ', say('connecting …')))
  })
  onEnd(() => document.getElementById('light').replaceChildren())

  function snapshot() {
    if (!last) return
    history.value = [
      ...history.peek().slice(-11),
      {
        name: say('snapshot {n}', { n: history.peek().length + 1 }),
        picture: map.picture().toDataURL(),
        spec: spec.peek(),
        weights: [...last.weights],
        curve: [...curve.peek()],
        train: last.train,
        test: last.test,
        epoch: last.epoch,
        parameters: opened.peek().parameters,
        pinned: false,
      },
    ]
  }
  const restore = one => send('open', { spec: one.spec, ...learned(one) })
  const guide = () => import('../lib/guide.js').then(({ guide: open }) => open())
  function explain(l, i, at) {
    explained.value = {
      l: l ?? explained.peek()?.l ?? 1,
      i: i ?? explained.peek()?.i ?? 0,
      at: at ?? map.probed.peek() ?? opened.peek()?.points.x[0] ?? [0, 0],
    }
    document.getElementById('sum')?.scrollIntoView({ block: 'nearest' })
  }
  if (me.value.role === 'student')
    import('../lib/room.js')
      .then(({ room }) =>
        room({
          tell,
          apply: link => send('open', { link }),
          locked,
          pause: on => {
            if (on && playing.peek()) play()
          },
          digest: () =>
            last && {
              epoch: last.epoch,
              train: last.train,
              test: last.test,
              right: Number.isNaN(last.testRight) ? null : last.testRight,
              playing: playing.peek(),
              broken: Boolean(last.flags & 2),
              field: last.field && { side: last.field.side, values: last.field.values },
              link: opened.peek()?.link,
            },
        }),
      )
      .catch(tell)

  listen({ play, step, rewind, guide, playing, send, opened, tell })
  const lab = {
    change,
    discretise,
    epoch,
    guide,
    hidden,
    history,
    live,
    logarithm,
    look,
    losses,
    map,
    more,
    net,
    numbers,
    opened,
    play,
    playing,
    restore,
    rewind,
    rival,
    scores,
    send,
    showTest,
    snapshot,
    spec,
    speed,
    step,
    stops,
    tell,
    view,
    get touched() {
      return touched
    },
  }
  add(
    root,
    h('h1', { class: 'hidden' }, say('Playground')),
    controls(lab),
    () =>
      problem.value
        ? h(
            'div',
            { class: 'card trouble', role: 'alert' },
            h('p', { class: 'bad' }, problem.value),
            h(
              'button',
              {
                onclick: () => {
                  problem.value = ''
                  send('back')
                },
              },
              say('Back to the last good weights'),
            ),
          )
        : null,
    () => (more.value ? advanced(lab) : null),
    h('div', { class: 'playground' }, dataColumn(lab), networkColumn(lab), outputColumn(lab)),
    h('div', { id: 'sum' }, () => (explained.value && opened.value ? sum() : null)),
    () => (history.value.length ? strip(lab) : null),
  )

  function sum() {
    const box = h('section', { class: 'card sum' })
    effect(() => {
      scores.value
      const asked = explained.value
      import('../lib/sum.js').then(({ sum: show }) => {
        if (last && asked && opened.peek())
          show(box, {
            ...asked,
            opened: opened.peek(),
            weights: last.weights,
            close: () => {
              explained.value = null
            },
            explain,
          })
      })
    })
    return box
  }
}
