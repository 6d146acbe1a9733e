// Designer: a network as lines. Every edit is checked: shapes, weights, multiplications, what a pixel at the end sees.
import { computed, effect, signal } from '../lib/signals.js'
import { add, choice, h, style } from '../lib/dom.js'
import { count, say } from '../lib/words.js'
import { get, post } from '../lib/server.js'
import { inspector } from '../lib/inspector.js'
import { ABOUT, PALETTE, USUAL } from '../lib/layers.js'

style('/static/pages/designer.css')

const SOURCES = ['digits', 'mnist', 'fashion', 'stripes']
function beginning() {
  const asked = new URLSearchParams(location.hash.slice(1))
  return {
    source: SOURCES.includes(asked.get('data')) ? asked.get('data') : 'digits',
    lines: asked
      .get('net')
      ?.split(';')
      .map(one => one.trim())
      .filter(Boolean),
  }
}

export function page(root, { go, tell }) {
  const first = beginning()
  const source = signal(first.source),
    lines = signal(first.lines ?? []),
    known = signal(null),
    table = signal(null),
    flow = signal(null),
    chosen = signal(-1)
  const past = [],
    future = []
  let asked = 0

  effect(() => {
    // another source: other nets, another table
    const name = source.value
    known.value = null
    get(`/api/designer/source/${name}`).then(
      told => {
        known.value = told
        if (!lines.peek().length) lines.value = told.nets.lenet?.split('\n') ?? told.nets.small.split('\n')
      },
      error => {
        tell(error)
        if (name !== 'digits') source.value = 'digits'
      },
    )
  })
  effect(() => {
    // every edit: the table at once, what flows a moment later
    const body = { lines: lines.value.join('\n'), source: source.value }
    if (!known.value || !lines.value.length) {
      table.value = null
      return
    }
    const turn = ++asked
    history.replaceState(null, '', `#${new URLSearchParams({ data: source.value, net: lines.value.join('; ') })}`)
    post('/api/designer/table', body).then(told => {
      if (turn !== asked) return
      table.value = told
      if (!told.problem)
        setTimeout(() => {
          if (turn === asked)
            post('/api/designer/flow', body).then(
              shown => {
                if (turn === asked) flow.value = shown
              },
              () => {
                flow.value = null
              },
            )
        }, 350)
      else flow.value = null
    }, tell)
  })

  const change = next => {
    past.push(lines.peek())
    future.length = 0
    lines.value = next
  }
  const put = (i, text) =>
    change(
      lines
        .peek()
        .map((one, j) => (j === i ? text : one))
        .filter(Boolean),
    )
  const insert = (i, text) => {
    change([...lines.peek().slice(0, i), text, ...lines.peek().slice(i)])
    chosen.value = i
  }
  const drop = i => {
    change(lines.peek().filter((_, j) => j !== i))
    chosen.value = -1
  }
  const move = (i, by) => {
    const to = i + by,
      next = [...lines.peek()]
    if (to < 0 || to >= next.length) return
    ;[next[i], next[to]] = [next[to], next[i]]
    change(next)
    chosen.value = to
    queueMicrotask(() => document.querySelector(`[data-line="${to}"] input`)?.focus())
  }
  const undo = (from, to) => {
    if (from.length) {
      to.push(lines.peek())
      lines.value = from.pop()
    }
  }
  const at = () => (chosen.value < 0 ? lines.peek().length : chosen.value + 1)

  async function train() {
    try {
      await post('/api/train', { what: 'classify', settings: { data: source.peek(), net: lines.peek().join('; ') } })
      tell(say('It learns now: see Runs.'), 'good')
      go('/runs')
    } catch (error) {
      tell(error)
    }
  }
  const command = computed(() => `deepen train classify data=${source.value} "net=${lines.value.join('; ')}"`)
  const name = i => table.value?.rows[i]

  add(
    root,
    h('h1', {}, say('Designer')),
    h(
      'div',
      { class: 'row card tools' },
      choice(
        say('pictures'),
        SOURCES.map(one => [one, one]),
        () => source.value,
        picked => {
          source.value = picked
        },
      ),
      () =>
        known.value
          ? choice(
              say('start from a net'),
              [['', say('choose …')], ...Object.keys(known.value.nets).map(one => [one, one])],
              () => '',
              picked => {
                if (picked) change(known.peek().nets[picked].split('\n'))
              },
            )
          : null,
      h('button', { onclick: () => undo(past, future), title: 'Ctrl+Z' }, say('Undo')),
      h('button', { onclick: () => undo(future, past) }, say('Redo')),
      h('span', { class: 'grow' }),
      h(
        'button',
        { class: 'main', disabled: () => !table.value || Boolean(table.value.problem), onclick: train },
        say('Train this'),
      ),
    ),
    h(
      'div',
      { class: 'designer' },
      h(
        'section',
        { class: 'card palette', 'aria-label': say('layers to add') },
        h('h2', {}, say('Add a layer')),
        PALETTE.map(word => h('button', { onclick: () => insert(at(), USUAL[word] ?? word), title: () => ABOUT[word]() }, word)),
        h(
          'button',
          { onclick: () => insert(at(), 'dense classes'), title: say('the last layer: one number a class') },
          'dense classes',
        ),
      ),
      h(
        'section',
        { class: 'card stack', 'aria-label': say('the network') },
        h(
          'div',
          { class: 'scroll' },
          h(
            'table',
            {},
            h(
              'thead',
              {},
              h(
                'tr',
                {},
                h('th', {}, ''),
                h('th', { scope: 'col' }, say('line')),
                h('th', { scope: 'col' }, say('shape')),
                h('th', { class: 'n', scope: 'col' }, say('weights')),
                h('th', { class: 'n', scope: 'col' }, say('multiplications')),
                h('th', { class: 'n', scope: 'col', title: say('how many input pixels on a side one output sees') }, say('sees')),
                h('th', {}, ''),
              ),
            ),
            h(
              'tbody',
              {},
              () =>
                known.value
                  ? h(
                      'tr',
                      {},
                      h('td', {}, ''),
                      h('td', { class: 'soft' }, say('picture')),
                      h('td', {}, known.value.shape.join('×')),
                      h('td', {}),
                      h('td', {}),
                      h('td', { class: 'n' }, '1'),
                      h('td', {}),
                    )
                  : h('tr', {}, h('td', { colSpan: 7, class: 'soft' }, say('one moment …'))),
              () => lines.value.map((text, i) => line(text, i)),
            ),
          ),
        ),
        () =>
          table.value?.problem
            ? h(
                'div',
                { class: 'problem', role: 'alert' },
                h('p', { class: 'bad' }, table.value.problem),
                table.value.mend
                  ? h(
                      'button',
                      { onclick: () => change(table.peek().mend.split('\n')) },
                      say('Add the last layer: dense classes'),
                    )
                  : null,
              )
            : null,
        () => (table.value && !table.value.problem ? totals() : null),
      ),
      h('section', { class: 'card side', 'aria-label': say('what flows through it') }, () =>
        inspector({ flow, table, known, chosen }),
      ),
    ),
    h(
      'details',
      { class: 'card' },
      h('summary', {}, say('As text, as a command')),
      h('textarea', {
        rows: 8,
        class: 'wide',
        'aria-label': say('the design as text'),
        value: () => lines.value.join('\n'),
        onchange: event =>
          change(
            event.target.value
              .split('\n')
              .map(one => one.trim())
              .filter(Boolean),
          ),
      }),
      h('pre', {}, () => command.value),
    ),
  )

  function line(text, i) {
    const row = name(i),
      wrong = () => table.value?.line === i + 1
    return h(
      'tr',
      { 'data-line': i, class: () => `${chosen.value === i ? 'chosen' : ''} ${wrong() ? 'wrong' : ''}` },
      h('td', { class: 'soft' }, String(i + 1)),
      h(
        'td',
        {},
        h('input', {
          type: 'text',
          value: text,
          'aria-label': say('line {n}', { n: i + 1 }),
          'aria-invalid': () => (wrong() ? 'true' : 'false'),
          spellcheck: false,
          onfocus: () => {
            chosen.value = i
          },
          onchange: event => put(i, event.target.value.trim()),
          onkeydown: event => {
            if (event.altKey && event.key === 'ArrowUp') {
              event.preventDefault()
              move(i, -1)
            }
            if (event.altKey && event.key === 'ArrowDown') {
              event.preventDefault()
              move(i, 1)
            }
          },
        }),
      ),
      h('td', {}, row ? row.shape.join('×') : ''),
      h('td', { class: 'n' }, row ? count(row.parameters) : ''),
      h('td', { class: 'n' }, row ? count(row.macs) : ''),
      h('td', { class: 'n' }, row ? row.field : ''),
      h(
        'td',
        { class: 'acts' },
        h('button', { class: 'plain', onclick: () => move(i, -1), 'aria-label': say('line {n} up', { n: i + 1 }) }, '↑'),
        h('button', { class: 'plain', onclick: () => move(i, 1), 'aria-label': say('line {n} down', { n: i + 1 }) }, '↓'),
        h('button', { class: 'plain', onclick: () => drop(i), 'aria-label': say('remove line {n}', { n: i + 1 }) }, '✕'),
      ),
    )
  }

  function totals() {
    const told = table.value,
      size = bytes =>
        bytes < 1e6
          ? `${(bytes / 1e3).toFixed(0)} kB`
          : bytes < 1e9
            ? `${(bytes / 1e6).toFixed(1)} MB`
            : `${(bytes / 1e9).toFixed(2)} GB`
    const seconds = flow.value && known.value ? (flow.value.microseconds * known.value.examples) / 1e6 : null
    return h(
      'p',
      { class: 'figures' },
      h('span', { class: 'first' }, h('b', {}, count(told.parameters)), ' ', say('weights')),
      h('span', {}, h('b', {}, count(told.macs)), ' ', say('multiplications a picture')),
      h('span', {}, h('b', {}, size(told.weights)), ' ', say('as a file')),
      h('span', {}, h('b', {}, size(told.learning)), ' ', say('while it learns (batch 128)')),
      seconds == null
        ? null
        : h(
            'span',
            {},
            h('b', {}, seconds < 1 ? `${(1000 * seconds).toFixed(0)} ms` : `${seconds.toFixed(1)} s`),
            ' ',
            say('an epoch on one core here'),
          ),
    )
  }
}
