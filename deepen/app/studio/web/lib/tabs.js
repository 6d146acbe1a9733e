// A row of tabs as readers of the screen know them: one of them is in the tab order, arrows go to the others.
import { h } from './dom.js'

// tabs(): [[key, text], …]; `chosen` is a signal of the key; `panel` the id of what they show.
export function tabs(label, list, chosen, panel) {
  const row = h(
    'div',
    { class: 'row tabs', role: 'tablist', 'aria-label': label, onkeydown: keys },
    list.map(([key, text]) =>
      h(
        'button',
        {
          role: 'tab',
          id: `tab-${key}`,
          'data-tab': key,
          'aria-selected': () => String(chosen.value === key),
          'aria-controls': panel,
          tabIndex: () => (chosen.value === key ? 0 : -1),
          onclick: () => {
            chosen.value = key
          },
        },
        text,
      ),
    ),
  )
  function keys(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity }[event.key]
    if (!step) return
    event.preventDefault()
    const at = list.findIndex(([key]) => key === chosen.peek())
    const next = Number.isFinite(step) ? (at + step + list.length) % list.length : step < 0 ? 0 : list.length - 1
    chosen.value = list[next][0]
    row.children[next].focus()
  }
  return row
}
