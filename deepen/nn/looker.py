"""What R-CNN looks at a region with: a CNN, and after it vector machines and regressions, in one module.

Girshick et al. 2014: figure 1, sections 2.1 and 2.3, appendices A (warping) and C (boxes).
"""
import torch
from torch import Tensor, nn

from deepen.core.words import Problem
from deepen.nn import boxes
from deepen.nn.design import network

REGIONS, TUNING, MARGINS, DRAWING, DONE = range(5)          # what has to be learned next


class Looker(nn.Module):
    """Regions as squares uint8 (n, C, side, side) -> logits (n, classes + 1); and all that is learned after it."""
    planes: Tensor          # (classes, seen + 1), offsets last
    draw: Tensor            # (classes, 4, seen + 1)
    scale: Tensor           # of what the CNN sees; 1 until it is measured
    sizes: Tensor           # (2,) smallest and largest root of a region's area
    stage: Tensor           # what has to be learned next

    def __init__(self, net: str, kind, classes: int):
        super().__init__()
        self.body = network(net, kind, classes + 1)
        dense = [(name, layer) for name, layer in self.body.named_modules() if isinstance(layer, nn.Linear)]
        if not dense:
            raise Problem("the net {net} has no dense layer at its end, in front of which the vector machines could look", net=net)
        name, self.head = dense[-1]                                         # class 0 is the background
        self.body.set_submodule(name, nn.Identity())
        self.seen = self.head.in_features
        for name, start in (("planes", torch.zeros(classes, self.seen + 1)), ("scale", torch.ones(())),
                            ("draw", torch.zeros(classes, 4, self.seen + 1)), ("sizes", torch.tensor([1.0, 1e6])),
                            ("stage", torch.zeros((), dtype=torch.long))):
            self.register_buffer(name, start)

    def forward(self, crops):
        return self.head(self.body(crops)).float()

    def look(self, crops):
        return self.body(crops).float() * self.scale

    def margins(self, seen):
        """How far each (n, seen) lies beyond the planes of the vector machines: (n, classes); 1 is a full margin."""
        with torch.autocast(seen.device.type, enabled=False):
            return seen @ self.planes[:, :-1].T + self.planes[:, -1]

    def told(self, seen, where):
        """Boxes (n, classes, 4) and scores (n, classes) of regions (n, 4): by the vector machines where they have learned."""
        with torch.autocast(seen.device.type, enabled=False):
            shift = (seen @ self.draw[:, :, :-1].flatten(0, 1).T).unflatten(1, (-1, 4)) + self.draw[:, :, -1]
        margin = self.margins(seen)
        softmax = self.head(seen / self.scale).float().softmax(1)[:, 1:]
        sure = torch.where(self.stage >= DRAWING, (2 * margin).sigmoid(), softmax)
        return boxes.decode(shift, where[:, None]), sure


class Told(nn.Module):
    """What the network tells of regions that are already cut out."""

    def __init__(self, net: Looker):
        super().__init__()
        self.net = net

    def forward(self, regions, where):
        return self.net.told(self.net.look(regions), where)


def warped(x: Tensor, where: Tensor, image: Tensor, side: int, around: int) -> Tensor:
    """Regions (n, 4) of pictures (B, C, H, W), and a little round them, whatever their shape, as squares: uint8 (n, C, side,
    side); `around` pixels of a square show what is round the region."""
    grown = (where[:, 2:] - where[:, :2]) * around / (side - 2 * around)
    where = torch.cat([where[:, :2] - grown, where[:, 2:] + grown], 1)
    return boxes.roi_align(x.float(), where, image, 1.0, side, 1, aligned=True).round().to(torch.uint8)
