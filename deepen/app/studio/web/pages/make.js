// Make: what a run's system paints, and how. One tab for each thing that this system can do.
import { computed, effect, onEnd, signal } from '../lib/signals.js'
import { add, choice, h, style } from '../lib/dom.js'
import { say } from '../lib/words.js'
import { get, post } from '../lib/server.js'
import { tabs } from '../lib/tabs.js'
import { contest } from '../lib/make_contest.js'
import { panels, unfolds } from '../lib/make_frames.js'
import { game } from '../lib/make_game.js'
import { sample } from '../lib/make_sample.js'
import { sliders } from '../lib/make_sliders.js'

style('/static/pages/make.css')
const PHOTO = 96 // pixels from which a picture is drawn smoothly
const ENOUGH = 24 // examples of its data, for the game
const AGAIN = 3000 // ms until the runs are asked for again while none makes pictures

export function page(root, { tell, go }) {
  const hash = new URLSearchParams(location.hash.slice(1)),
    makers = signal(null),
    run = signal(''),
    card = signal(null),
    problem = signal(''),
    tab = signal(hash.get('tab') ?? 'sample')
  let gone = false,
    timer = 0
  onEnd(() => {
    gone = true
    clearTimeout(timer)
  })
  async function look() {
    try {
      const told = await get('/api/make/runs')
      if (gone) return
      makers.value = told
      const wanted = told.find(one => one.name === hash.get('run')) ?? told.find(one => one.ready)
      if (!run.peek() && wanted) run.value = wanted.name
      if (!wanted) timer = setTimeout(look, AGAIN)
    } catch (error) {
      tell(error)
    }
  }
  look()
  effect(() => {
    const name = run.value
    card.value = null
    problem.value = ''
    if (name)
      get(`/api/make/${name}/card`).then(
        told => {
          if (run.peek() === name) card.value = told
        },
        error => {
          if (run.peek() === name) problem.value = error.message
        },
      )
  })
  effect(() => {
    if (run.value) history.replaceState(null, '', `#run=${run.value}&tab=${tab.value}`)
  })
  const now = computed(() => makers.value?.find(one => one.name === run.value))

  add(root, h('h1', {}, say('Make')), () =>
    makers.value == null
      ? h('p', { class: 'soft' }, say('one moment …'))
      : run.value
        ? [
            chosen(),
            () =>
              problem.value
                ? h('p', { class: 'card bad', role: 'alert' }, problem.value)
                : card.value
                  ? parts(card.value)
                  : h('p', { class: 'soft' }, say('one moment …')),
          ]
        : none(),
  )

  function chosen() {
    return h(
      'div',
      { class: 'card row who' },
      choice(
        say('maker'),
        makers.value.map(one => [one.name, `${one.name}${one.ready ? '' : ` (${say('has no model yet')})`}`]),
        () => run.value,
        picked => {
          run.value = picked
        },
      ),
      () =>
        now.value &&
        h(
          'span',
          { class: 'soft' },
          say('{system} learned from {data}', { system: now.value.system, data: now.value.data || '–' }),
        ),
      h('span', { class: 'grow' }),
      () => (now.value?.busy ? h('b', { class: 'good' }, '● ', say('learning')) : null),
      h(
        'a',
        {
          href: () => `/runs/${run.value}`,
          onclick: event => {
            event.preventDefault()
            go(`/runs/${run.peek()}`)
          },
        },
        say('How its pictures came through training: Runs'),
      ),
    )
  }

  function none() {
    const asked = signal(false)
    return h(
      'div',
      { class: 'card' },
      h('p', {}, say('No run makes pictures yet. Train one: deepen train dcgan')),
      h(
        'button',
        {
          class: 'main',
          disabled: () => asked.value,
          onclick: async () => {
            asked.value = true
            try {
              await post('/api/train', { what: 'dcgan', settings: { epochs: '40' } })
              tell(say('It learns now; this page goes on by itself when it has something to show.'), 'good')
            } catch (error) {
              asked.value = false
              tell(error)
            }
          },
        },
        say('Train dcgan on digits'),
      ),
    )
  }

  function parts(told) {
    const name = run.peek(),
      can = what => told.does.includes(what)
    const list = [
      can('sample') && ['sample', say('Samples'), () => sample(name, told, tell)],
      (can('painted') || can('walk')) && [
        'latent',
        told.axes ? say('Latent space') : say('From one to another'),
        () => sliders(name, told, tell),
      ],
      can('unfolds') && ['unfolds', say('How it comes to be'), () => unfolds(name, told, tell)],
      can('contest') && ['contest', say('The contest'), () => contest(name, tell, go)],
      can('panels') && told.data && ['panels', say('What it shows of itself'), () => panels(name, tell)],
      can('sample') && told.examples >= ENOUGH && ['game', say('Real or fake?'), () => game(name, tell)],
    ].filter(Boolean)
    if (!list.length) return h('p', { class: 'card' }, say('What it makes are no pictures; look at it under Runs.'))
    if (!list.some(([key]) => key === tab.peek())) tab.value = list[0][0]
    return [
      tabs(say('What to look at'), list, tab, 'made'),
      h(
        'div',
        {
          id: 'made',
          class: Math.max(...(told.shape ?? [])) >= PHOTO ? 'photo' : '',
          role: 'tabpanel',
          'aria-labelledby': () => `tab-${tab.value}`,
        },
        () => list.find(([key]) => key === tab.value)?.[2](),
      ),
    ]
  }
}
