// Elements without a framework: h('button', {class: 'go', onclick: go}, 'Train'). A function as a property or child is
// read again whenever the signals in it change.
import { effect } from './signals.js'

const SVG = new Set([
  'svg',
  'g',
  'path',
  'line',
  'rect',
  'circle',
  'text',
  'polyline',
  'polygon',
  'defs',
  'title',
  'use',
  'marker',
])

export function h(tag, properties = {}, ...children) {
  const made = SVG.has(tag) ? document.createElementNS('http://www.w3.org/2000/svg', tag) : document.createElement(tag)
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (name.startsWith('on')) made.addEventListener(name.slice(2), value)
    else if (name === 'ref') value(made)
    else if (typeof value === 'function') effect(() => put(made, name, value()))
    else put(made, name, value)
  }
  add(made, children)
  return made
}

function put(element, name, value) {
  if (name === 'style' && value && typeof value === 'object') {
    for (const [key, one] of Object.entries(value)) element.style.setProperty(key, one)
  } else if (
    name in element &&
    !SVG.has(element.localName) &&
    !['list', 'form', 'role', 'width', 'height', 'type'].includes(name)
  ) {
    const there = name === 'tabIndex' || name === 'alt' || element.localName === 'option' // −1 and '' are there before they are set
    if (element[name] !== value || there) element[name] = value
  } else if (value === false || value == null) element.removeAttribute(name)
  else element.setAttribute(name === 'className' ? 'class' : name, value === true ? '' : value)
}

export function add(parent, ...children) {
  for (const child of children.flat(Infinity)) {
    if (child == null || child === false || child === true) continue
    if (typeof child === 'function') parent.append(live(child))
    else parent.append(child)
  }
  return parent
}

// A place in the page, between two marks, whose content follows its signals.
function live(make) {
  const fragment = document.createDocumentFragment(),
    begin = document.createComment(''),
    end = document.createComment('')
  fragment.append(begin, end)
  effect(() => {
    const fresh = add(document.createDocumentFragment(), make())
    while (begin.nextSibling !== end) begin.nextSibling.remove()
    end.before(fresh)
  })
  return fragment
}

export const fill = (parent, ...children) => {
  parent.replaceChildren()
  return add(parent, children)
}

// A select: options are [value, text] pairs; `value` is a function, `pick` is told the new one.
export function choice(label, options, value, pick, properties = {}) {
  return h(
    'label',
    { class: 'field', ...properties },
    h('span', {}, label),
    h(
      'select',
      { onchange: event => pick(event.target.value), 'aria-label': label },
      options.map(([key, text]) => h('option', { value: key, selected: () => String(value()) === String(key) }, text)),
    ),
  )
}

export function slider(label, least, most, step, value, pick, shown = x => x, properties = {}) {
  return h(
    'label',
    { class: 'field', ...properties },
    h(
      'span',
      {},
      label,
      ' ',
      h('b', {}, () => shown(value())),
    ),
    h('input', {
      type: 'range',
      min: least,
      max: most,
      step,
      value: () => value(),
      'aria-label': label,
      oninput: event => pick(Number(event.target.value)),
    }),
  )
}

export function check(label, value, pick, properties = {}) {
  return h(
    'label',
    { class: 'tick', ...properties },
    h('input', { type: 'checkbox', checked: () => Boolean(value()), onchange: event => pick(event.target.checked) }),
    ' ',
    label,
  )
}

// A page brings its own style; it is loaded once.
const loaded = new Set()

export function style(address) {
  if (loaded.has(address)) return
  loaded.add(address)
  const link = document.createElement('link')
  link.rel = 'stylesheet'
  link.href = address
  document.head.append(link)
}
