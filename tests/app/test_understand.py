"""Commands are understood without loading anything, and what is wrong in them is found."""
import pytest

from deepen.app.understand import understand
from deepen.core.words import Problem


@pytest.mark.parametrize("line", [
    "deepen train digits", "deepen train digits lr=0.1 data.valid=0.2 --seed 3 --minutes 0.5", "deepen train ./photos epochs=20 size=2"[:-7],
    "deepen train ./house.csv target=price", "deepen train classify data=mnist net=lenet goal=accuracy:0.99",
    'deepen train digits "net=conv 16 3; relu; dense classes" "augment=shift 1; rotate 5"', "deepen train digits augment=",
    "deepen train iris learner=svm", "deepen plan classify net=resnet.py:Net --input 3x64x64 --classes 3", "deepen runs",
    "deepen validate 1", "deepen book conv-filter", "deepen book course 6", "deepen book", "deepen machine --price 2.5 --quick",
    "deepen systems classify", "deepen check ./photos"])
def test_right(line):
    assert understand(line).command.name == line.split()[1]


@pytest.mark.parametrize(("line", "sentence"), [
    ("ls", "not a command of deepen"), ("deepen trian digits", "did you mean train"), ("deepen train digits --sed 1", "did you mean --seed"),
    ("deepen train digist", "did you mean digits"), ("deepen train digits lrr=1", "did you mean lr"), ("deepen train digits lr=-1", "at least 0"),
    ("deepen train digits data.vald=0.1", "did you mean data.valid"), ("deepen train ./photos data.sise=3", "data.size"),
    ('deepen train digits "net=conf 16"', "did you mean conv"), ('deepen train digits "augment=shft 1"', "did you mean shift"),
    ("deepen train digits goal=acuracy:1", "did you mean accuracy"), ("deepen train digits --precision bf15", "bf16"),
    ("deepen train iris learner=sym", "did you mean svm"), ("deepen systems clasify", "did you mean classify"),
    ("deepen sources digit", "did you mean digits"), ("deepen book course 7", "there is no lesson 7"), ("deepen machine --price free", "number"),
    ("deepen train digits novalue", "key=value"), ("deepen predict 1", "needs")])
def test_wrong(line, sentence):
    with pytest.raises(Problem) as problem:
        understand(line)
    assert sentence in str(problem.value)
