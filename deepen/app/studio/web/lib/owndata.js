// Points of one's own: drawn by hand, or two columns of a table.
import { effect, signal } from './signals.js'
import { choice, h } from './dom.js'
import { number, say } from './words.js'
import { send } from './server.js'
import { point } from './paint.js'

const SPAN = 6,
  MOST = 5000,
  SIDE = 360

// Opens a dialog; `take({points, classes})` gets what was made. points: [[x1, x2, class or number], …]
export function ownData(now, take, tell) {
  const points = signal(now.map(one => [...one])),
    kind = signal(0),
    table = signal(null),
    tab = signal('draw')
  const canvas = h('canvas', {
    width: SIDE,
    height: SIDE,
    class: 'drawn',
    tabIndex: 0,
    role: 'application',
    'aria-label': say(
      'a plane to put points on: arrows move the cursor, enter puts a point, delete takes the nearest away, 1 to 6 choose the class',
    ),
  })
  const pen = canvas.getContext('2d')
  let cursor = [0, 0],
    last = null
  const at = value => ((value + SPAN) / (2 * SPAN)) * SIDE,
    place = event => [
      ((event.offsetX / canvas.clientWidth) * 2 - 1) * SPAN,
      -((event.offsetY / canvas.clientHeight) * 2 - 1) * SPAN,
    ]
  function draw() {
    pen.clearRect(0, 0, SIDE, SIDE)
    pen.strokeStyle = '#8884'
    pen.beginPath()
    for (const tick of [-4, -2, 0, 2, 4]) {
      pen.moveTo(at(tick), 0)
      pen.lineTo(at(tick), SIDE)
      pen.moveTo(0, at(tick))
      pen.lineTo(SIDE, at(tick))
    }
    pen.stroke()
    for (const [a, b, t] of points.value) point(pen, at(a), at(-b), t, 6, false, 4)
    pen.strokeStyle = '#d81b60'
    pen.beginPath()
    pen.arc(at(cursor[0]), at(-cursor[1]), 8, 0, 7)
    pen.stroke()
  }
  const put = ([a, b]) => {
    if (points.peek().length < MOST) points.value = [...points.peek(), [Number(a.toFixed(3)), Number(b.toFixed(3)), kind.peek()]]
  }
  function take_away([a, b]) {
    const far = points.peek().map(([x, y]) => Math.hypot(x - a, y - b)),
      nearest = far.indexOf(Math.min(...far))
    if (far[nearest] < 0.6) points.value = points.peek().filter((_, i) => i !== nearest)
  }
  canvas.addEventListener('contextmenu', event => {
    event.preventDefault()
    take_away(place(event))
  })
  canvas.addEventListener('pointerdown', event => {
    if (event.button) return
    canvas.setPointerCapture(event.pointerId)
    last = place(event)
    put(last)
  })
  canvas.addEventListener('pointermove', event => {
    if (!last) return
    const here = place(event)
    if (Math.hypot(here[0] - last[0], here[1] - last[1]) > 0.35) {
      put(here)
      last = here
    }
  })
  canvas.addEventListener('pointerup', () => {
    last = null
  })
  canvas.addEventListener('keydown', event => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key]
    if (step) {
      event.preventDefault()
      cursor = cursor.map((one, k) => Math.max(-SPAN, Math.min(SPAN, one + 0.4 * step[k])))
      draw()
    }
    if (event.key === 'Enter') {
      event.preventDefault()
      put(cursor)
    }
    if (event.key === 'Delete' || event.key === 'Backspace') take_away(cursor)
    if (/^[1-6]$/.test(event.key)) kind.value = Number(event.key) - 1
  })
  effect(draw)
  const used = () => Math.max(1, ...points.value.map(one => one[2])) + 1
  const columns = { x: signal(0), y: signal(1), t: signal(2) }

  async function read(blob) {
    if (blob.size > 2 << 20) return tell(say('The table has more than 2 MB; take a part of it.'))
    try {
      table.value = await send('/api/playground/table', blob)
      const numbers = table.value.columns.map((one, i) => (one.values ? -1 : i)).filter(i => i >= 0),
        words = table.value.columns.findIndex(one => one.values)
      columns.x.value = numbers[0]
      columns.y.value = numbers[1]
      columns.t.value = words >= 0 ? words : (numbers[2] ?? numbers[1])
    } catch (error) {
      tell(error)
    }
  }
  function fromTable() {
    const told = table.peek(),
      [x, y, t] = ['x', 'y', 't'].map(name => told.columns[columns[name].peek()])
    const whole = t.values ? t.values.length : [...new Set(t.numbers.filter(one => one != null))].length <= 6 ? -1 : 0
    const kinds = t.values ? t.values : whole ? [...new Set(t.numbers.filter(one => one != null))].sort((a, b) => a - b) : []
    if (kinds.length > 6) return tell(say('The target has {n} classes; the Playground shows 6 at most.', { n: kinds.length }))
    if (kinds.length === 1) return tell(say('The target has one class only.'))
    const room = column => {
      const given = column.numbers.filter(one => one != null)
      const low = Math.min(...given),
        high = Math.max(...given)
      return value => (high > low ? ((value - low) / (high - low)) * 10 - 5 : 0)
    }
    const a = room(x),
      b = room(y),
      c = kinds.length ? value => (t.values ? value : kinds.indexOf(value)) : value => room(t)(value) / 5
    const rows = x.numbers
      .map((_, i) => [x.numbers[i], y.numbers[i], t.numbers[i]])
      .filter(one => one.every(value => value != null))
      .slice(0, MOST)
      .map(([p, q, r]) => [Number(a(p).toFixed(4)), Number(b(q).toFixed(4)), Number(c(r).toFixed(5))])
    close()
    take({ points: rows, classes: kinds.length })
    tell(say('{n} points; both columns are stretched to −5 … 5.', { n: rows.length }), 'good')
  }
  const close = () => {
    box.close()
    box.remove()
  }
  const box = h(
    'dialog',
    { class: 'own' },
    h('h2', {}, say('Your own points')),
    h(
      'div',
      { class: 'row', role: 'tablist' },
      [
        ['draw', say('Draw')],
        ['table', say('Table')],
      ].map(([key, text]) =>
        h(
          'button',
          {
            role: 'tab',
            'aria-selected': () => String(tab.value === key),
            onclick: () => {
              tab.value = key
            },
          },
          text,
        ),
      ),
    ),
    () =>
      tab.value === 'draw'
        ? [
            h(
              'div',
              { class: 'row' },
              [0, 1, 2, 3, 4, 5].map(one => {
                const mark = h('canvas', { width: 22, height: 22 })
                point(mark.getContext('2d'), 11, 11, one, 6, false, 6)
                return h(
                  'button',
                  {
                    'aria-pressed': () => String(kind.value === one),
                    'aria-label': say('class {n}', { n: one + 1 }),
                    onclick: () => {
                      kind.value = one
                    },
                  },
                  mark,
                )
              }),
              h(
                'button',
                {
                  onclick: () => {
                    points.value = []
                  },
                },
                say('Wipe'),
              ),
              h('span', { class: 'soft', role: 'status' }, () => say('{n} points', { n: points.value.length })),
            ),
            canvas,
            h('p', { class: 'small soft' }, say('Press to put a point, drag to paint, right-click to take one away.')),
          ]
        : [
            h('p', {}, say('A CSV with two columns of numbers and a target; paste it or choose a file.')),
            h('textarea', {
              rows: 5,
              class: 'wide',
              'aria-label': say('a table as text'),
              onchange: event => read(new Blob([event.target.value])),
            }),
            h('input', {
              type: 'file',
              accept: '.csv,.tsv,.txt',
              'aria-label': say('a table as a file'),
              onchange: event => {
                if (event.target.files[0]) read(event.target.files[0])
              },
            }),
            () =>
              table.value
                ? h(
                    'div',
                    { class: 'row' },
                    ['x', 'y', 't'].map(name =>
                      choice(
                        { x: 'X₁', y: 'X₂', t: say('target') }[name],
                        table.value.columns
                          .map((one, i) => [i, one.name])
                          .filter(([i]) => name === 't' || !table.value.columns[i].values),
                        () => columns[name].value,
                        picked => {
                          columns[name].value = Number(picked)
                        },
                      ),
                    ),
                    h('span', { class: 'soft' }, say('{n} rows', { n: number(table.value.rows, 0) })),
                  )
                : null,
          ],
    h(
      'div',
      { class: 'row' },
      h('span', { class: 'grow' }),
      h('button', { onclick: close }, say('Cancel')),
      h(
        'button',
        {
          class: 'main',
          disabled: () => (tab.value === 'draw' ? points.value.length < 4 : !table.value),
          onclick: () => {
            if (tab.peek() === 'table') return fromTable()
            const n = used()
            close()
            take({ points: points.peek(), classes: n })
          },
        },
        say('Use these points'),
      ),
    ),
  )
  document.body.append(box)
  box.addEventListener('close', () => box.remove())
  box.showModal()
}
