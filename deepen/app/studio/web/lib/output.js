// The big picture: what the net says over the plane, with the points; a probe for the mouse and for the arrow keys.
import { effect, signal } from './signals.js'
import { h } from './dom.js'
import { number, say } from './words.js'
import { classes as paintClasses, field as paintField, point } from './paint.js'

const SPAN = 6

export function output({ opened, showTest, discretise, rival, pick }) {
  const below = h('canvas', { class: 'map' }),
    above = h('canvas', {
      class: 'map',
      tabIndex: 0,
      role: 'img',
      'aria-label': say('what the network says over the plane; arrow keys move a probe, enter explains the point'),
    })
  const read = h('output', { class: 'read small' }),
    other = h('canvas', { class: 'map', hidden: true })
  const element = h('figure', { class: 'output' }, h('div', { class: 'maps' }, below, other, above), read)
  let frame = null,
    probe = null
  const probed = signal(null)

  function points() {
    const told = opened.value,
      width = element.clientWidth || 300,
      ratio = devicePixelRatio || 1
    above.width = above.height = Math.round(width * ratio)
    const pen = above.getContext('2d'),
      room = width
    pen.setTransform(ratio, 0, 0, ratio, 0, 0)
    pen.clearRect(0, 0, room, room)
    if (!told) return
    const at = value => ((value + SPAN) / (2 * SPAN)) * room
    const style = getComputedStyle(document.documentElement)
    pen.font = '10px system-ui'
    pen.fillStyle = style.getPropertyValue('--soft')
    pen.textAlign = 'center'
    for (const tick of [-5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5]) {
      pen.fillText(String(tick).replace('-', '−'), at(tick), room - 3)
      if (tick) pen.fillText(String(-tick).replace('-', '−'), 8, at(tick) + 3)
    }
    const sets = [
      [told.points.x, told.points.t, false],
      ...(showTest.value ? [[told.points.test_x, told.points.test_t, true]] : []),
    ]
    for (const [x, t, test] of sets)
      x.forEach(([a, b], i) => {
        if (Math.abs(a) <= SPAN && Math.abs(b) <= SPAN) point(pen, at(a), at(-b), t[i], told.classes, test)
      })
    if (probe) {
      pen.strokeStyle = '#d81b60'
      pen.lineWidth = 2
      pen.beginPath()
      pen.arc(at(probe[0]), at(-probe[1]), 7, 0, 7)
      pen.moveTo(at(probe[0]) - 11, at(-probe[1]))
      pen.lineTo(at(probe[0]) + 11, at(-probe[1]))
      pen.moveTo(at(probe[0]), at(-probe[1]) - 11)
      pen.lineTo(at(probe[0]), at(-probe[1]) + 11)
      pen.stroke()
    }
  }

  function tell() {
    if (!probe || !frame) {
      read.value = ''
      return
    }
    const side = frame.field?.side ?? frame.classes?.side,
      place = value => Math.max(0, Math.min(side - 1, Math.round(((value + SPAN) / (2 * SPAN)) * (side - 1))))
    const i = place(-probe[1]) * side + place(probe[0])
    const said = frame.classes
      ? say('class {n}', { n: frame.classes.top[i] + 1 })
      : number(((frame.field.values[i] - 128) / 127.5) * frame.field.most, 2)
    read.value = say('x {a}, y {b} → {value}', { a: number(probe[0], 1), b: number(probe[1], 1), value: said })
  }
  const place = event => [
    ((event.offsetX / above.clientWidth) * 2 - 1) * SPAN,
    -((event.offsetY / above.clientHeight) * 2 - 1) * SPAN,
  ]
  above.addEventListener('pointermove', event => {
    probe = place(event)
    tell()
  })
  above.addEventListener('pointerleave', () => {
    probe = probed.peek()
    tell()
    points()
  })
  above.addEventListener('click', event => {
    probe = place(event)
    probed.value = probe
    points()
    pick(probe)
  })
  above.addEventListener('keydown', event => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key]
    if (step) {
      event.preventDefault()
      event.stopPropagation()
      probe = (probe ?? [0, 0]).map((one, k) => Math.max(-SPAN, Math.min(SPAN, one + step[k] * (event.shiftKey ? 1 : 0.25))))
      points()
      tell()
    }
    if (event.key === 'Enter' && probe) {
      probed.value = probe
      pick(probe)
    }
  })

  function draw(next) {
    frame = next
    if (frame.classes) paintClasses(below, frame.classes, discretise.peek())
    else paintField(below, frame.field.values, frame.field.side, discretise.peek(), true)
    tell()
  }
  effect(() => {
    opened.value
    showTest.value
    points()
  })
  effect(() => {
    discretise.value
    if (frame) draw(frame)
  })
  effect(() => {
    // another learner's field over the right half
    const told = rival.value
    other.hidden = !told
    if (!told) return
    const values = Uint8Array.from(atob(told.field), letter => letter.charCodeAt(0))
    if (told.classes > 2)
      paintClasses(
        other,
        { side: told.side, top: values, sure: new Uint8Array(values.length).fill(255), count: told.classes },
        true,
      )
    else paintField(other, values, told.side, discretise.value, true)
  })
  new ResizeObserver(points).observe(element)
  addEventListener('shade', () => {
    points()
    if (frame) draw(frame)
  })
  return { element, draw, probed, picture: () => below }
}
