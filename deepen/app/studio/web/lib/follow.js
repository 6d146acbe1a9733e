// A run from its events, as they come.
import { onEnd, signal } from './signals.js'
import { get } from './server.js'

export const COLOURS = ['--blue', '--orange', '#009e73', '#cc79a7', '#8a6d00', '#56b4e9', '#7f4fc9', '#c1272d']
export const DASHES = [[], [6, 3], [2, 2], [8, 3, 2, 3]]

// One run, growing while it learns.
export function follow(name, tell) {
  const events = signal([]),
    busy = signal(true)
  let stop = false,
    next = 0
  onEnd(() => {
    stop = true
  })
  ;(async () => {
    while (!stop) {
      let more = false
      try {
        const told = await get(`/api/runs/${name}/events?from=${next}`)
        next = told.next
        more = told.more
        if (told.events.length) events.value = [...events.peek(), ...told.events]
        busy.value = told.busy
        if (!told.busy && !more) {
          await new Promise(done => setTimeout(done, 3000))
          continue
        }
      } catch (error) {
        tell?.(error)
        await new Promise(done => setTimeout(done, 4000))
      }
      if (!more) await new Promise(done => setTimeout(done, 700))
    }
  })()
  return { events, busy }
}

export const points = (events, kind, name) =>
  events.filter(one => one.event === kind && typeof one[name] === 'number').map(one => [one.step, one[name]])
