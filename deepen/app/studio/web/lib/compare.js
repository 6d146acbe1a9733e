// Runs side by side.
import { computed, effect } from './signals.js'
import { h } from './dom.js'
import { number, say, share } from './words.js'
import { chart } from './chart.js'
import { COLOURS, DASHES, follow, points } from './follow.js'
import { shares } from './metrics.js'

// Several runs over each other, and what is different about them.
export function compare(names, all) {
  const followed = names.map(name => [name, follow(name)])
  const style = i => ({ colour: COLOURS[i % COLOURS.length], dash: DASHES[Math.floor(i / COLOURS.length) % DASHES.length] })
  const drawn = key =>
    chart({
      height: 220,
      label: key,
      lines: () =>
        followed
          .slice(0, 50)
          .map(([name, { events }], i) => ({ name, ...style(i), points: points(events.value, 'evaluated', key) })),
    })
  const runs = computed(() => names.map(name => all.value.find(run => run.name === name)).filter(Boolean))
  const score = computed(() => runs.value[0]?.score ?? 'accuracy')
  const charts = ['loss', score.value].filter((one, i, list) => list.indexOf(one) === i).map(key => [key, drawn(key)])
  effect(() => {
    followed.forEach(([, { events }]) => events.value)
    queueMicrotask(() => charts.forEach(([, one]) => one.draw()))
  })
  const settings = computed(() => {
    const flat = runs.value.map(run => ({ data: run.origin, seed: run.seed, ...run.recipe }))
    return [...new Set(flat.flatMap(Object.keys))]
      .filter(key => new Set(flat.map(one => JSON.stringify(one[key]))).size > 1)
      .map(key => [key, flat.map(one => one[key])])
  })
  return h(
    'div',
    { class: 'column' },
    h(
      'div',
      { class: 'card' },
      h('h2', {}, say('{count} runs side by side', { count: names.length })),
      h(
        'ul',
        { class: 'keys small' },
        followed.map(([name], i) =>
          h(
            'li',
            {},
            h('span', {
              class: 'swatch',
              style: {
                '--colour': COLOURS[i % COLOURS.length].startsWith('--')
                  ? `var(${COLOURS[i % COLOURS.length]})`
                  : COLOURS[i % COLOURS.length],
              },
            }),
            name,
          ),
        ),
      ),
      charts.map(([key, one]) => [h('h3', {}, say('{metric} on validation', { metric: key })), one.element]),
    ),
    h(
      'div',
      { class: 'card scroll' },
      h('h3', {}, say('What is different')),
      h(
        'table',
        {},
        h(
          'thead',
          {},
          h('tr', {}, h('th', {}), () => runs.value.map(run => h('th', { scope: 'col' }, run.name))),
        ),
        h('tbody', {}, () => [
          ...settings.value.map(([key, values]) =>
            h(
              'tr',
              {},
              h('th', { scope: 'row' }, key),
              values.map(value => h('td', {}, h('code', {}, JSON.stringify(value) ?? '–'))),
            ),
          ),
          h(
            'tr',
            {},
            h('th', { scope: 'row' }, score.value),
            runs.value.map(run =>
              h(
                'td',
                {},
                h(
                  'b',
                  {},
                  shares.has(score.value) ? share(run.metrics[score.value] ?? NaN, 2) : number(run.metrics[score.value]),
                ),
              ),
            ),
          ),
        ]),
      ),
    ),
  )
}
