// Frames as a film: a slider, a button that plays. It begins to move only where the person's system lets things move.
import { effect, onEnd, signal } from './signals.js'
import { h } from './dom.js'
import { say } from './words.js'

export const still = () => matchMedia('(prefers-reduced-motion: reduce)').matches

// frames: addresses of pictures; caption(i): a sentence below; `ends`: [text at the left, at the right] of the slider.
export function player(frames, { alt, caption = null, ends = ['', ''], goes = false, round = false, large = false }) {
  const at = signal(goes && !still() ? 0 : frames.length - 1),
    moving = signal(goes && !still()),
    pace = still() ? 700 : Math.min(250, Math.max(70, 5000 / frames.length))
  let step = 1
  const next = () => {
    if (at.peek() + step > frames.length - 1 || at.peek() + step < 0) {
      if (round) step = -step
      else {
        moving.value = false
        return
      }
    }
    at.value += step
  }
  let timer = 0
  effect(() => {
    clearInterval(timer)
    if (moving.value) timer = setInterval(next, pace)
  })
  onEnd(() => clearInterval(timer))
  const play = () => {
    if (!moving.peek() && !round && at.peek() >= frames.length - 1) at.value = 0
    moving.value = !moving.peek()
  }
  return h(
    'div',
    { class: 'player' },
    h('img', { class: large ? 'pix large' : 'pix', src: () => frames[at.value], alt: () => alt(at.value) }),
    caption ? h('p', { class: 'small soft caption' }, () => caption(at.value)) : null,
    h(
      'div',
      { class: 'row playing' },
      h('button', { onclick: play }, () => (moving.value ? say('Pause') : say('Play'))),
      h(
        'label',
        { class: 'field grow' },
        h('span', { class: 'ends' }, h('span', {}, ends[0]), h('span', {}, ends[1])),
        h('input', {
          type: 'range',
          min: 0,
          max: frames.length - 1,
          value: () => at.value,
          'aria-label': say('which picture of the film'),
          'aria-valuetext': () => caption?.(at.value) ?? say('{n} of {all}', { n: at.value + 1, all: frames.length }),
          oninput: event => {
            moving.value = false
            at.value = Number(event.target.value)
          },
        }),
      ),
    ),
  )
}
