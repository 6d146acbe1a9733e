// What flows through a network that has not learned yet, layer by layer.
import { h } from './dom.js'
import { number, say } from './words.js'
import { ABOUT } from './layers.js'

export function inspector({ flow, table, known, chosen }) {
  if (!flow.value) return h('p', { class: 'soft' }, say('What flows through the network appears here when every line is right.'))
  const layer = flow.value.layers.find(one => one.line === chosen.value + 1)
  const seen = layer && table.value?.rows[layer.line - 1]?.field,
    side = known.value?.shape[1] ?? 1
  const word =
    layer &&
    Object.keys(ABOUT)
      .filter(one => layer.text.startsWith(one))
      .sort((a, b) => b.length - a.length)[0]
  return [
    h('h2', {}, say('What flows through it')),
    h(
      'p',
      { class: 'small soft' },
      say('Untrained: the weights are chance. The picture is a {label}.', { label: flow.value.label }),
    ),
    h(
      'div',
      { class: 'seen' },
      h('img', { src: flow.value.input, alt: say('a picture of {label}', { label: flow.value.label }), width: 112, height: 112 }),
      seen
        ? h('span', {
            class: 'window',
            style: { '--share': Math.min(1, seen / side) },
            title: say('one output sees {n} pixels on a side', { n: seen }),
          })
        : null,
    ),
    layer
      ? [
          h('h3', {}, layer.text),
          word ? h('p', {}, ABOUT[word]()) : null,
          h('p', { class: 'small soft' }, seen ? say('one output sees {n} pixels on a side', { n: seen }) : ''),
          layer.maps
            ? h(
                'div',
                { class: 'maps' },
                layer.maps.map((one, i) => h('img', { src: one, alt: say('channel {n}', { n: i + 1 }) })),
                layer.of > layer.maps.length
                  ? h('span', { class: 'soft small' }, say('and {count} more', { count: layer.of - layer.maps.length }))
                  : null,
              )
            : h(
                'p',
                { class: 'small numbers' },
                layer.values
                  .slice(0, 24)
                  .map(one => number(one, 2))
                  .join('  '),
                layer.of > 24 ? ' …' : '',
              ),
        ]
      : [
          h('p', { class: 'soft' }, say('Choose a line to see what it makes of the picture.')),
          h(
            'div',
            { class: 'strip' },
            flow.value.layers
              .filter(one => one.maps)
              .map(one =>
                h(
                  'button',
                  {
                    class: 'plain',
                    onclick: () => {
                      chosen.value = one.line - 1
                    },
                  },
                  h('img', { src: one.maps[0], alt: one.text }),
                  h('small', {}, one.text),
                ),
              ),
          ),
        ],
  ]
}
