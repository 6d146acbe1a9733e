"""Plan: known counts of known networks."""
import pytest
import torch
from torch import nn

from deepen.core.data import Data
from deepen.core.kinds import Label, Vector
from deepen.core.system import System
from deepen.core.words import Problem
from deepen.engine import plan as p


def test_lenet_counts_by_hand():
    sketch = p.plan("classify", {"net": "conv 6 5 pad=0; tanh; meanpool 2; conv 16 5 pad=0; tanh; meanpool 2; flatten; "
                                        "dense 120; tanh; dense 84; tanh; dense classes"}, "1x32x32", "10")
    assert sketch.parameters == 156 + 2416 + 48120 + 10164 + 850
    assert sketch.macs == 6 * 25 * 28 * 28 + 16 * 6 * 25 * 10 * 10 + 400 * 120 + 120 * 84 + 840
    shapes = [layer.shape for layer in sketch.layers if layer.text.startswith(("Conv", "Linear"))]
    assert shapes == [(6, 28, 28), (16, 10, 10), (120,), (84,), (10,)]
    assert sum(layer.parameters for layer in sketch.layers) == sketch.parameters
    assert sketch.weights == 4 * sketch.parameters < sketch.learning


class Shared(System):
    """A network called twice, a second one never called, a product outside any layer, and a recurrent layer."""
    def build(self, data):
        self.data = data
        self.model = nn.Sequential(nn.Linear(4, 4, bias=False))
        self.idle = nn.Linear(3, 5)
        self.memory = nn.LSTM(4, 6, batch_first=True)

    def networks(self):
        return [self.model, self.idle, self.memory]

    def predict(self, inputs):
        twice = self.model(self.model(inputs))
        return self.memory(twice[:, None, :].expand(-1, 7, -1))[0]


def test_calls_are_counted_each_time_parameters_once():
    system = Shared()
    system.build(Data({}, Vector(4), Label(("x", "y"))))
    layers, _ = p._flow(system, torch.zeros(1, 4))
    by_text = {layer.text: layer for layer in layers}
    assert by_text["Linear 4→4"].macs == 2 * 16 and by_text["Linear 4→4"].parameters == 16
    assert by_text["LSTM 4→6"].macs == 7 * 4 * 6 * (4 + 6)
    assert by_text["Linear"].parameters == 20 and by_text["Linear"].shape == ()
    assert sum(layer.parameters for layer in layers) == sum(q.numel() for net in system.networks() for q in net.parameters())


@pytest.mark.parametrize("text", ["3x224", "2x8x8", "0x8x8", "big", "3x224x224x1", "-1x8x8"])
def test_inputs_that_cannot_be(text):
    with pytest.raises(Problem, match="--input"):
        p.plan("classify", {}, text, "10")


def test_a_wrong_number_of_classes():
    with pytest.raises(Problem, match="--classes"):
        p.plan("classify", {}, "1x8x8", "0")


def test_a_learned_constant_goes_into_a_layer():
    sketch = p.plan("stylegan", {"data": "stripes", "width": 4})
    assert sum(layer.parameters for layer in sketch.layers) == sketch.parameters and sketch.macs > 0
