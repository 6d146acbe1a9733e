// Learn: lessons in steps of predict, run, observe, explain; and the chapters, to read beside them.
import { computed, effect, signal } from '../lib/signals.js'
import { add, fill, h, style } from '../lib/dom.js'
import { language, say } from '../lib/words.js'
import { get, post } from '../lib/server.js'

style('/static/pages/learn.css')

const kept = () => {
  try {
    return JSON.parse(localStorage.getItem('lessons') ?? '{}')
  } catch {
    return {}
  }
}

export function page(root, { go, tell, me, where }) {
  const contents = signal(null),
    done = signal(kept())
  const open = computed(() => where.value.split('/')[2] ?? '')
  get('/api/learn/contents').then(told => {
    contents.value = told
  }, tell)
  const link = (address, ...inside) =>
    h(
      'a',
      {
        href: address,
        'aria-current': () => (where.value === address ? 'page' : false),
        onclick: event => {
          event.preventDefault()
          go(address)
        },
      },
      ...inside,
    )
  const finish = (key, told) => {
    done.value = { ...done.peek(), [key]: told }
    localStorage.setItem('lessons', JSON.stringify(done.peek()))
  }
  const finished = lesson => lesson.steps.filter((_, i) => done.value[`${lesson.number}.${i}`]?.explained).length

  add(
    root,
    h(
      'div',
      { class: 'learn' },
      h('nav', { class: 'card', 'aria-label': say('Lessons and chapters') }, () =>
        contents.value
          ? [
              h('h2', {}, say('Lessons')),
              h(
                'ol',
                {},
                contents.value.lessons.map(lesson =>
                  h(
                    'li',
                    {},
                    link(
                      `/learn/lesson-${lesson.number}`,
                      lesson.title,
                      h(
                        'small',
                        { class: 'soft' },
                        () =>
                          ` ${finished(lesson)}/${lesson.steps.length}${finished(lesson) === lesson.steps.length ? ' ✓' : ''}`,
                      ),
                    ),
                  ),
                ),
              ),
              h('h2', {}, say('Chapters')),
              h(
                'ul',
                {},
                contents.value.chapters.map(one => h('li', {}, link(`/learn/${one.name}`, one.title))),
              ),
            ]
          : null,
      ),
      h('div', { class: 'reading' }, () => {
        if (!contents.value) return null
        const number = /^lesson-(\d+)$/.exec(open.value)?.[1] ?? (open.value ? null : '1')
        const one = number && contents.value.lessons.find(lesson => String(lesson.number) === number)
        return one ? lesson(one) : number ? h('p', {}, say('There is no such page')) : chapter(open.value)
      }),
    ),
  )

  function lesson(one) {
    const box = h('div', {})
    return h(
      'article',
      { class: 'card' },
      h('h1', {}, `${one.number}. ${one.title}`),
      h('p', { class: 'soft' }, say('In each step: first guess, then run it, then look, then read why.')),
      one.steps.map((each, i) => step(`${one.number}.${i}`, each, i)),
      one.chapter ? h('p', {}, link(`/learn/${one.chapter}`, say('The chapter to this lesson →'))) : null,
      box,
    )
  }

  function step(key, each, i) {
    const before = done.peek()[key] ?? {}
    const guess = h('textarea', {
      rows: 2,
      value: before.guess ?? '',
      'aria-label': say('your guess'),
      placeholder: say('write down your guess first: being wrong teaches most'),
    })
    const guessed = signal(Boolean(before.guess)),
      ran = signal(Boolean(before.ran)),
      explained = signal(Boolean(before.explained))
    const note = () => finish(key, { guess: guess.value, ran: ran.value, explained: explained.value })
    return h(
      'section',
      { class: 'step', 'aria-label': say('step {n}', { n: i + 1 }) },
      h('h2', {}, say('{n}. Predict', { n: i + 1 })),
      h('p', {}, each.predict),
      guess,
      h(
        'button',
        {
          onclick: () => {
            if (guess.value.trim()) {
              guessed.value = true
              note()
            } else tell(say('Write a word or two first.'))
          },
        },
        say('That is my guess'),
      ),
      () =>
        guessed.value
          ? [
              h('h3', {}, say('Run')),
              each.commands.map(line =>
                command(line, () => {
                  ran.value = true
                  note()
                }),
              ),
              each.commands.length ? null : h('p', { class: 'soft' }, say('This one comes with a later part of deepen.')),
            ]
          : null,
      () =>
        guessed.value && (ran.value || !each.commands.length)
          ? [
              h('h3', {}, say('Observe')),
              h('p', {}, each.observe),
              explained.value
                ? null
                : h(
                    'button',
                    {
                      onclick: () => {
                        explained.value = true
                        note()
                      },
                    },
                    say('I have looked: explain it'),
                  ),
            ]
          : null,
      () => (explained.value ? [h('h3', {}, say('Explain')), h('p', { class: 'explain' }, each.explain)] : null),
    )
  }

  function command(line, ran) {
    const said = h('div', { 'aria-live': 'polite' })
    async function run(event) {
      const button = event.currentTarget
      button.disabled = true
      try {
        const told = await post('/api/learn/do', { line })
        if (told.queued) {
          fill(said, h('p', {}, say('It learns now.'), ' ', link('/runs', say('Watch it under Runs →'))))
        } else fill(said, h('pre', {}, told.text))
        ran?.()
      } catch (error) {
        fill(said, h('p', { class: 'bad' }, error.message))
        ran?.()
      } finally {
        button.disabled = false
      }
    }
    return h(
      'div',
      { class: 'command' },
      h(
        'div',
        { class: 'row' },
        h('code', {}, line),
        h('span', { class: 'grow' }),
        h(
          'button',
          {
            onclick: () =>
              navigator.clipboard?.writeText(line).then(
                () => tell(say('copied')),
                () => tell(line),
              ),
          },
          say('Copy'),
        ),
        me.value.role === 'owner' || !line.startsWith('deepen train')
          ? h('button', { class: 'main', onclick: run }, say('Run it'))
          : null,
      ),
      said,
    )
  }

  function chapter(name) {
    const box = h('div', { class: 'card' }, h('p', { class: 'soft' }, say('one moment …')))
    effect(() => {
      language.value
      get(`/api/learn/chapter/${encodeURIComponent(name)}`).then(
        told => {
          box.innerHTML = told.html // made by the server from its own chapters; tags in them are escaped
          for (const formula of box.querySelectorAll('math[display=block]')) formula.tabIndex = 0 // a wide one is scrolled by keys
          for (const block of box.querySelectorAll('pre.try'))
            block.replaceWith(...[...block.querySelectorAll('code')].map(code => command(code.textContent)))
        },
        error => fill(box, h('p', {}, error.message)),
      )
    })
    return box
  }
}
