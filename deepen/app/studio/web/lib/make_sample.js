// Samples of a run: choose, make, look closely, save.
import { signal } from './signals.js'
import { h } from './dom.js'
import { number, say } from './words.js'
import { post } from './server.js'
import { form, save, sheet } from './make_form.js'

export function sample(run, card, tell) {
  const made = signal(null),
    chosen = signal(0),
    seconds = signal(0),
    busy = signal(false)
  let again = false
  const choose = form(card, 'sample', { changed: make })

  // One request at a time; of those that come meanwhile only the last is asked.
  async function make() {
    if (busy.peek()) {
      again = true
      return
    }
    busy.value = true
    again = false
    const began = performance.now(),
      asked = choose.asked()
    try {
      const told = await post(`/api/make/${run}/sample`, asked)
      seconds.value = (performance.now() - began) / 1000
      chosen.value = Math.min(chosen.peek(), told.pictures.length - 1)
      made.value = { ...asked, pictures: told.pictures }
    } catch (error) {
      tell(error)
    }
    busy.value = false
    if (again) make()
  }
  make()

  // Which class a picture was asked for, where they come in turn.
  const name = (told, i) => {
    if (!card.classes?.length || !card.options.sample.some(one => one.name === 'class')) return ''
    return told.settings.class || card.classes[i % card.classes.length]
  }
  return h(
    'div',
    { class: 'making' },
    h(
      'section',
      { class: 'card' },
      h('h2', {}, say('Ask for pictures')),
      choose.element,
      h('button', { class: 'main', disabled: () => busy.value, onclick: make }, say('Make')),
      h('p', { class: 'small soft' }, say('The same seed and settings give the same pictures, here and in: deepen sample')),
    ),
    h(
      'section',
      { class: 'card', 'aria-busy': () => String(busy.value) },
      h('h2', {}, say('What it made')),
      h('p', { class: 'small soft', role: 'status' }, () =>
        busy.value && !made.value
          ? say('one moment …')
          : made.value
            ? say('{count} pictures from seed {seed} in {seconds} s', {
                count: made.value.pictures.length,
                seed: made.value.seed,
                seconds: number(seconds.value, 2),
              })
            : '',
      ),
      () =>
        made.value &&
        h(
          'div',
          { class: 'album' },
          made.value.pictures.map((address, i) =>
            h(
              'button',
              {
                class: 'plain thumb',
                'aria-pressed': () => String(chosen.value === i),
                onclick: () => {
                  chosen.value = i
                },
              },
              h('img', { class: 'pix', src: address, alt: alt(made.value, i) }),
            ),
          ),
        ),
    ),
    h(
      'section',
      { class: 'card close' },
      h('h2', {}, say('Closer')),
      () =>
        made.value && [
          h('img', {
            class: 'pix large',
            src: () => made.value.pictures[chosen.value] ?? '',
            alt: () => alt(made.value, chosen.value),
          }),
          h('p', { class: 'small soft' }, () => alt(made.value, chosen.value)),
          h(
            'div',
            { class: 'row' },
            h(
              'button',
              { onclick: () => save(made.peek().pictures[chosen.peek()], `${run}-${made.peek().seed}-${chosen.peek() + 1}`) },
              say('Save picture'),
            ),
            h(
              'button',
              { onclick: async () => save(await sheet(made.peek().pictures), `${run}-${made.peek().seed}`) },
              say('Save all as one sheet'),
            ),
          ),
        ],
    ),
  )

  function alt(told, i) {
    const called = name(told, i)
    return called ? say('sample {n}, asked for {name}', { n: i + 1, name: called }) : say('sample {n}', { n: i + 1 })
  }
}
