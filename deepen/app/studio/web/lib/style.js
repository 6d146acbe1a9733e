// A page brings its own style; it is loaded once.
const loaded = new Set()

export function style(address) {
  if (loaded.has(address)) return
  loaded.add(address)
  const link = document.createElement('link')
  link.rel = 'stylesheet'
  link.href = address
  document.head.append(link)
}
