// What everything on the page is, what happens if it is raised, and one thing to try.
import { h } from './dom.js'
import { say } from './words.js'

const CARDS = () => [
  [
    say('Points'),
    say(
      'Each point has two numbers, X₁ and X₂, and a colour to learn. Points with a white rim are learned from; those with a black rim test what was learned.',
    ),
  ],
  [
    say('Noise'),
    say(
      'Moves points or swaps colours. More of it: the best border is no longer the one through every point. Try noise 50 with many neurons and watch the two losses part.',
    ),
  ],
  [
    say('Features'),
    say(
      'What the network is given. X₁² and X₂² make the circle easy: a straight border among squares is a circle. Try the circle with X₁² and X₂² and no hidden layer.',
    ),
  ],
  [
    say('Hidden layers and neurons'),
    say(
      'Each neuron draws one soft line; the next layer joins lines to shapes. More of them: more winding borders, and sooner learned by heart.',
    ),
  ],
  [
    say('Weights and biases'),
    say(
      "The thickness of a link is its strength, dashes mean negative. A bias shifts a neuron's line. Change one by hand and see the picture follow.",
    ),
  ],
  [
    say('Activation'),
    say(
      'The bend after the sum. Linear bends nothing: however many layers, the border stays straight. ReLU makes corners, tanh curves.',
    ),
  ],
  [
    say('Learning rate'),
    say('How far each step goes. Too small: nothing moves. Too large: it jumps about, and breaks. Change it while it learns.'),
  ],
  [say('Batch size'), say('How many points are looked at for one step. Small: restless and quick to start. Large: calm.')],
  [
    say('Regularisation'),
    say('A pull of all weights towards zero. L1 lets some die entirely, L2 keeps all small. Try L1 with all features on.'),
  ],
  [
    say('Loss'),
    say('Half the squared distance between answer and target, on average. Test far above training: learned by heart.'),
  ],
  [
    say('Keys'),
    say(
      'Space plays, → steps, R rewinds, E opens this. In the network: arrows walk, enter explains a neuron, w lists its weights. On the map: arrows move a probe.',
    ),
  ],
]

export function guide() {
  const box = h(
    'dialog',
    { class: 'guide' },
    h('h2', {}, say('What am I seeing?')),
    h(
      'dl',
      {},
      CARDS().map(([name, text]) => [h('dt', {}, name), h('dd', {}, text)]),
    ),
    h('button', { onclick: () => box.close() }, say('Close')),
  )
  document.body.append(box)
  box.addEventListener('close', () => box.remove())
  box.showModal()
}
