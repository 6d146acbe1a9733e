// The frame around every page: name, pages, language, light, and the place where a sentence is told.
import { effect, scope, signal } from './lib/signals.js'
import { add, fill, h } from './lib/dom.js'
import { language, say, speak } from './lib/words.js'
import { get } from './lib/server.js'

const PAGES = [
  ['playground', () => say('Playground')],
  ['designer', () => say('Designer')],
  ['runs', () => say('Runs')],
  ['try', () => say('Try it')],
  ['make', () => say('Make')],
  ['learn', () => say('Learn')],
  ['class', () => say('Class')],
  ['pad', () => say('Drawing pad')],
  ['join', () => say('Come in')],
]
const TABS = {
  owner: ['playground', 'designer', 'runs', 'try', 'make', 'learn', 'class'],
  student: ['playground', 'pad', 'try', 'learn'],
  guest: [],
}

export const me = signal({ role: 'owner', name: '', class: false })
const where = signal(location.pathname)
let leave = () => {}

export function go(path) {
  if (me.peek().role === 'guest') return location.assign(path) // the server knows better what is open to them
  history.pushState(null, '', path)
  where.value = location.pathname
}

// A sentence at the lower edge, spoken by screen readers too. `kind`: '', 'good' or 'bad'.
export function tell(sentence, kind = '') {
  const box = document.getElementById('told')
  const one = h('p', { class: kind }, sentence instanceof Error ? sentence.message : sentence)
  if (sentence instanceof Error) one.className = 'bad'
  add(box, one)
  setTimeout(() => one.remove(), 8000)
}

function bar() {
  const link = (name, text) =>
    h(
      'a',
      {
        href: `/${name}`,
        'aria-current': () => (here() === name ? 'page' : false),
        onclick: event => {
          if (!event.ctrlKey && !event.metaKey) {
            event.preventDefault()
            go(`/${name}`)
          }
        },
      },
      text,
    )
  const shown = () =>
    TABS[me.value.role].filter(name => name !== 'class' || me.value.class).map(name => PAGES.find(([one]) => one === name))
  return h(
    'header',
    { class: 'bar' },
    h(
      'a',
      {
        class: 'skip',
        href: '#main',
        onclick: event => {
          event.preventDefault()
          document.getElementById('main').focus()
        },
      },
      () => say('Skip to the page'),
    ),
    h(
      'a',
      {
        class: 'name',
        href: '/playground',
        onclick: event => {
          event.preventDefault()
          go('/playground')
        },
      },
      h('img', { src: '/static/icon.svg', alt: '', width: 24, height: 24 }),
      'deepen',
    ),
    h('nav', { 'aria-label': () => say('Pages') }, () => shown().map(([name, text]) => link(name, text))),
    h('span', { class: 'grow' }),
    h('span', { id: 'light', role: 'status' }),
    h(
      'button',
      {
        class: 'plain',
        onclick: () => speak(language.value === 'ko' ? 'en' : 'ko'),
        lang: () => (language.value === 'ko' ? 'en' : 'ko'),
      },
      () => (language.value === 'ko' ? 'English' : '한국어'),
    ),
    h('button', { class: 'plain', onclick: shade, 'aria-label': () => say('Light or dark') }, '◐'),
  )
}

const here = () => where.value.split('/')[1] || 'playground'

function shade() {
  const dark =
    getComputedStyle(document.documentElement).colorScheme.includes('dark') &&
    (document.documentElement.dataset.light
      ? document.documentElement.dataset.light === 'dark'
      : matchMedia('(prefers-color-scheme: dark)').matches)
  document.documentElement.dataset.light = dark ? 'light' : 'dark'
  localStorage.setItem('light', document.documentElement.dataset.light)
  dispatchEvent(new Event('shade'))
}

async function show(name) {
  leave()
  const main = document.getElementById('main')
  fill(main, h('p', { class: 'soft wait' }, say('one moment …')))
  const known = PAGES.some(([one]) => one === name)
  if (!known) return fill(main, h('h1', {}, say('There is no such page')))
  try {
    const { page } = await import(`./pages/${name}.js`)
    if (here() !== name) return
    leave = scope(() => {
      main.replaceChildren()
      page(main, { go, tell, me, where })
    })
  } catch (error) {
    console.error(error)
    fill(main, h('h1', {}, say('This page could not be opened')), h('p', {}, String(error.message ?? error)))
  }
  document.title = `${PAGES.find(([one]) => one === name)?.[1]() ?? name} · deepen`
}

async function begin() {
  const token = new URLSearchParams(location.search).get('token')
  if (token) history.replaceState(null, '', location.pathname + location.hash) // the cookie holds it from here on
  const light = localStorage.getItem('light')
  if (light) document.documentElement.dataset.light = light
  me.value = location.pathname === '/join' ? { role: 'guest', name: '', class: true } : await get('/api/hello')
  await speak(localStorage.getItem('language') ?? me.value.language ?? document.documentElement.lang)
  document.body.prepend(
    bar(),
    h('main', { id: 'main', tabIndex: -1 }),
    h('div', { id: 'told', role: 'status', 'aria-live': 'polite' }),
  )
  addEventListener('popstate', () => {
    where.value = location.pathname
  })
  let before
  effect(() => {
    const name = here()
    const spoken = language.value
    if (before !== name + spoken) {
      before = name + spoken
      queueMicrotask(() => show(name))
    }
  })
}

addEventListener('unhandledrejection', event => tell(event.reason))
begin().catch(error => {
  document.body.append(h('p', { class: 'wait' }, error.message))
})
