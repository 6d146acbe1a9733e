// Values that tell who reads them when they change. signal(1).value, computed(() => …).value, effect(() => …).

let reading = null // the effect that runs now: whoever it reads remembers it
let held = 0 // depth of batch()
const owners = [] // who ends the effects that are made now: an effect, or a page's scope
const waiting = new Set()

export function signal(first) {
  const readers = new Set()
  let now = first
  return {
    get value() {
      if (reading) {
        readers.add(reading)
        reading.sources.add(readers)
      }
      return now
    },
    set value(next) {
      if (Object.is(next, now)) return
      now = next
      for (const reader of [...readers]) waiting.add(reader)
      if (!held) flush()
    },
    peek: () => now,
  }
}

export function computed(make) {
  const made = signal(undefined)
  effect(() => {
    made.value = make()
  })
  return {
    get value() {
      return made.value
    },
    peek: made.peek,
  }
}

// Run `act` now and whenever something it read changes. Returns a function that ends it.
// What `act` returns, if a function, is called before it runs again and when it ends; effects made inside end with it.
export function effect(act) {
  const me = { sources: new Set(), run, ended: false }
  let after,
    inside = []
  function forget() {
    for (const readers of me.sources) readers.delete(me)
    me.sources.clear()
    for (const end of inside.splice(0)) end()
    if (typeof after === 'function') after()
    after = undefined
  }
  function run() {
    if (me.ended) return
    forget()
    const before = reading
    reading = me
    owners.push(inside)
    try {
      after = act()
    } finally {
      reading = before
      owners.pop()
    }
  }
  run()
  const end = () => {
    me.ended = true
    forget()
  }
  if (owners.length) owners.at(-1).push(end)
  return end
}

// Several changes, told once.
export function batch(act) {
  held++
  try {
    act()
  } finally {
    if (!--held) flush()
  }
}

function flush() {
  for (let turns = 0; waiting.size; turns++) {
    if (turns > 1000) throw new Error('signals that change each other for ever')
    for (const one of [...waiting]) if (waiting.delete(one)) one.run()
  }
}

// Every effect made inside `act` ends when the returned function is called: how a page cleans up after itself.
export function scope(act) {
  const ends = []
  owners.push(ends)
  try {
    act()
  } finally {
    owners.pop()
  }
  return () => {
    for (const end of ends.splice(0)) end()
  }
}
export const onEnd = end => {
  if (owners.length) owners.at(-1).push(end)
}
