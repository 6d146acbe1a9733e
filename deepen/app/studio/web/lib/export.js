// What stands on the screen, to take away: a link, a command, TOML, Python.
import { h, fill } from './dom.js'
import { say } from './words.js'

export function exported(told) {
  const ours = `${location.origin}/playground${told.link.slice(told.link.indexOf('#'))}`
  const forms = [
    [say('Link to this Studio'), ours],
    [say('Link that playground.tensorflow.org opens'), told.link],
    [say('Command'), told.command],
    ['Python', told.python],
    ['TOML', told.toml],
  ]
  const box = h(
    'dialog',
    { class: 'take' },
    h('h2', {}, say('Take it away')),
    h(
      'p',
      { class: 'soft' },
      say('Each of these does the same experiment again, to the same loss after {n} epochs.', { n: told.epoch }),
    ),
    forms.map(([name, text]) => {
      const said = h('span', { class: 'small good', role: 'status' })
      return h(
        'section',
        {},
        h(
          'div',
          { class: 'row' },
          h('h3', {}, name),
          h('span', { class: 'grow' }),
          said,
          h(
            'button',
            {
              onclick: () =>
                navigator.clipboard.writeText(text).then(
                  () => fill(said, say('copied')),
                  () => fill(said, say('select the text and copy it')),
                ),
            },
            say('Copy'),
          ),
        ),
        h('pre', { tabIndex: 0 }, text),
      )
    }),
    h('button', { onclick: () => box.close() }, say('Close')),
  )
  document.body.append(box)
  box.addEventListener('close', () => box.remove())
  box.showModal()
}
