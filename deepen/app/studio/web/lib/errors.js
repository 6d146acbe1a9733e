// Where a run errs: its confusion matrix, and the pictures of a cell.
import { fill, h } from './dom.js'
import { count, say, share } from './words.js'
import { get } from './server.js'

// The confusion matrix; a cell opens its pictures.
export async function look(name, box) {
  fill(box, h('p', { class: 'soft' }, say('looking at its mistakes …')))
  let told
  try {
    told = await get(`/api/runs/${name}/errors`)
  } catch (error) {
    fill(box, h('p', { class: 'soft' }, error.message))
    return
  }
  const gallery = h('div', { class: 'gallery', 'aria-live': 'polite' })
  const show = (title, list) =>
    fill(gallery, h('h3', {}, title), list.length ? list.map(figure) : h('p', { class: 'soft' }, say('nothing here')))
  const first = () =>
    show(
      told.unit
        ? say('The worst pictures first')
        : told.names
          ? say('The worst mistakes, the most certain first')
          : say('The largest errors'),
      told.mistakes,
    )
  const open = async (was, said) => {
    try {
      show(
        say('was {was}, said {said}', { was: told.names[was], said: told.names[said] }),
        (await get(`/api/runs/${name}/errors?was=${was}&said=${said}`)).mistakes,
      )
    } catch (error) {
      show(error.message, [])
    }
  }
  fill(
    box,
    h(
      'h2',
      {},
      say('Where it errs'),
      ' ',
      h('small', { class: 'soft' }, say('{count} examples it never learned from', { count: count(told.examples) })),
    ),
    told.weakest
      ? h(
          'p',
          {},
          say('Weakest class: {name}; {share} of {count} are found.', {
            name: told.weakest[0],
            share: share(told.weakest[1]),
            count: told.weakest[2],
          }),
        )
      : null,
    told.unit ? classes(told) : null,
    told.matrix && told.names.length <= 24 ? matrix(told, open) : null,
    gallery,
  )
  first()
}

// The figures of each class of boxes or masks; of sentences one sentence.
const classes = told =>
  told.head.length
    ? h(
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
              told.head.map(one => h('th', { scope: 'col' }, one)),
            ),
          ),
          h(
            'tbody',
            {},
            told.rows.map(([name, ...cells]) =>
              h(
                'tr',
                {},
                h('th', { scope: 'row' }, name),
                cells.map(cell => h('td', { class: 'n' }, cell)),
              ),
            ),
          ),
        ),
      )
    : h('p', {}, told.said)

const figure = one =>
  h(
    'figure',
    one.score == null ? {} : { class: 'wide' },
    one.picture
      ? h('img', { src: one.picture, alt: one.was, ...(one.score == null ? { width: 72, height: 72 } : {}) })
      : h('p', { class: 'small' }, one.text),
    h(
      'figcaption',
      { class: 'small' },
      say('was'),
      ' ',
      h('b', {}, one.was),
      ' · ',
      say('said'),
      ' ',
      h('b', { class: one.was === one.said ? 'good' : 'bad' }, one.said),
      one.sure == null ? '' : ` ${share(one.sure, 0)}`,
      one.score == null ? '' : ` · ${share(one.score, 0)}`,
      h('br'),
      h('span', { class: 'soft' }, one.where),
    ),
  )

function matrix({ matrix: cells, names }, open) {
  const sums = cells.map(line => line.reduce((a, b) => a + b, 0))
  return h(
    'div',
    { class: 'scroll' },
    h(
      'table',
      { class: 'matrix' },
      h('caption', { class: 'small soft' }, say('Rows: what it was. Columns: what it said. Press a cell to see its pictures.')),
      h(
        'thead',
        {},
        h(
          'tr',
          {},
          h('th', {}),
          names.map(one => h('th', { scope: 'col' }, one)),
        ),
      ),
      h(
        'tbody',
        {},
        cells.map((line, was) =>
          h(
            'tr',
            {},
            h('th', { scope: 'row' }, names[was]),
            line.map((value, said) =>
              h(
                'td',
                { class: was === said ? 'right' : 'wrong', style: { '--share': value / (sums[was] || 1) } },
                value
                  ? h(
                      'button',
                      {
                        class: 'plain',
                        onclick: () => open(was, said),
                        'aria-label': say('{count} that were {was} and called {said}', {
                          count: value,
                          was: names[was],
                          said: names[said],
                        }),
                      },
                      String(value),
                    )
                  : '',
              ),
            ),
          ),
        ),
      ),
    ),
  )
}
