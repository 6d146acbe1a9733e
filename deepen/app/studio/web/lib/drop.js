// A place where a picture is dropped or chosen.
import { h } from './dom.js'
import { say } from './words.js'

const MOST = 8 << 20

export function drop(take, tell) {
  const look = file => {
    if (file?.size > MOST) tell(say('The picture has more than 8 MB; make it smaller.'))
    else if (file) take(file)
  }
  return h(
    'label',
    {
      class: 'drop',
      ondragover: event => event.preventDefault(),
      ondrop: event => {
        event.preventDefault()
        look(event.dataTransfer.files[0])
      },
    },
    say('Drop a picture here, or choose one'),
    h('input', { type: 'file', accept: 'image/*', onchange: event => look(event.target.files[0]) }),
  )
}
