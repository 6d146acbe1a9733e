// The network as a picture one can touch: every neuron shows its field, every link its weight; hover, edit, keyboard.
import { effect } from './signals.js'
import { fill, h } from './dom.js'
import { number, say } from './words.js'
import { FEATURES, PLAYGROUND, colour, featured, field } from './paint.js'

const NODE = 34,
  GAP = 14

// places of the weights in the flat vector: layer by layer (out, in) row by row, then the biases
export function places(widths) {
  const told = []
  let at = 0
  for (let l = 1; l < widths.length; l++) {
    const begin = at,
      inputs = widths[l - 1],
      outputs = widths[l]
    told.push({ weight: (to, from) => begin + to * inputs + from, bias: to => begin + outputs * inputs + to })
    at += outputs * (inputs + 1)
  }
  return told
}

export function graph({ opened, spec, change, order, chosen, explain }) {
  const svg = h('svg', { class: 'links', 'aria-hidden': 'true' }),
    nodes = h('div', { class: 'nodes' }),
    card = h('div', { class: 'hover', role: 'status', hidden: true })
  const element = h('div', { class: 'graph' }, svg, nodes, card)
  let links = [],
    thumbs = [],
    biases = [],
    weights = null,
    shown = null,
    epoch = 0,
    editing = null,
    newest = null,
    painted = 0

  const widths = () => opened.peek()?.widths ?? [2, 4, 2, 1]
  const offered = () => {
    const more = spec.peek().features.filter(name => !PLAYGROUND.includes(name))
    return [...PLAYGROUND, ...more]
  }

  function build() {
    const told = opened.value
    if (!told) return
    const sizes = told.widths,
      active = told.spec.features,
      columns = sizes.length,
      least = 130 + 52 * (columns - 1),
      width = Math.max(least, element.clientWidth) // a small window scrolls rather than have neurons overlap
    const features = offered().filter(
      name =>
        told.spec.view[
          `${Object.entries({ x: 'x1', y: 'x2', xTimesY: 'x1x2', xSquared: 'x1x1', ySquared: 'x2x2', sinX: 'sinx1', sinY: 'sinx2' }).find(([, ours]) => ours === name)?.[0]}_hide`
        ] !== 'true',
    )
    const rows = Math.max(features.length, ...sizes.slice(1)),
      height = rows * (NODE + GAP) + 30
    element.style.setProperty('height', `${height}px`)
    element.style.setProperty('min-width', `${Math.max(352, least)}px`)
    const x = l => (l === 0 ? 62 : 62 + ((width - 62 - 60) * l) / (columns - 1))
    const y = i => 18 + (i + 0.5) * (NODE + GAP)
    const at = [] // centre of every neuron: [layer][i]
    at.push(active.map(name => [x(0), y(features.indexOf(name))]))
    for (let l = 1; l < columns; l++) at.push(Array.from({ length: sizes[l] }, (_, i) => [x(l), y(i)]))
    thumbs = []
    biases = []
    links = []
    const kids = []
    features.forEach(name => {
      const on = active.includes(name),
        canvas = h('canvas', { width: 20, height: 20 })
      featured(canvas, name)
      kids.push(
        h(
          'div',
          {
            class: `node feature ${on ? '' : 'off'}`,
            style: { left: `${x(0) - NODE / 2}px`, top: `${y(features.indexOf(name)) - NODE / 2}px` },
          },
          h('span', { class: 'label' }, FEATURES[name][0]),
          h(
            'button',
            {
              'aria-pressed': String(on),
              'aria-label': on
                ? say('feature {name}, used; press to leave it out', { name: FEATURES[name][0] })
                : say('feature {name}, not used; press to use it', { name: FEATURES[name][0] }),
              onclick: () => toggle(name),
              onmouseenter: () => {
                if (on) hover(active.indexOf(name))
              },
              onmouseleave: () => hover(-1),
              onfocus: () => {
                if (on) hover(active.indexOf(name))
              },
              onblur: () => hover(-1),
            },
            canvas,
          ),
        ),
      )
    })
    const start = active.length
    let index = start
    for (let l = 1; l < columns; l++) {
      const last = l === columns - 1
      for (let i = 0; i < sizes[l]; i++) {
        const mine = index++,
          [cx, cy] = at[l][i]
        if (last && sizes[l] === 1) {
          kids.push(
            h('div', { class: 'node end', style: { left: `${cx - 12}px`, top: `${cy - 12}px` }, title: say('output') }, '→'),
          )
          biases.push(null)
          continue
        }
        const canvas = h('canvas', { width: 20, height: 20 }),
          square = h('span', { class: 'bias', 'data-l': l, 'data-i': i })
        biases.push(square)
        if (!last) thumbs.push([mine, canvas])
        const name = last ? say('output of class {n}', { n: i + 1 }) : say('neuron {n} of layer {l}', { n: i + 1, l })
        kids.push(
          h(
            'div',
            { class: `node ${last ? 'end' : ''}`, style: { left: `${cx - NODE / 2}px`, top: `${cy - NODE / 2}px` } },
            h(
              'button',
              {
                'aria-label': say('{name}; enter explains it, w lists its weights', { name }),
                'data-l': l,
                'data-i': i,
                onmouseenter: () => hover(mine),
                onmouseleave: () => hover(-1),
                onfocus: () => hover(mine),
                onblur: () => hover(-1),
                onclick: () => explain(l, i),
                onkeydown: event => walk(event, l, i),
              },
              last ? String(i + 1) : canvas,
            ),
            square,
          ),
        )
        square.addEventListener('mouseenter', event => point(event, places(widths())[l - 1].bias(i), say('Bias')))
        square.addEventListener('mouseleave', away)
        square.addEventListener('click', event => edit(event, places(widths())[l - 1].bias(i), say('Bias')))
      }
    }
    fill(nodes, kids)
    svg.setAttribute('viewBox', `0 0 ${width} ${height}`)
    svg.setAttribute('width', width)
    svg.setAttribute('height', height)
    const lines = []
    for (let l = 1; l < columns; l++)
      for (let j = 0; j < sizes[l]; j++)
        for (let i = 0; i < sizes[l - 1]; i++) {
          const [ax, ay] = at[l - 1][i],
            [bx, by] = at[l][j],
            place = places(sizes)[l - 1].weight(j, i),
            middle = (ax + bx) / 2
          const d = `M${ax + NODE / 2} ${ay}C${middle} ${ay} ${middle} ${by} ${bx - NODE / 2} ${by}`
          const line = h('path', { d, class: 'link' }),
            wide = h('path', { d, class: 'reach' })
          wide.addEventListener('mousemove', event => point(event, place, say('Weight')))
          wide.addEventListener('mouseleave', away)
          wide.addEventListener('click', event => edit(event, place, say('Weight')))
          links.push([line, place])
          lines.push(line, wide)
        }
    fill(svg, lines)
    if (weights?.length === told.parameters) draw(...newest)
    else weights = null
  }

  const toggle = name => {
    const now = spec.peek().features
    const next = now.includes(name) ? now.filter(one => one !== name) : offered().filter(one => one === name || now.includes(one))
    if (next.length) change({ features: next })
  }
  const hover = index => {
    if (chosen.peek() !== index) {
      chosen.value = index
      order('set', { hover: index })
    }
  }

  function walk(event, l, i) {
    const step = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[event.key]
    if (step) {
      event.preventDefault()
      nodes
        .querySelector(`button[data-l="${l + step[0]}"][data-i="${Math.min(i + step[1], (widths()[l + step[0]] ?? 1) - 1)}"]`)
        ?.focus()
    }
    if (event.key === 'w' || event.key === 'ㅈ') list(l, i)
  }

  // a neuron's weights as a table with numbers one can change
  function list(l, i) {
    const where = places(widths())[l - 1],
      row = (text, place) =>
        h(
          'tr',
          {},
          h('th', { scope: 'row' }, text),
          h(
            'td',
            {},
            h('input', {
              type: 'number',
              step: 0.1,
              value: weights?.[place]?.toFixed(3) ?? 0,
              'aria-label': text,
              onchange: event => order('edit', { place, value: Number(event.target.value) }),
            }),
          ),
        )
    const box = h(
      'dialog',
      {},
      h('h2', {}, say('What goes into neuron {n} of layer {l}', { n: i + 1, l })),
      h(
        'table',
        {},
        h(
          'tbody',
          {},
          Array.from({ length: widths()[l - 1] }, (_, from) =>
            row(
              l === 1 ? FEATURES[opened.peek().spec.features[from]][0] : say('neuron {n}', { n: from + 1 }),
              where.weight(i, from),
            ),
          ),
          row(say('bias'), where.bias(i)),
        ),
      ),
      h('button', { onclick: () => box.remove() }, say('Close')),
    )
    document.body.append(box)
    box.showModal()
    box.addEventListener('close', () => box.remove())
  }

  function point(event, place, name) {
    if (editing != null) return
    const edge = element.getBoundingClientRect()
    card.hidden = false
    card.style.setProperty('left', `${event.clientX - edge.left + 14}px`)
    card.style.setProperty('top', `${event.clientY - edge.top + 10}px`)
    shown = { place, name }
    tellCard()
  }
  const tellCard = () => {
    if (shown && editing == null) card.textContent = `${shown.name}: ${number(weights?.[shown.place] ?? 0, 2)}`
  }
  function away() {
    if (editing == null) {
      card.hidden = true
      shown = null
    }
  }
  function edit(event, place, name) {
    editing = null
    point(event, place, name)
    editing = place
    const box = h('input', { type: 'number', step: 0.1, value: Number(weights?.[place] ?? 0).toFixed(2), 'aria-label': name })
    const close = () => {
      editing = null
      card.hidden = true
    }
    box.addEventListener('input', () => {
      if (box.value !== '' && Number.isFinite(Number(box.value))) order('edit', { place, value: Number(box.value) })
    })
    box.addEventListener('keydown', key => {
      if (key.key === 'Enter' || key.key === 'Escape') close()
    })
    box.addEventListener('blur', close)
    fill(card, `${name}: `, box)
    box.focus()
    box.select()
  }

  function paint() {
    const flow = matchMedia('(prefers-reduced-motion: reduce)').matches ? 0 : -epoch
    for (const [line, place] of links) {
      const w = weights[place],
        size = Math.min(5, Math.abs(w)) / 5
      line.style.strokeWidth = 1 + 9 * size
      line.style.stroke = colour(Math.max(-1, Math.min(1, w)))
      line.style.strokeDasharray = w < 0 ? '5 4' : '9 1' // the sign without colour
      line.style.strokeDashoffset = flow % 90
    }
    const where = places(widths())
    let k = 0
    widths()
      .slice(1)
      .forEach((n, l) => {
        for (let i = 0; i < n; i++) {
          const square = biases[k++]
          if (square) square.style.setProperty('background', colour(Math.max(-1, Math.min(1, weights[where[l].bias(i)]))))
        }
      })
  }

  function draw(frame, discretise) {
    weights = frame.weights
    epoch = frame.epoch
    newest = [frame, discretise]
    if (frame.thumbs)
      for (const [index, canvas] of thumbs) {
        const { side, values, most } = frame.thumbs
        if (index < most.length) field(canvas, values.subarray(index * side * side, (index + 1) * side * side), side, discretise)
      }
    // a large net's links cost more than all the rest: while it plays they are drawn less often
    const still = frame.flags & 1 || ++painted % Math.max(1, Math.round(links.length / 80)) === 0
    if (still && weights.length === opened.peek()?.parameters) paint()
    tellCard()
  }
  effect(build)
  let width = 0
  new ResizeObserver(() => {
    if (Math.abs(element.clientWidth - width) > 4) {
      width = element.clientWidth
      build()
    }
  }).observe(element)
  addEventListener('shade', () => {
    if (weights) paint()
  })
  return { element, draw, weights: () => weights }
}
