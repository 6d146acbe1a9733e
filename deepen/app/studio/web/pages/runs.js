// Runs: what learns and what has learned, live from the folders. Compare them, look into their mistakes, tell them to stop.
import { computed, effect, onEnd, signal } from '../lib/signals.js'
import { add, check, fill, h } from '../lib/dom.js'
import { count, number, say, share } from '../lib/words.js'
import { get, post } from '../lib/server.js'
import { chart } from '../lib/chart.js'
import { compare } from '../lib/compare.js'
import { look } from '../lib/errors.js'
import { COLOURS, DASHES, follow, points } from '../lib/follow.js'
import { shares } from '../lib/metrics.js'
import { samples } from '../lib/samples.js'

const FACTS = new Set(['t', 'step', 'event', 'progress', 'seconds', 'seen', 'steps_per_second'])
const STATE = {
  learning: () => say('learning'),
  finished: () => say('finished'),
  stopped: () => say('stopped'),
  failed: () => say('failed'),
}
const MARK = { learning: '●', finished: '✓', stopped: '❚❚', failed: '✕' }

export function page(root, { go, tell, where }) {
  const all = signal([]),
    chosen = signal(new Set()),
    filter = signal('')
  const open = computed(() => where.value.split('/')[2] ?? '')
  let stop = false
  onEnd(() => {
    stop = true
  })
  async function poll() {
    while (!stop) {
      try {
        all.value = await get('/api/runs')
      } catch (error) {
        tell(error)
      }
      await new Promise(done => setTimeout(done, 2000))
    }
  }
  poll()
  const shown = computed(() =>
    all.value.filter(run => `${run.name} ${run.system} ${run.origin}`.toLowerCase().includes(filter.value.toLowerCase())),
  )
  add(
    root,
    h('h1', {}, say('Runs')),
    h(
      'div',
      { class: 'runs' },
      h(
        'section',
        { class: 'card list', 'aria-label': say('All runs') },
        h('input', {
          type: 'text',
          placeholder: say('filter …'),
          'aria-label': say('filter …'),
          oninput: event => {
            filter.value = event.target.value
          },
        }),
        () =>
          all.value.length
            ? null
            : h(
                'p',
                { class: 'soft' },
                say('No run yet. Train something in the Designer, or in a terminal: deepen train digits'),
              ),
        h('ul', {}, () => shown.value.map(run => row(run))),
      ),
      h('section', { class: 'detail' }, () => {
        const several = [...chosen.value]
        if (several.length > 1) return compare(several, all)
        const name = open.value || all.value[0]?.name
        return name ? detail(name, all, tell) : null
      }),
    ),
  )

  function row(run) {
    const score = run.metrics[run.score]
    return h(
      'li',
      {},
      check(
        h('span', { class: 'hidden' }, say('compare {name}', { name: run.name })),
        () => chosen.value.has(run.name),
        on => {
          const next = new Set(chosen.peek())
          on ? next.add(run.name) : next.delete(run.name)
          chosen.value = next
        },
        { title: say('compare') },
      ),
      h(
        'a',
        {
          href: `/runs/${run.name}`,
          class: `run ${run.state}`,
          'aria-current': open.value === run.name ? 'true' : false,
          onclick: event => {
            event.preventDefault()
            chosen.value = new Set()
            go(`/runs/${run.name}`)
          },
        },
        h('span', { class: 'mark', 'aria-hidden': 'true' }, MARK[run.state]),
        h('span', {}, run.name, h('small', {}, ` ${STATE[run.state]()}`)),
        h('b', {}, score == null ? '' : shares.has(run.score) ? share(score) : number(score)),
        run.state === 'learning' ? h('progress', { value: run.progress, max: 1, 'aria-label': say('progress') }) : null,
      ),
    )
  }
}

function detail(name, all, tell) {
  const { events, busy } = follow(name, tell)
  const run = computed(() => all.value.find(one => one.name === name))
  const started = computed(() => events.value.find(one => one.event === 'started') ?? {})
  const finished = computed(() => events.value.findLast(one => one.event === 'finished'))
  const newest = computed(() => events.value.findLast(one => one.event === 'stepped') ?? {})
  const best = () => finished.value?.best_step ?? null
  const log = signal(false)
  const has = computed(() => events.value.some(one => one.event === 'stepped' && typeof one.loss === 'number'))
  const others = computed(() =>
    has.value
      ? []
      : [...new Set(events.value.filter(one => one.event === 'stepped').flatMap(Object.keys))].filter(key => !FACTS.has(key)),
  )
  const loss = chart({
    label: say('loss'),
    mark: best,
    log: () => log.value,
    lines: () =>
      has.value
        ? [
            { name: say('training'), colour: '--blue', points: points(events.value, 'stepped', 'loss') },
            {
              name: say('validation'),
              colour: '--orange',
              dash: [6, 3],
              width: 2.4,
              points: points(events.value, 'evaluated', 'loss'),
            },
          ]
        : others.value.map((key, i) => ({
            name: key,
            colour: COLOURS[i % COLOURS.length],
            dash: DASHES[i % 4],
            points: points(events.value, 'stepped', key),
          })),
  })
  const score = chart({
    label: say('score'),
    mark: best,
    lines: () => [
      {
        name: started.value.score ?? '',
        colour: '--orange',
        dash: [6, 3],
        width: 2.4,
        points: points(events.value, 'evaluated', started.value.score),
      },
    ],
  })
  effect(() => {
    events.value
    log.value
    queueMicrotask(() => {
      loss.draw()
      score.draw()
    })
  })
  const order = (act, more = {}) =>
    post(`/api/runs/${name}/order`, { do: act, ...more }).then(() => tell(say('asked: {what}', { what: act }), 'good'), tell)
  const rate = h('input', { type: 'text', size: 8, placeholder: '0.01', 'aria-label': say('new learning rate') })
  const mistakes = h('section', { class: 'card' }),
    words = h('div', {})
  effect(() => {
    // when it ends, and at first
    if (busy.value) return
    const model = finished.value ?? run.value
    if (model) {
      look(name, mistakes)
      read(name, words)
    }
  })
  return h(
    'div',
    { class: 'column' },
    h(
      'div',
      { class: 'card' },
      h(
        'div',
        { class: 'row' },
        h('h2', {}, name),
        h('span', { class: 'soft' }, () => run.value?.origin ?? ''),
        h('span', { class: 'grow' }),
        () =>
          busy.value
            ? [
                h('button', { onclick: () => order('pause') }, say('Pause')),
                h('button', { onclick: () => order('go') }, say('Go on')),
                h('button', { onclick: () => order('save') }, say('Save now')),
                h('button', { onclick: () => order('stop') }, say('Stop')),
                rate,
                h('button', { onclick: () => order('set', { key: 'lr', value: rate.value }) }, say('Set the rate')),
              ]
            : null,
        () => (run.value?.report ? h('a', { href: `/api/runs/${name}/report`, target: '_blank' }, say('Report')) : null),
      ),
      () =>
        busy.value
          ? h('progress', { class: 'wide', value: newest.value.progress ?? 0, max: 1, 'aria-label': say('progress') })
          : null,
      h('p', { class: 'figures', role: 'status' }, () => figures(run.value, started.value, newest.value)),
      () => (run.value?.why ? h('p', { class: 'bad' }, run.value.why) : null),
      words,
    ),
    h(
      'div',
      { class: 'grid two' },
      h(
        'div',
        { class: 'card' },
        h(
          'div',
          { class: 'row' },
          h('h3', {}, () => (has.value ? say('loss') : others.value.join(' · '))),
          () => (has.value ? legend() : null),
          h('span', { class: 'grow' }),
          check(
            say('logarithmic'),
            () => log.value,
            on => {
              log.value = on
            },
          ),
        ),
        loss.element,
      ),
      () =>
        started.value.score && started.value.score !== 'loss'
          ? h('div', { class: 'card' }, h('h3', {}, started.value.score), score.element)
          : null,
    ),
    mistakes,
    samples(name, busy),
    recipe(run),
  )
}

const legend = () =>
  h(
    'span',
    { class: 'small soft' },
    h('span', { class: 'key solid' }),
    ' ',
    say('training'),
    ' ',
    h('span', { class: 'key dashed' }),
    ' ',
    say('validation'),
  )

function figures(run, started, newest) {
  if (!run) return ''
  const told = Object.entries(run.metrics)
    .filter(([key]) => !['seconds'].includes(key))
    .slice(0, 6)
    .map(([key, value]) =>
      h(
        'span',
        { class: key === run.score ? 'first' : '' },
        h('b', {}, shares.has(key) ? share(value, 2) : number(value)),
        ' ',
        key,
      ),
    )
  const pace =
    newest.steps_per_second && run.state === 'learning'
      ? [h('span', {}, h('b', {}, count(Math.round(newest.steps_per_second))), ' ', say('steps a second'))]
      : []
  return [...told, ...pace, started.device ? h('span', { class: 'soft' }, `${started.device} ${started.precision ?? ''}`) : null]
}

async function read(name, box) {
  try {
    const told = await get(`/api/runs/${name}/reading`)
    fill(
      box,
      told.reading.map(one => h('p', {}, one)),
      told.next
        ? [h('p', { class: 'soft' }, say('The next experiment: {why}', { why: told.next.why })), h('pre', {}, told.next.command)]
        : null,
    )
  } catch (error) {
    fill(box, h('p', { class: 'soft' }, error.message))
  }
}

const recipe = run =>
  h('details', { class: 'card' }, h('summary', {}, say('Recipe')), () =>
    run.value
      ? h(
          'table',
          {},
          h(
            'tbody',
            {},
            Object.entries(run.value.recipe).map(([key, value]) =>
              h('tr', {}, h('th', { scope: 'row' }, key), h('td', {}, h('code', {}, JSON.stringify(value)))),
            ),
          ),
        )
      : null,
  )
