// Real or fake? Twelve pictures, some from the data, some made by a run. How many can you tell?
import { computed, effect, signal } from './signals.js'
import { h } from './dom.js'
import { say, share } from './words.js'
import { get } from './server.js'

export function game(run, tell) {
  const cards = signal([]),
    place = signal(0),
    guesses = signal([]),
    seed = signal(1)
  effect(() => {
    const from = seed.value
    cards.value = []
    place.value = 0
    guesses.value = []
    get(`/api/try/${run}/pairs?seed=${from}`).then(told => {
      cards.value = told
    }, tell)
  })
  const right = computed(() => guesses.value.filter((real, i) => real === cards.value[i]?.real).length)
  const guess = real => {
    if (place.value < cards.value.length) {
      guesses.value = [...guesses.value, real]
      place.value++
    }
  }
  const keys = event => {
    if (event.target.matches?.('input,select,textarea,[role=tab]')) return
    if (event.key === 'r' || event.key === 'ArrowLeft') guess(true)
    if (event.key === 'f' || event.key === 'ArrowRight') guess(false)
  }
  effect(() => {
    addEventListener('keydown', keys)
    return () => removeEventListener('keydown', keys)
  })

  return h(
    'div',
    { class: 'card game' },
    h(
      'div',
      { class: 'row' },
      h('span', { class: 'grow' }),
      h('b', { role: 'status' }, () => say('{right} of {all} right', { right: right.value, all: guesses.value.length })),
    ),
    () => {
      const one = cards.value[place.value]
      if (!cards.value.length) return h('p', { class: 'soft' }, say('one moment …'))
      if (!one) return over()
      return [
        h('p', { class: 'soft' }, say('picture {n} of {all}', { n: place.value + 1, all: cards.value.length })),
        h('img', { class: 'doubt', src: one.picture, alt: say('a picture, real or made') }),
        h(
          'div',
          { class: 'row middle' },
          h('button', { onclick: () => guess(true) }, say('Real (R)')),
          h('button', { onclick: () => guess(false) }, say('Fake (F)')),
        ),
        () => {
          const last = guesses.value.length - 1
          return last < 0
            ? null
            : h(
                'p',
                { role: 'status', class: guesses.value[last] === cards.value[last].real ? 'good' : 'bad' },
                guesses.value[last] === cards.value[last].real
                  ? say('✓ right')
                  : cards.value[last].real
                    ? say('✕ it was real')
                    : say('✕ it was made'),
              )
        },
      ]
    },
  )

  function over() {
    const chance = right.value <= cards.value.length / 2 + 2
    return [
      h('p', { class: 'answer' }, share(right.value / cards.value.length, 0)),
      h(
        'p',
        {},
        chance
          ? say('Hardly better than guessing: this maker fools you.')
          : say('You can still tell them apart: this maker has more to learn.'),
      ),
      h(
        'div',
        { class: 'shown' },
        cards.value.map((one, i) =>
          h(
            'figure',
            {},
            h('img', { src: one.picture, alt: one.real ? say('real') : say('made') }),
            h(
              'figcaption',
              { class: 'small' },
              one.real ? say('real') : say('made'),
              guesses.value[i] === one.real ? ' ✓' : ' ✕',
            ),
          ),
        ),
      ),
      h(
        'button',
        {
          class: 'main',
          onclick: () => {
            seed.value++
          },
        },
        say('Again, with other pictures'),
      ),
    ]
  }
}
