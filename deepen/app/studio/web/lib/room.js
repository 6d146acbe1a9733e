// A student's side of a class: what the room says, and how the student's own net is doing, once a second.
//
//   const lesson = room({ apply, pause, locked, digest, drawing })            for a student's page alone; all may be left out
//     apply(link)    the teacher pushed a setup: '#activation=…', to be opened as if it had been pasted
//     pause(on)      the room is paused, or goes on; also pause(true) when the teacher resets everyone. The server itself
//                    pauses, resets and lets go on, and refuses play and step meanwhile: this is for what the page shows
//     locked         a signal: names of controls to take away: showTestData discretize playButton stepButton resetButton
//                    learningRate activation regularization regularizationRate problem dataset percTrainData noise
//                    batchSize numHiddenLayers (what `…_hide` of a link calls them)
//     digest()       what stands now, or nothing: { epoch, train, test, right, playing, broken, link,
//                    field: { side, values } or classes: { side, count, top } as in a frame }
//     drawing        true on the pad, where a challenge of the Playground has no place
//   lesson.heard     signal: everything the room says;  lesson.end()  ends it. It ends by itself when the page is left.
// It puts a bar on top of the page by itself: their name, the hand, a question, a challenge, "paused".
import { computed, onEnd, scope, signal } from './signals.js'
import { h, style } from './dom.js'
import { icon } from './icons.js'
import { language, number, say } from './words.js'

const SIDE = 24,
  EVERY = 1000
let before = () => {} // ends the one of the page before

export const clock = seconds => `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`

// A field of any size in 24 × 24 bytes, as base64.
export function small({ side, values }) {
  const place = i => Math.min(side - 1, Math.floor(((i + 0.5) * side) / SIDE))
  const told = Array.from({ length: SIDE * SIDE }, (_, i) => values[place(Math.floor(i / SIDE)) * side + place(i % SIDE)])
  return btoa(String.fromCharCode(...told))
}

// What goes to the server: the names of roster.digest. Numbers that are none become null and are not kept.
function told({ epoch, train, test, right, playing, broken, link = '', field, classes }) {
  return {
    epoch,
    loss: train,
    test,
    accuracy: right,
    playing: Boolean(playing),
    broken: Boolean(broken),
    link: link.length > 8000 ? '' : link,
    ...(classes
      ? { classes: classes.count, field: small({ side: classes.side, values: classes.top }) }
      : field
        ? { field: small(field) }
        : {}),
  }
}

export function room({ apply = () => {}, pause = () => {}, locked = signal([]), digest = () => null, drawing = false } = {}) {
  before()
  style('/static/pages/class.css')
  const heard = signal(null),
    page = location.pathname
  let sent = '',
    busy = false,
    turn = 0,
    over = false,
    paused = false,
    resets = null

  async function ask(body) {
    const answer = await fetch(drawing && !body ? '/api/room/mine?drawing=1' : '/api/room/mine', {
      method: body ? 'POST' : 'GET',
      body,
      headers: { 'content-type': 'application/json', 'x-language': language.peek() },
    }).catch(() => null)
    if (over) return
    if (answer?.status === 401) return location.assign('/join') // taken out, or another class has begun
    if (answer?.ok) obey(await answer.json())
  }
  const tell = more => ask(JSON.stringify(more))

  function obey(now) {
    if (JSON.stringify(now) !== JSON.stringify(heard.peek())) heard.value = now
    if (JSON.stringify(now.locked) !== JSON.stringify(locked.peek())) locked.value = now.locked
    if (paused !== now.paused) {
      paused = now.paused
      pause(paused)
    }
    if (resets !== null && resets !== now.resets) pause(true)
    resets = now.resets
    if (drawing) return // a setup waits for the Playground
    const key = `${now.room}:${now.pushed.number}` // once, also when the page is loaded again
    if (now.pushed.number && sessionStorage.getItem('room-pushed') !== key) {
      sessionStorage.setItem('room-pushed', key)
      apply(now.pushed.link)
    }
  }

  async function tick() {
    if (location.pathname !== page) return end()
    if (busy || document.hidden) return
    busy = true
    try {
      const now = digest(),
        text = now ? JSON.stringify(told(now)) : ''
      if (text && text !== sent) {
        await ask(text)
        sent = text
      } else if (turn++ % 2 === 0) await ask()
    } finally {
      busy = false
    }
  }

  const bar = h('section', { class: 'lesson', 'aria-label': say('Class') }),
    timer = setInterval(tick, EVERY)
  const leave = scope(() => {
    // each part follows its own: what has the focus keeps it
    const part = name => computed(() => heard.value?.[name]),
      name = part('name'),
      still = part('paused'),
      hand = part('hand')
    const question = computed(() => heard.value?.question?.number),
      challenge = computed(() => !drawing && heard.value?.challenge?.number)
    h(
      'div',
      { ref: inside => bar.append(inside) },
      () =>
        still.value
          ? h('p', { class: 'stop', role: 'alert' }, icon('pause'), say('The teacher has paused the room. Look up!'))
          : null,
      () =>
        name.value
          ? h(
              'div',
              { class: 'row' },
              h('b', {}, name.value),
              h(
                'button',
                { 'aria-pressed': () => String(Boolean(hand.value)), onclick: () => tell({ hand: !hand.peek() }) },
                icon('hand'),
                () => (hand.value ? say('my hand is up') : say('raise a hand')),
              ),
              () => (challenge.value ? goal : null),
            )
          : null,
      () => (question.value ? asked(heard.peek().question) : null),
    )
  })
  document.getElementById('main').prepend(bar)
  ask()

  function end() {
    if (over) return
    over = true
    clearInterval(timer)
    leave()
    bar.remove()
  }
  before = end
  onEnd(end)

  function goal() {
    const now = heard.value?.challenge
    return (
      now &&
      h(
        'span',
        { class: 'goal' },
        say('Challenge: a test loss of at most {loss}, with as few weights as you can', { loss: number(now.loss) }),
        ' · ',
        now.left ? say('{time} left', { time: clock(now.left) }) : say('time is up'),
        now.done ? ` · ✓ ${say('reached')}` : '',
        now.list.length ? ` · ${say('best: {weights} weights', { weights: now.list[0].weights })}` : '',
      )
    )
  }
  function asked({ text, choices }) {
    const answer = computed(() => heard.value?.question?.answer)
    return h(
      'section',
      { class: 'card', role: 'group', 'aria-label': text },
      h('p', {}, text),
      h(
        'div',
        { class: 'row' },
        choices.map((one, i) =>
          h('button', { 'aria-pressed': () => String(answer.value === i), onclick: () => tell({ answer: i }) }, () =>
            answer.value === i ? `✓ ${one}` : one,
          ),
        ),
      ),
    )
  }
  return { heard, locked, end }
}
