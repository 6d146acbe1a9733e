"""Examples of other data in the kinds of a model: classes by their names, columns by their names."""
import torch
from torch import Tensor

from deepen.core.data import Data, Examples
from deepen.core.kinds import Boxes, Label, Mask, Row
from deepen.core.things import VOID
from deepen.core.words import Problem, say


def translated(examples, data: Data, inputs, target) -> tuple[Examples, list[str]]:
    """(examples in the kinds `inputs` and `target`, what was left out in sentences)."""
    if type(data.inputs) is not type(inputs) or type(data.target) is not type(target):
        raise Problem("the model learned {wants} → {gives}, this data is {has} → {asks}",
                      wants=type(inputs).__name__, gives=type(target).__name__,
                      has=type(data.inputs).__name__, asks=type(data.target).__name__)
    said: list[str] = []
    if isinstance(target, Label) and data.target != target:
        examples = _labels(examples, data.target, target, said)
    if isinstance(target, (Boxes, Mask)) and data.target.names != target.names:
        examples = _things(examples, data.target, target, said)
    if isinstance(inputs, Row) and data.inputs != inputs:
        return Examples(columns(examples.inputs, data.inputs, inputs), examples.target, examples.names), said
    inputs.check(examples[torch.arange(1)][0])
    return examples, said


def _labels(examples, has: Label, wants: Label, said: list[str]) -> Examples:
    """Class numbers of `has` -> those of `wants`; examples of classes the model never saw are left out, and said."""
    strange = [name for name in has.names if name not in wants.names]
    if len(strange) == len(has.names):
        raise Problem("the model knows none of this data's classes ({names}); it knows {known}",
                      names=_some(has.names), known=_some(wants.names))
    number = torch.tensor([wants.names.index(name) if name in wants.names else -1 for name in has.names])
    code = number.to(examples.target.device)[examples.target]
    rows = (code >= 0).nonzero()[:, 0]
    if len(rows) < len(code):
        said.append(say("{count} examples of classes the model never saw are left out: {names}",
                        count=len(code) - len(rows), names=_some(strange)))
    kept = examples.part(rows)
    return Examples(kept.inputs, code[rows], kept.names)


def _things(examples, has: Boxes | Mask, wants: Boxes | Mask, said: list[str]) -> Examples:
    """Class numbers in boxes or masks of `has` -> those of `wants`. Things of a class the model never saw are not asked for,
    its pixels not counted; both are said."""
    strange = [name for name in has.names if name not in wants.names]
    if len(strange) == len(has.names):
        raise Problem("the model knows none of this data's classes ({names}); it knows {known}",
                      names=_some(has.names), known=_some(wants.names))
    lost = VOID if isinstance(has, Mask) else -1                        # boxes may have 255 classes and more
    number = torch.full((max(256, len(has.names)),), lost)
    number[: len(has.names)] = torch.tensor([wants.names.index(name) if name in wants.names else lost for name in has.names])
    if strange:
        said.append(say("classes the model never saw are not counted: {names}", names=_some(strange)))
    if isinstance(has, Mask):
        return Examples(examples.inputs, number.to(torch.uint8)[examples.target.long()], examples.names)
    target = []
    for rows in examples.target:
        code = number[rows[:, 4].long()]
        target.append(torch.cat([rows[:, :4], code[:, None].to(rows.dtype), rows[:, 5:]], 1)[code != lost])
    return Examples(examples.inputs, target, examples.names)


def columns(values: Tensor, has: Row, wants: Row) -> Tensor:
    """Rows (N, columns of `has`) -> (N, columns of `wants`), columns and categories found by name; unknown ones NaN."""
    missing = [name for name in wants.names if name not in has.names]
    if missing:
        raise Problem("this table lacks columns the model needs: {names}", names=_some(missing))
    made = values.new_empty(len(values), len(wants.names))
    for place, (name, wanted) in enumerate(zip(wants.names, wants.values, strict=True)):
        mine = has.names.index(name)
        column, given = values[:, mine], has.values[mine]
        if (wanted is None) != (given is None):
            raise Problem("column {name} is {has} here and was {wanted} when the model learned", name=name,
                          has=say("numbers") if given is None else say("words"),
                          wanted=say("numbers") if wanted is None else say("words"))
        if wanted is not None and given is not None and wanted != given:
            nan = float("nan")
            code = values.new_tensor([wanted.index(word) if word in wanted else nan for word in given] + [nan])
            column = code[torch.where(column.isnan(), len(given), column).long()]
        made[:, place] = column
    return made


def _some(names) -> str:
    return ", ".join(names[:6]) + (", …" if len(names) > 6 else "")
