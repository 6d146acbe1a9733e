// The contest, one turn at a time: the discriminator looks, the generator paints, and one sees what each learned from it.
import { computed, effect, onEnd, signal } from './signals.js'
import { check, h } from './dom.js'
import { number, say, share } from './words.js'
import { post } from './server.js'
import { chart } from './chart.js'

const PUSH = 10 // turns of both at one press

export function contest(run, tell, go) {
  const now = signal(null),
    begun = computed(() => now.value != null), // so that what has the focus keeps it from turn to turn
    before = signal(null),
    busy = signal(false),
    playing = signal(false),
    slopes = signal(false),
    last = signal(''),
    seed = signal(0),
    rates = { look: signal(-3), paint: signal(-3) }
  let moved = { look: false, paint: false },
    again = false, // to be looked at anew, asked for while a turn was under way
    gone = false
  onEnd(() => {
    gone = true
  })

  async function put(order) {
    if (busy.peek()) {
      again ||= order.do === 'see'
      return false
    }
    busy.value = true
    try {
      const told = await post(`/api/make/${run}/contest`, { ...order, slopes: slopes.peek() })
      if (gone) return false
      if (order.do !== 'see') before.value = order.do === 'begin' ? null : now.peek()
      now.value = told
      if (order.do === 'begin') moved = { look: false, paint: false }
      for (const side of ['look', 'paint']) if (!moved[side]) rates[side].value = Math.log10(Math.max(1e-6, told.rates[side]))
      if (told.ended) playing.value = false
      return true
    } catch (error) {
      if (!gone) tell(error)
      playing.value = false
      return false
    } finally {
      busy.value = false
      if (again && !gone) {
        again = false
        put({ do: 'see' })
      }
    }
  }
  const begin = fresh => {
    playing.value = false
    last.value = ''
    return put({ do: 'begin', fresh, seed: seed.peek() })
  }
  const turn = async (who, times = 1) => {
    const asked = Object.fromEntries(['look', 'paint'].filter(side => moved[side]).map(side => [side, 10 ** rates[side].peek()]))
    if (await put({ do: 'turn', who, times, rates: asked })) last.value = who
  }
  effect(() => {
    if (playing.value) go_on()
  })
  async function go_on() {
    while (playing.peek() && !gone) {
      await turn('both', PUSH)
      await new Promise(done => setTimeout(done, 60))
    }
  }
  begin(true)

  const losses = chart({
    label: say('the losses of both sides by turn'),
    lines: () =>
      now.value
        ? [
            { name: say('discriminator'), colour: '--blue', points: now.value.losses.look },
            { name: say('generator'), colour: '--orange', dash: [6, 4], points: now.value.losses.paint },
          ]
        : [],
  })
  effect(() => {
    now.value
    losses.draw()
  })
  const press = (text, who, times) =>
    h(
      'button',
      { class: who === 'both' ? '' : 'main', disabled: () => busy.value || playing.value, onclick: () => turn(who, times) },
      text,
    )

  return h(
    'div',
    { class: 'contest' },
    h(
      'section',
      { class: 'card' },
      h(
        'p',
        {},
        say(
          'The generator paints from noise. The discriminator says how likely a picture is a real one. Each learns from the other.',
        ),
      ),
      h(
        'div',
        { class: 'row' },
        press(say('Discriminator’s turn'), 'look', 1),
        press(say('Generator’s turn'), 'paint', 1),
        press(say('Both × {n}', { n: PUSH }), 'both', PUSH),
        h(
          'button',
          {
            onclick: () => {
              playing.value = !playing.peek()
            },
          },
          () => (playing.value ? say('Pause') : say('Keep playing')),
        ),
        h('span', { class: 'grow' }),
        h('button', { onclick: () => (seed.value++, begin(true)) }, say('Begin with new networks')),
        h('button', { onclick: () => begin(false) }, say('Begin with the trained ones')),
      ),
      h('p', { role: 'status', class: 'lately' }, () =>
        now.value ? lately(now.value, before.value, last.value) : say('one moment …'),
      ),
      () =>
        now.value?.said.map(one =>
          h('p', { class: one.bad ? 'warned bad' : 'warned', role: 'status' }, one.bad ? '⚠ ' : 'ⓘ ', one.text),
        ),
    ),
    () => begun.value && [shown('real'), shown('painted')],
    h(
      'section',
      { class: 'card' },
      h('h2', {}, say('Losses')),
      h(
        'p',
        { class: 'small' },
        h('span', { class: 'key' }),
        ` ${say('discriminator')} `,
        h('span', { class: 'key dashed' }),
        ` ${say('generator')}`,
      ),
      losses.element,
      h(
        'p',
        { class: 'small soft' },
        say('Neither loss says how good the pictures are: when one side learns, the other’s loss grows.'),
      ),
    ),
    h(
      'section',
      { class: 'card' },
      h('h2', {}, say('Break it')),
      rate('look', say('discriminator’s learning rate')),
      rate('paint', say('generator’s learning rate')),
      h(
        'p',
        { class: 'small soft' },
        say('Let one side learn ten times faster than the other, and keep playing: who wins, and what becomes of the pictures?'),
      ),
      h(
        'a',
        { href: '/learn/dcgan', onclick: event => (event.preventDefault(), go('/learn/dcgan')) },
        say('Read how the game works'),
      ),
    ),
  )

  function rate(side, text) {
    return h(
      'label',
      { class: 'field' },
      h(
        'span',
        {},
        text,
        ' ',
        h('b', {}, () => small(10 ** rates[side].value)),
      ),
      h('input', {
        type: 'range',
        min: -6,
        max: -1,
        step: 0.1,
        value: () => rates[side].value,
        'aria-label': text,
        'aria-valuetext': () => small(10 ** rates[side].value),
        oninput: event => {
          moved[side] = true
          rates[side].value = Number(event.target.value)
        },
      }),
    )
  }

  function shown(side) {
    const told = computed(() => now.value[side])
    return h(
      'section',
      { class: 'card' },
      h('h2', {}, side === 'real' ? say('Real pictures') : say('Painted from the same noise each time')),
      h('div', { class: 'verdicts' }, () =>
        told.value.map((one, i) => verdict(one, before.value?.[side]?.[i], alt(side, one, i))),
      ),
      side === 'painted'
        ? check(
            say('what the discriminator sends back'),
            () => slopes.value,
            on => {
              slopes.value = on
              put({ do: 'see' })
            },
          )
        : null,
      () =>
        told.value.some(one => one.slope)
          ? h(
              'p',
              { class: 'small soft' },
              say(
                'Blue: lighter here, orange: darker here, and it would be believed more. The number is how strong that push is.',
              ),
            )
          : null,
    )
  }
}

const sure = value => (value == null ? '–' : share(value, 0))
const small = value => (value >= 0.001 ? number(value, value >= 0.01 ? 3 : 4) : value.toExponential(1).replace('-', '−'))

const alt = (side, one, i) =>
  side === 'real' ? say('real picture {name}', { name: one.name || i + 1 }) : say('painted picture {n}', { n: i + 1 })

// One picture with the discriminator's verdict: a bar and a number; a mark where it was before the turn.
function verdict(one, was, text) {
  return h(
    'figure',
    { class: 'verdict' },
    h(
      'span',
      { class: 'over' },
      h('img', { class: 'pix', src: one.picture, alt: text }),
      one.slope
        ? h('img', { class: 'pix slope', src: one.slope, alt: say('where the discriminator would have it changed') })
        : null,
    ),
    h(
      'span',
      {
        class: 'meter',
        'aria-hidden': 'true',
        style: { '--share': one.believed ?? 0, '--was': was?.believed ?? one.believed ?? 0 },
      },
      h('span', { class: 'mark' }),
    ),
    h(
      'figcaption',
      { class: 'small' },
      h('b', {}, sure(one.believed)),
      one.slope ? h('span', { class: 'soft' }, ` ↯ ${number(one.push, 2)}`) : null,
    ),
  )
}

// What the last turn did, in words.
function lately(told, before, last) {
  const values = {
    n: told.batch,
    real: sure(told.believed.real),
    painted: sure(told.believed.painted),
    was: before ? sure(before.believed.painted) : '',
    looks: told.turns.look,
    paints: told.turns.paint,
  }
  if (last === 'look')
    return say(
      'The discriminator compared {n} real with {n} painted pictures. It now believes real ones {real}, painted ones {painted}.',
      values,
    )
  if (last === 'paint')
    return say(
      'The generator changed its painting as the discriminator told it: painted pictures are believed {painted}, before {was}.',
      values,
    )
  if (last === 'both')
    return say(
      'After {looks} turns of the discriminator and {paints} of the generator: real ones are believed {real}, painted ones {painted}.',
      values,
    )
  return told.step
    ? say('The networks of step {step}: real ones are believed {real}, painted ones {painted}. Whose turn is it?', {
        ...values,
        step: told.step,
      })
    : say('New networks know nothing: real ones are believed {real}, painted ones {painted}. Whose turn is it?', values)
}
