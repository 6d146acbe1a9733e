// The teacher's page of a class: everyone's small picture, what goes out to all, the wall, and what the phones draw.
import { batch, computed, effect, onEnd, signal } from '../lib/signals.js'
import { add, check, choice, fill, h } from '../lib/dom.js'
import { number, say, share } from '../lib/words.js'
import { get, post } from '../lib/server.js'
import { classes as paintClasses, field as paintField } from '../lib/paint.js'
import { icon } from '../lib/icons.js'
import { clock } from '../lib/room.js'
import { style } from '../lib/style.js'

style('/static/pages/try.css')
style('/static/pages/class.css')
const SIDE = 24, EVERY = 1000, STUCK = 60
const STATES = { learning: ['go', () => say('learning')], standing: ['pause', () => say('standing')], broken: ['warn', () => say('not a number')], away: ['away', () => say('away')],
  drawing: ['pencil', () => say('drawing')], here: ['dot', () => say('has come in')] }
const NAMES = { showTestData: () => say('show test data'), discretize: () => say('discretise'), playButton: () => say('play'), stepButton: () => say('step'), resetButton: () => say('reset'),
  learningRate: () => say('learning rate'), activation: () => say('activation'), regularization: () => say('regularisation'), regularizationRate: () => say('regularisation rate'),
  problem: () => say('kind of problem'), dataset: () => say('data set'), percTrainData: () => say('share of training data'), noise: () => say('noise'), batchSize: () => say('batch size'),
  numHiddenLayers: () => say('layers and neurons') }
const ORDERS = {
  name: (a, b) => a.name.localeCompare(b.name), loss: (a, b) => (a.test ?? 1e9) - (b.test ?? 1e9), accuracy: (a, b) => (b.accuracy ?? -1) - (a.accuracy ?? -1),
  stuck: (a, b) => b.stuck - a.stuck, hand: (a, b) => b.hand - a.hand }
const VIEWS = [['people', () => say('People')], ['wall', () => say('The way in, for the wall')], ['drawings', () => say('Drawings')]]

export function page(root, { tell, me }) {
  if (!me.peek().class) return add(root, h('h1', {}, say('Class')), h('p', { class: 'card' }, say('A class begins with'), ' ', h('code', {}, 'deepen studio --class')))
  const told = signal(null), view = signal(VIEWS.some(([name]) => `#${name}` === location.hash) ? location.hash.slice(1) : 'people'), sort = signal('name')
  const people = new Map()                                // id -> everything known of a student
  const changed = signal(0)
  let since = 0, busy = false

  function heard(next) {
    for (const one of next.students) people.set(one.id, { ...people.get(one.id), ...one })
    for (const id of [...people.keys()]) if (!next.students.some(one => one.id === id)) people.delete(id)
    const { students, version, ...rest } = next
    batch(() => { if (JSON.stringify(rest) !== JSON.stringify(told.peek())) told.value = rest; changed.value++ })
  }
  async function look() {
    if (busy) return
    busy = true
    try { const next = await get(`/api/room?since=${since}`); since = next.version; heard(next) } catch (error) { if (!told.peek()) tell(error) } finally { busy = false }
  }
  const order = async (name, asked = {}) => { try { heard(await post(`/api/room/${name}`, asked)); return true } catch (error) { tell(error); return false } }
  look()
  const timer = setInterval(look, EVERY)
  onEnd(() => clearInterval(timer))
  effect(() => { const hash = view.value === 'people' ? '' : `#${view.value}`; if (location.hash !== hash) history.replaceState(null, '', location.pathname + hash) })

  const present = () => { changed.value; return [...people.values()].filter(one => one.state !== 'away').length }
  add(root, h('div', { class: 'class' }, h('header', { class: 'row' }, h('h1', {}, say('Class')),
    h('span', {}, say('code'), ' ', h('b', { class: 'letters' }, () => told.value ? told.value.open ? told.value.code : say('the door is closed') : '····')),
    h('span', { role: 'status' }, () => { changed.value; return say('{present} of {all} here', { present: present(), all: people.size }) }), h('span', { class: 'grow' }),
    h('div', { class: 'row', role: 'group', 'aria-label': say('Views') }, VIEWS.map(([name, text]) => h('button', { 'aria-pressed': () => String(view.value === name), onclick: () => { view.value = name } }, text())))),
  () => told.value == null ? h('p', { class: 'soft' }, say('one moment …')) : null,
  () => ({ people: board, wall, drawings })[view.value]()))

  // everyone

  function board() {
    const grid = h('ul', { class: 'people' }), cards = new Map(), none = h('p', { class: 'soft' })
    effect(() => {
      changed.value
      const all = [...people.values()].sort(ORDERS[sort.value])
      for (const one of all) {
        if (!cards.has(one.id)) cards.set(one.id, card(one.id))
        cards.get(one.id).draw(one)
      }
      for (const [id, one] of cards) if (!people.has(id)) { one.element.remove(); cards.delete(id) }
      all.forEach((one, i) => { const { element } = cards.get(one.id); if (grid.children[i] !== element) grid.insertBefore(element, grid.children[i] ?? null) })
      none.textContent = all.length ? '' : say('Nobody is here yet. Put the way in on the wall: the button at the top.')
    })
    return [controls(), h('div', { class: 'row' }, choice(say('sort by'), [['name', say('name')], ['loss', say('test loss')], ['accuracy', say('accuracy')], ['stuck', say('stuck longest')], ['hand', say('hands')]], () => sort.value, picked => { sort.value = picked }),
      () => { changed.value; return [...people.values()].some(one => one.hand) ? h('button', { onclick: () => order('hands') }, say('All hands down')) : null }), h('div', { class: 'grid two' }, asked(), contest()), none, grid]
  }

  function controls() {
    const paused = () => told.value?.paused
    return h('div', { class: 'row card' },
      h('button', { class: () => paused() ? 'main' : '', 'aria-pressed': () => String(Boolean(paused())), onclick: () => order('pause', { on: !paused() }) }, () => paused() ? [icon('go'), say('Go on')] : [icon('pause'), say('Pause all')]),
      h('button', { onclick: () => sure(say('Everyone goes back to their first weights. Reset all?'), () => order('reset')) }, icon('reset'), say('Reset all')),
      h('button', { onclick: push }, icon('push'), say('Push a setup')), h('button', { onclick: lock }, icon('lock'), () => told.value?.locked.length ? say('Locked: {count}', { count: told.value.locked.length }) : say('Lock controls')),
      h('button', { onclick: question }, icon('ask'), say('Ask first')), h('button', { onclick: challenge }, icon('clock'), say('Challenge')),
      h('button', { onclick: () => order('door', { open: !told.value?.open }) }, icon('door'), () => told.value?.open === false ? say('Open the door, with a new code') : say('Close the door')))
  }

  function card(id) {
    const picture = h('canvas', { class: 'small-field', width: SIDE, height: SIDE, role: 'img' }), spark = h('polyline', { points: '' })
    const name = h('b', {}), state = h('span', {}), loss = h('span', { class: 'n' }), hand = h('button', { class: 'hand', onclick: () => order('hands', { id }) }, icon('hand'))
    const open = h('a', { target: '_blank', class: 'small' }, say('open')), away = h('button', { class: 'plain small', onclick: () => sure(say('Take {name} out of the room?', { name: people.get(id)?.name }), () => order('remove', { id })) }, icon('cross'))
    const element = h('li', { class: 'card' }, h('div', { class: 'row head' }, name, hand, away), picture, h('svg', { viewBox: '0 0 100 22', class: 'spark', preserveAspectRatio: 'none', 'aria-hidden': 'true' }, spark), h('div', { class: 'row small' }, loss), h('div', { class: 'row small' }, state, open))
    let shown = ''
    function draw(one) {
      const [sign, text] = STATES[one.state]
      name.textContent = one.name
      hand.hidden = !one.hand
      hand.setAttribute('aria-label', say('{name}: hand down', { name: one.name }))
      away.setAttribute('aria-label', say('take {name} out', { name: one.name }))
      element.dataset.state = one.state
      const stuck = ['standing', 'learning'].includes(one.state) && one.stuck > STUCK && (one.test ?? 1) > 0.1
      fill(state, icon(sign), text(), stuck ? ` · ${say('stuck for {time}', { time: clock(one.stuck) })}` : '')
      loss.textContent = one.test == null ? say('no net yet') : `${say('loss')} ${number(one.test)}${one.accuracy == null ? '' : ` · ${share(one.accuracy, 0).replace(' ', '\u00a0')}`} · ${say('epoch {n}', { n: one.epoch ?? 0 })}`
      open.hidden = !one.link
      if (one.link) open.href = `/playground#${one.link.split('#').at(-1)}`
      open.setAttribute('aria-label', say('open the setup of {name}', { name: one.name }))
      const drawing = one.field ?? one.drawing?.seen ?? ''
      if (drawing !== shown) { shown = drawing; paint(picture, one) }
      picture.setAttribute('aria-label', one.field ? say('what the net of {name} says over the plane', { name: one.name }) : one.drawing ? say('{name} drew a {what}', { name: one.name, what: one.drawing.answers[0].name }) : say('nothing yet'))
      const curve = one.curve ?? [], most = Math.max(1e-6, ...curve)
      spark.setAttribute('points', curve.map((value, i) => `${(100 * i / Math.max(1, curve.length - 1)).toFixed(1)},${(21 - 20 * value / most).toFixed(1)}`).join(' '))
    }
    return { element, draw }
  }

  function paint(canvas, one) {
    if (one.field) {
      const values = Uint8Array.from(atob(one.field), letter => letter.charCodeAt(0))
      if (one.classes > 2) paintClasses(canvas, { side: SIDE, top: values.map(value => Math.min(value, 5)), sure: new Uint8Array(SIDE * SIDE).fill(255), count: one.classes })
      else paintField(canvas, values, SIDE, false)
    } else if (one.drawing) {
      const image = new Image()
      image.onload = () => { canvas.width = canvas.height = 28; canvas.getContext('2d').drawImage(image, 0, 0, 28, 28) }
      image.src = one.drawing.seen
    }
  }

  // what goes out to all

  function dialog(title, ...inside) {
    const box = h('dialog', { 'aria-label': title, onclose: () => box.remove() }, h('form', { method: 'dialog', class: 'column', onsubmit: event => event.preventDefault() }, h('h2', {}, title), inside,
      h('button', { type: 'button', class: 'plain', onclick: () => box.close() }, say('Cancel'))))
    root.append(box)
    box.showModal()
    return box
  }
  function sure(text, act) { const box = dialog(text, h('button', { class: 'main', type: 'button', onclick: () => { box.close(); act() } }, say('Yes'))) }

  function push() {
    const mine = localStorage.getItem('playground-link') ?? ''
    const link = h('textarea', { rows: 3, value: mine, 'aria-label': say('link of a Playground') })
    const box = dialog(say('Push a setup to everyone'), h('p', { class: 'small soft' }, mine ? say('Here stands what your own Playground shows. Or paste a link: of the Studio, or of playground.tensorflow.org.') : say('Paste a link of a Playground: of the Studio, or of playground.tensorflow.org.')), link,
      h('button', { class: 'main', type: 'button', onclick: async () => { if (await order('push', { link: link.value })) { box.close(); tell(say('Everyone has it.'), 'good') } } }, say('Push to everyone')))
    link.focus()
  }

  function lock() {
    const chosen = new Set(told.peek().locked)
    const box = dialog(say('Lock controls'), h('p', { class: 'small soft' }, say('What you mark goes away on the pages of your students.')),
      h('div', { class: 'ticks' }, told.peek().controls.map(name => check(NAMES[name](), () => chosen.has(name), on => { if (on) chosen.add(name); else chosen.delete(name) }))),
      h('button', { class: 'main', type: 'button', onclick: async () => { if (await order('lock', { names: [...chosen] })) box.close() } }, say('Lock these')))
  }

  function question() {
    const text = h('textarea', { rows: 2, maxLength: 300 }), answers = h('textarea', { rows: 4, value: `${say('yes')}\n${say('no')}` })
    const box = dialog(say('Ask first: what will happen?'), h('label', { class: 'field' }, h('span', {}, say('question')), text), h('label', { class: 'field' }, h('span', {}, say('answers, one a line')), answers),
      h('button', { class: 'main', type: 'button', onclick: async () => { if (await order('question', { text: text.value.trim(), choices: answers.value.split('\n').map(one => one.trim()).filter(Boolean) })) box.close() } }, say('Ask everyone')))
  }

  function challenge() {
    const loss = h('input', { type: 'number', step: 'any', min: 0, value: '0.05' }), minutes = h('input', { type: 'number', min: 1, max: 120, value: '5' })
    let hidden = false
    const box = dialog(say('Challenge'), h('p', { class: 'small soft' }, say('Who reaches the test loss with the fewest weights leads; of two with as many, who was first.')),
      h('label', { class: 'field' }, h('span', {}, say('test loss at most')), loss), h('label', { class: 'field' }, h('span', {}, say('minutes')), minutes), check(say('without names'), () => hidden, on => { hidden = on }),
      h('button', { class: 'main', type: 'button', onclick: async () => { if (await order('challenge', { loss: Number(loss.value), minutes: Number(minutes.value), hidden })) box.close() } }, say('Begin')))
  }

  function asked() {
    const key = computed(() => told.value?.question?.number), now = () => told.value?.question
    return () => {
      if (!key.value) return null
      const one = told.peek().question, all = () => now()?.counts.reduce((a, b) => a + b, 0) ?? 0
      return h('section', { class: 'card' }, h('h2', {}, one.text), h('p', { class: 'small soft' }, () => say('{count} answered', { count: all() })), h('table', { class: 'shares' }, h('tbody', {}, one.choices.map((text, i) => h('tr', {}, h('th', { scope: 'row' }, text),
        h('td', {}, h('span', { class: 'length', style: () => ({ '--share': now()?.counts[i] / all() || 0 }) })), h('td', { class: 'n' }, () => String(now()?.counts[i] ?? '')))))), h('button', { onclick: () => order('question') }, say('Take the question back')))
    }
  }

  function contest() {
    const key = computed(() => told.value?.challenge?.number), now = () => told.value?.challenge ?? { left: 0, list: [] }
    return () => {
      if (key.value == null) return null
      return h('section', { class: 'card' }, h('h2', {}, say('Challenge'), ' ', h('small', {}, say('test loss ≤ {loss}', { loss: number(told.peek().challenge.loss) }), ' · ', () => now().left ? say('{time} left', { time: clock(now().left) }) : say('time is up'))),
        () => now().list.length ? h('ol', {}, now().list.map(line => h('li', {}, h('b', {}, line.name || say('somebody')), ' ', say('{weights} weights after {time}', { weights: line.weights, time: clock(line.seconds) })))) : h('p', { class: 'soft' }, say('Nobody has reached it yet.')),
        h('button', { onclick: () => order('challenge') }, say('End the challenge')))
    }
  }

  // the wall

  function square(to = '') { return h('img', { class: 'square', src: () => `/api/room/qr.svg?to=${to}&code=${told.value?.code}`, alt: to ? say('a square code: scan it to draw') : say('a square code: scan it to come in') }) }
  function full(element) { return h('button', { class: 'plain', onclick: () => element().requestFullscreen?.() }, say('Full screen')) }
  function address() { return told.value ? told.value.join.split('#')[0].replace('http://', '') : '' }

  function wall() {
    const box = h('section', { class: 'card wall' }, square(), h('div', {}, h('p', {}, say('Scan the square, or open')), h('p', { class: 'address' }, address), h('p', {}, say('and type')),
      h('p', { class: 'code letters' }, () => told.value?.open === false ? say('the door is closed') : told.value?.code ?? ''), h('p', {}, () => say('{present} of {all} here', { present: present(), all: people.size })), full(() => box)),
    h('ul', { class: 'names' }, () => { changed.value; return [...people.values()].map(one => h('li', {}, one.name)) }))
    return [box, h('div', { class: 'grid two' }, asked(), contest())]
  }

  function drawings() {
    const models = signal([]), model = computed(() => told.value?.model ?? ''), list = h('ul', { class: 'drawn' }), shown = new Map(), none = h('p', { class: 'soft' })
    get('/api/room/models').then(all => { models.value = all.models; look() }, tell)
    effect(() => {
      changed.value
      const all = [...people.values()].filter(one => one.drawing)
      for (const [id, item] of shown) if (!all.some(one => one.id === id)) { item.element.remove(); shown.delete(id) }
      for (const one of all) {
        if (!shown.has(one.id)) { const item = { element: h('li', { class: 'card' }), seen: '' }; shown.set(one.id, item); list.append(item.element) }
        const item = shown.get(one.id), answer = one.drawing.answers[0]
        if (item.seen === one.drawing.seen + one.name) continue
        item.seen = one.drawing.seen + one.name
        fill(item.element, h('img', { src: one.drawing.seen, alt: say('what {name} drew', { name: one.name }), width: 112, height: 112 }), h('div', {}, h('b', {}, one.name), h('p', { class: 'answer' }, answer.name, ' ', h('small', {}, answer.share == null ? String(answer.value) : share(answer.share, 0)))))
      }
      none.textContent = all.length ? '' : say('Nobody has drawn yet.')
    })
    const box = h('section', { class: 'card' }, h('div', { class: 'row' }, h('figure', { class: 'little' }, square('pad'), h('figcaption', { class: 'small' }, say('Scan to draw'), ' · ', h('span', { class: 'letters' }, () => told.value?.code ?? ''))),
      () => models.value.length ? choice(say('who answers'), models.value.map(one => [one, one]), () => model.value, run => order('model', { run })) : h('p', {}, say('No trained model here takes pictures yet: deepen train mnist')), h('span', { class: 'grow' }), full(() => box)), none, list)
    return box
  }
}
