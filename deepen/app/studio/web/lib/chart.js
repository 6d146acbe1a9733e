// Curves on a canvas: axes, hover that reads values, zoom by dragging (double click: all of it), linear or logarithmic.
// Any number of points: more than two a pixel are drawn as their least and most.
import { h } from './dom.js'
import { number } from './words.js'

const LEFT = 52,
  RIGHT = 10,
  TOP = 8,
  BOTTOM = 24

// lines(): [{name, colour, dash, points: [[x, y], …]}]. Returns {element, draw}.
export function chart({
  lines,
  height = 170,
  log = () => false,
  mark = () => null,
  label = '',
  x = value => String(Math.round(value)),
}) {
  const canvas = h('canvas', { role: 'img', 'aria-label': label, tabIndex: 0 })
  const read = h('output', { class: 'read small' })
  const element = h('figure', { class: 'chart' }, canvas, read)
  let zoom = null,
    at = null,
    drag = null,
    room = null

  function bounds() {
    let low = Infinity,
      high = -Infinity,
      left = Infinity,
      right = -Infinity
    for (const line of lines()) {
      for (const [px, py] of line.points) {
        if (zoom && (px < zoom[0] || px > zoom[1])) continue
        if (py == null || !Number.isFinite(py) || (log() && py <= 0)) continue
        if (px < left) left = px
        if (px > right) right = px
        if (py < low) low = py
        if (py > high) high = py
      }
    }
    if (low > high) return null
    if (zoom) [left, right] = zoom
    if (right === left) right = left + 1
    if (log()) {
      low = Math.log10(low)
      high = Math.log10(high)
    }
    const pad = (high - low || Math.abs(high) || 1) * 0.06
    return { left, right, low: low - pad, high: high + pad }
  }

  function draw() {
    const width = element.clientWidth || 320,
      ratio = devicePixelRatio || 1
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio)
      canvas.height = Math.round(height * ratio)
      canvas.style.width = `${width}px`
      canvas.style.height = `${height}px`
    }
    const pen = canvas.getContext('2d'),
      style = getComputedStyle(document.documentElement)
    const ink = style.getPropertyValue('--soft'),
      rule = style.getPropertyValue('--line')
    pen.setTransform(ratio, 0, 0, ratio, 0, 0)
    pen.clearRect(0, 0, width, height)
    room = bounds()
    if (!room) return
    const px = value => LEFT + ((value - room.left) / (room.right - room.left)) * (width - LEFT - RIGHT)
    const py = value =>
      TOP + ((room.high - (log() ? Math.log10(value) : value)) / (room.high - room.low)) * (height - TOP - BOTTOM)
    pen.font = '11px system-ui'
    pen.fillStyle = ink
    pen.strokeStyle = rule
    pen.lineWidth = 1
    pen.textAlign = 'right'
    pen.textBaseline = 'middle'
    for (const tick of ticks(room.low, room.high, Math.max(2, height / 45))) {
      const y = TOP + ((room.high - tick) / (room.high - room.low)) * (height - TOP - BOTTOM)
      pen.beginPath()
      pen.moveTo(LEFT, y)
      pen.lineTo(width - RIGHT, y)
      pen.stroke()
      pen.fillText(short(log() ? 10 ** tick : tick), LEFT - 6, y)
    }
    pen.textAlign = 'center'
    pen.textBaseline = 'top'
    for (const tick of ticks(room.left, room.right, Math.max(2, width / 90)))
      pen.fillText(x(tick), Math.min(width - 16, px(tick)), height - BOTTOM + 7)
    pen.save()
    pen.beginPath()
    pen.rect(LEFT, TOP, width - LEFT - RIGHT, height - TOP - BOTTOM)
    pen.clip()
    if (mark() != null) {
      pen.setLineDash([4, 4])
      pen.strokeStyle = ink
      pen.beginPath()
      pen.moveTo(px(mark()), TOP)
      pen.lineTo(px(mark()), height - BOTTOM)
      pen.stroke()
    }
    for (const line of lines()) {
      pen.strokeStyle = style.getPropertyValue(line.colour) || line.colour
      pen.lineWidth = line.width ?? 1.8
      pen.setLineDash(line.dash ?? [])
      pen.lineJoin = 'round'
      pen.beginPath()
      let open = false
      for (const [vx, vy] of thinned(line.points, room, width - LEFT - RIGHT)) {
        if (vy == null || !Number.isFinite(vy) || (log() && vy <= 0)) {
          open = false
          continue
        }
        open ? pen.lineTo(px(vx), py(vy)) : pen.moveTo(px(vx), py(vy))
        open = true
      }
      pen.stroke()
      if (line.points.length === 1) {
        pen.fillStyle = pen.strokeStyle
        pen.beginPath()
        pen.arc(px(line.points[0][0]), py(line.points[0][1]), 3, 0, 7)
        pen.fill()
      }
    }
    pen.setLineDash([])
    if (drag) {
      pen.fillStyle = '#0072b233'
      pen.fillRect(Math.min(drag[0], drag[1]), TOP, Math.abs(drag[1] - drag[0]), height)
    }
    if (at != null) {
      pen.strokeStyle = ink
      pen.beginPath()
      pen.moveTo(px(at), TOP)
      pen.lineTo(px(at), height - BOTTOM)
      pen.stroke()
    }
    pen.restore()
    read.value =
      at == null
        ? ''
        : [
            x(at),
            ...lines()
              .filter(line => line.points.length)
              .map(line => `${line.name} ${number(nearest(line.points, at)[1])}`),
          ].join(' · ')
  }

  const value = event =>
    room && room.left + ((event.offsetX - LEFT) / (canvas.clientWidth - LEFT - RIGHT)) * (room.right - room.left)
  canvas.addEventListener('pointerdown', event => {
    drag = [event.offsetX, event.offsetX]
    canvas.setPointerCapture(event.pointerId)
  })
  canvas.addEventListener('pointermove', event => {
    at = value(event)
    if (drag) drag[1] = event.offsetX
    draw()
  })
  canvas.addEventListener('pointerup', event => {
    if (drag && Math.abs(drag[1] - drag[0]) > 8) {
      const ends = drag.map(offset => value({ offsetX: offset })).sort((a, b) => a - b)
      zoom = ends
    }
    drag = null
    draw()
  })
  canvas.addEventListener('pointerleave', () => {
    at = null
    draw()
  })
  canvas.addEventListener('dblclick', () => {
    zoom = null
    draw()
  })
  canvas.addEventListener('keydown', event => {
    // a probe for the keyboard
    if (!room || !['ArrowLeft', 'ArrowRight', 'Escape'].includes(event.key)) return
    event.preventDefault()
    const step = (room.right - room.left) / 50
    at =
      event.key === 'Escape'
        ? null
        : Math.min(room.right, Math.max(room.left, (at ?? room.right) + (event.key === 'ArrowLeft' ? -step : step)))
    draw()
  })
  new ResizeObserver(draw).observe(element)
  addEventListener('shade', draw)
  return { element, draw }
}

function nearest(points, at) {
  let low = 0,
    high = points.length - 1
  while (low < high) {
    const middle = (low + high) >> 1
    points[middle][0] < at ? (low = middle + 1) : (high = middle)
  }
  return low && at - points[low - 1][0] < points[low][0] - at ? points[low - 1] : points[low]
}

// At most two points a pixel: the least and the most of each.
function* thinned(points, room, pixels) {
  let first = 0
  while (first < points.length && points[first][0] < room.left) first++
  first = Math.max(0, first - 1)
  let last = points.length
  while (last > first && points[last - 1][0] > room.right) last--
  last = Math.min(points.length, last + 1)
  const each = Math.ceil((last - first) / Math.max(1, pixels))
  if (each <= 2) {
    yield* points.slice(first, last)
    return
  }
  for (let start = first; start < last; start += each) {
    let least = points[start],
      most = points[start]
    for (let i = start; i < Math.min(last, start + each); i++) {
      if (points[i][1] < least[1]) least = points[i]
      if (points[i][1] > most[1]) most = points[i]
    }
    yield* least[0] <= most[0] ? [least, most] : [most, least]
  }
}

export function ticks(low, high, wanted) {
  const rough = (high - low) / wanted,
    size = 10 ** Math.floor(Math.log10(rough))
  const step = size * [1, 2, 5, 10].find(one => one * size >= rough * 0.999)
  const found = []
  for (let tick = Math.ceil(low / step) * step; tick <= high + step * 1e-9; tick += step)
    found.push(Math.abs(tick) < step * 1e-9 ? 0 : tick)
  return found
}

function short(value) {
  const size = Math.abs(value)
  if (size !== 0 && (size < 0.001 || size >= 1e5)) return value.toExponential(0)
  return String(Number(value.toPrecision(3)))
}
