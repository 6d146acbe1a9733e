// A square to draw on with a pen, a finger, a mouse or the keyboard: white strokes on black.
import { h } from './dom.js'
import { say } from './words.js'

const SIDE = 280

export function pad(changed, side = 28) {
  const canvas = h('canvas', {
    class: 'pad',
    width: SIDE,
    height: SIDE,
    tabIndex: 0,
    role: 'application',
    'aria-label': say('a square to draw on; with the keyboard: arrows move, space draws, delete wipes'),
  })
  const pen = canvas.getContext('2d', { willReadFrequently: true })
  let last = null,
    cursor = [side / 2, side / 2],
    drawing = false
  const wipe = () => {
    pen.fillStyle = '#000'
    pen.fillRect(0, 0, SIDE, SIDE)
    changed()
  }
  pen.fillStyle = '#000'
  pen.fillRect(0, 0, SIDE, SIDE)

  function stroke(from, to) {
    pen.strokeStyle = '#fff'
    pen.lineWidth = SIDE / (side < 16 ? 7 : 13)
    pen.lineCap = pen.lineJoin = 'round'
    pen.beginPath()
    pen.moveTo(...from)
    pen.lineTo(to[0] + 0.01, to[1])
    pen.stroke()
  }
  const at = event => [(event.offsetX * SIDE) / canvas.clientWidth, (event.offsetY * SIDE) / canvas.clientHeight]
  canvas.addEventListener('pointerdown', event => {
    canvas.setPointerCapture(event.pointerId)
    last = at(event)
    stroke(last, last)
    changed()
  })
  canvas.addEventListener('pointermove', event => {
    if (last) {
      const to = at(event)
      stroke(last, to)
      last = to
      changed()
    }
  })
  for (const end of ['pointerup', 'pointercancel'])
    canvas.addEventListener(end, () => {
      last = null
      changed()
    })
  canvas.addEventListener('keydown', event => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key]
    const place = ([x, y]) => [(x * SIDE) / side, (y * SIDE) / side]
    if (step) {
      event.preventDefault()
      const next = cursor.map((value, i) => Math.min(side - 1, Math.max(1, value + step[i])))
      if (drawing) {
        stroke(place(cursor), place(next))
        changed()
      }
      cursor = next
      canvas.style.setProperty('--x', cursor[0] / side)
      canvas.style.setProperty('--y', cursor[1] / side)
    }
    if (event.key === ' ') {
      event.preventDefault()
      drawing = !drawing
      if (drawing) {
        stroke(place(cursor), place(cursor))
        changed()
      }
    }
    if (event.key === 'Delete' || event.key === 'Backspace') wipe()
  })

  // The drawing in n × n numbers of 0 … 1, row by row: the mean of each square.
  function numbers(n) {
    const data = pen.getImageData(0, 0, SIDE, SIDE).data,
      each = SIDE / n,
      told = new Float64Array(n * n)
    for (let y = 0; y < SIDE; y++)
      for (let x = 0; x < SIDE; x++) told[Math.floor(y / each) * n + Math.floor(x / each)] += data[4 * (y * SIDE + x)]
    return told.map(value => value / (255 * each * each))
  }
  const blob = () => new Promise(done => canvas.toBlob(done, 'image/png'))
  const empty = () => !numbers(14).some(value => value > 0.02)
  return { element: canvas, wipe, numbers, blob, empty }
}
