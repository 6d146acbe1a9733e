// The Playground's socket and its frames (see frame.py): one instant of a session in a few kilobytes.
import { onEnd, signal } from './signals.js'
import { language } from './words.js'

export function decode(buffer) {
  const view = new DataView(buffer),
    told = {
      flags: view.getUint8(3),
      number: view.getUint32(4, true),
      epoch: view.getUint32(8, true),
      revision: view.getUint16(14, true),
    }
  let at = 16
  for (let i = view.getUint8(2); i; i--) {
    const kind = view.getUint8(at),
      count = view.getUint16(at + 2, true),
      length = view.getUint32(at + 4, true)
    at += 8
    if (kind === 1) {
      const side = view.getUint16(at, true)
      told.field = { side, most: view.getFloat32(at + 8, true), values: new Uint8Array(buffer, at + 12, side * side) }
    } else if (kind === 2) {
      const side = view.getUint16(at, true)
      told.thumbs = {
        side,
        most: Array.from({ length: count }, (_, n) => view.getFloat32(at + 2 + 4 * n, true)),
        values: new Uint8Array(buffer, at + 2 + 4 * count, count * side * side),
      }
    } else if (kind === 3) told.weights = new Float32Array(buffer.slice(at, at + length))
    else if (kind === 4) {
      const [train, test, right, testRight, pace, error, testError] = new Float32Array(buffer.slice(at, at + length))
      Object.assign(told, { train, test, right, testRight, pace, error, testError })
    } else if (kind === 5) {
      const side = view.getUint16(at, true)
      told.classes = {
        side,
        count,
        top: new Uint8Array(buffer, at + 2, side * side),
        sure: new Uint8Array(buffer, at + 2 + side * side, side * side),
      }
    }
    at += length
  }
  return told
}

// A session that comes back by itself: after a lost network, a dead worker, a restarted server, a page loaded again.
export function connect(name, { heard, drawn }) {
  const state = signal('connecting')
  let socket = null,
    wait = 500,
    ended = false,
    timer = 0
  function open() {
    socket = new WebSocket(`${location.origin.replace('http', 'ws')}/ws?session=${name}&lang=${language.peek()}`)
    socket.binaryType = 'arraybuffer'
    socket.onopen = () => {
      wait = 500
      state.value = 'connected'
    }
    socket.onmessage = ({ data }) => {
      if (typeof data === 'string') heard(JSON.parse(data))
      else {
        const frame = decode(data)
        drawn(frame)
        send('ack', { n: frame.number })
      }
    }
    socket.onclose = () => {
      if (ended) return
      state.value = 'lost'
      timer = setTimeout(open, wait * (0.75 + Math.random() / 2))
      wait = Math.min(2000, wait * 2) // back within 3 s of the server's return
    }
  }
  const send = (what, more = {}) => {
    if (socket?.readyState === 1) {
      socket.send(JSON.stringify({ do: what, ...more }))
      return true
    }
    return false
  }
  open()
  onEnd(() => {
    ended = true
    clearTimeout(timer)
    socket?.close()
  })
  addEventListener('online', () => {
    if (state.peek() === 'lost') {
      clearTimeout(timer)
      wait = 500
      open()
    }
  })
  return { send, state }
}

// The name of this tab's session: the same after it is loaded again.
export const name = () => {
  let kept = sessionStorage.getItem('session')
  if (!kept) {
    kept = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random().toString(36).slice(2, 12)}`
    sessionStorage.setItem('session', kept)
  }
  return kept
}
