// Small line drawings for buttons and states: never alone, always beside their word.
import { h } from './dom.js'

const LINES = {
  pause: 'M9 5v14M15 5v14',
  go: 'M7 5l12 7-12 7z',
  reset: 'M5.5 12a6.8 6.8 0 1 0 2.4-5.2M7 3v4.5h4.5',
  push: 'M4 10v4h3l8 5V5l-8 5zM18.5 9a4 4 0 0 1 0 6',
  lock: 'M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3',
  ask: 'M8.5 9a3.5 3.5 0 1 1 5 3.1c-1 .5-1.5 1.1-1.5 2.4M12 18.2v.3',
  clock: 'M12 7v5l3 2M12 3a9 9 0 1 0 0 18a9 9 0 0 0 0-18',
  door: 'M6 21V4h9v17M4 21h16M12 12v1',
  warn: 'M12 4L2.5 20h19zM12 10v5M12 17.4v.3',
  cross: 'M6 6l12 12M18 6L6 18',
  pencil: 'M4 20l1-4L16 5l3 3L8 19z',
  away: 'M5 12h2M10 12h4M17 12h2',
  dot: 'M12 11v2',
  hand: 'M7 13V6.5a1.5 1.5 0 0 1 3 0V11 4.5a1.5 1.5 0 0 1 3 0V11 5.5a1.5 1.5 0 0 1 3 0V12 8.5a1.5 1.5 0 0 1 3 0V15a6 6 0 0 1-6 6h-1a6 6 0 0 1-5-2.6L3.8 14.3a1.5 1.5 0 0 1 2.4-1.8L7 13.5',
}

export const icon = name =>
  h('svg', { class: 'icon', viewBox: '0 0 24 24', 'aria-hidden': 'true' }, h('path', { d: LINES[name] }))
