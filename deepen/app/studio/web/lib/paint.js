// Fields and points as pixels. Orange is negative, blue positive, the line between them where the answer is 0.
const NEGATIVE = [245, 147, 34],
  POSITIVE = [8, 119, 189]
export const CLASSES = [
  [230, 159, 0],
  [0, 114, 178],
  [0, 158, 115],
  [204, 121, 167],
  [240, 228, 66],
  [60, 60, 60],
] // Okabe and Ito, and a shape each
const zero = () =>
  document.documentElement.dataset.light === 'dark' ||
  (!document.documentElement.dataset.light && matchMedia('(prefers-color-scheme: dark)').matches)
    ? [52, 60, 74]
    : [232, 234, 235]

let table = null
function colours() {
  // 0 … 255, 128 is nothing; 31 shades, as Playground has
  if (table) return table
  const middle = zero()
  table = Array.from({ length: 256 }, (_, i) => {
    const value = Math.round(((i - 128) / 127.5) * 15) / 15,
      to = value < 0 ? NEGATIVE : POSITIVE,
      share = Math.min(1, Math.abs(value))
    return middle.map((one, k) => Math.round(one + (to[k] - one) * share))
  })
  return table
}
addEventListener('shade', () => {
  table = null
})
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  table = null
})

export const colour = value => `rgb(${colours()[Math.max(0, Math.min(255, Math.round(value * 127.5 + 128)))].join(' ')})`

const images = new WeakMap()
function image(canvas, side) {
  let made = images.get(canvas)
  if (!made || made.width !== side) {
    canvas.width = canvas.height = side
    made = canvas.getContext('2d').createImageData(side, side)
    made.data.fill(255)
    images.set(canvas, made)
  }
  return made
}

// values: bytes of a field, row by row from the top; `line`: draw the border between negative and positive
export function field(canvas, values, side, discretise, line = false) {
  const made = image(canvas, side),
    data = made.data,
    shades = colours()
  for (let i = 0, j = 0; i < side * side; i++, j += 4) {
    const shade = shades[discretise ? (values[i] >= 128 ? 255 : 0) : values[i]]
    data[j] = shade[0]
    data[j + 1] = shade[1]
    data[j + 2] = shade[2]
  }
  if (line && !discretise) {
    for (let y = 0; y < side - 1; y++)
      for (let x = 0, i = y * side; x < side - 1; x++, i++) {
        const here = values[i] >= 128
        if (here !== values[i + 1] >= 128 || here !== values[i + side] >= 128) {
          const j = 4 * i
          data[j] *= 0.55
          data[j + 1] *= 0.55
          data[j + 2] *= 0.55
        }
      }
  }
  canvas.getContext('2d').putImageData(made, 0, 0)
}

export function classes(canvas, { side, top, sure, count }, discretise) {
  const made = image(canvas, side),
    data = made.data,
    middle = zero()
  for (let i = 0, j = 0; i < side * side; i++, j += 4) {
    const to = CLASSES[top[i]],
      share = discretise ? 1 : Math.max(0, (sure[i] / 255 - 1 / count) / (1 - 1 / count))
    for (let k = 0; k < 3; k++) data[j + k] = middle[k] + (to[k] - middle[k]) * share
  }
  canvas.getContext('2d').putImageData(made, 0, 0)
}

// One point: colour by class or number, shape by class, white rim for train and black for test.
export function point(pen, x, y, target, kinds, test, size = 3.2) {
  pen.fillStyle = kinds > 2 ? `rgb(${CLASSES[target].join(' ')})` : kinds ? (target > 0 ? '#0877bd' : '#e07b10') : colour(target)
  pen.strokeStyle = test ? '#000' : '#fff'
  pen.lineWidth = 1
  pen.beginPath()
  const shape = kinds ? target : 1
  if (shape === 1) pen.arc(x, y, size, 0, 7)
  else if (shape === 0) pen.rect(x - size * 0.88, y - size * 0.88, size * 1.76, size * 1.76)
  else if (shape === 2) {
    pen.moveTo(x, y - size * 1.3)
    pen.lineTo(x + size * 1.2, y + size)
    pen.lineTo(x - size * 1.2, y + size)
    pen.closePath()
  } else if (shape === 3) {
    pen.moveTo(x, y - size * 1.35)
    pen.lineTo(x + size * 1.35, y)
    pen.lineTo(x, y + size * 1.35)
    pen.lineTo(x - size * 1.35, y)
    pen.closePath()
  } else {
    const arm = size * 0.45
    pen.rect(x - size * 1.25, y - arm, size * 2.5, 2 * arm)
    pen.rect(x - arm, y - size * 1.25, 2 * arm, size * 2.5)
  }
  pen.fill()
  pen.stroke()
}

// The same functions as the engine's features, for their small pictures.
export const FEATURES = {
  x1: ['X₁', (a, b) => a],
  x2: ['X₂', (a, b) => b],
  x1x1: ['X₁²', a => a * a],
  x2x2: ['X₂²', (a, b) => b * b],
  x1x2: ['X₁X₂', (a, b) => a * b],
  sinx1: ['sin(X₁)', a => Math.sin(a)],
  sinx2: ['sin(X₂)', (a, b) => Math.sin(b)],
  cosx1: ['cos(X₁)', a => Math.cos(a)],
  cosx2: ['cos(X₂)', (a, b) => Math.cos(b)],
  absx1: ['|X₁|', a => Math.abs(a)],
  absx2: ['|X₂|', (a, b) => Math.abs(b)],
  radius: ['√(X₁²+X₂²)', (a, b) => Math.hypot(a, b)],
}
export const PLAYGROUND = ['x1', 'x2', 'x1x1', 'x2x2', 'x1x2', 'sinx1', 'sinx2']

export function featured(canvas, name, side = 20) {
  const make = FEATURES[name][1]
  field(
    canvas,
    Uint8Array.from({ length: side * side }, (_, i) => {
      const value = make(-6 + (12 * (i % side)) / (side - 1), 6 - (12 * Math.floor(i / side)) / (side - 1))
      return Math.max(0, Math.min(255, value * 127.5 + 128))
    }),
    side,
    false,
  )
}

// Activations with the engine's names, to say a neuron's sum with real numbers.
export const ACTIVATIONS = {
  linear: x => x,
  relu: x => Math.max(0, x),
  tanh: Math.tanh,
  sigmoid: x => 1 / (1 + Math.exp(-x)),
  leaky: x => (x > 0 ? x : 0.01 * x),
  elu: x => (x > 0 ? x : Math.expm1(x)),
  gelu: x => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  softplus: x => Math.log1p(Math.exp(-Math.abs(x))) + Math.max(0, x),
  sine: Math.sin,
  step: x => (x > 0 ? 1 : 0),
}
