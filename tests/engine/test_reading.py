"""A plain reading of curves: each sentence for the curve it was written for."""
from deepen.core.events import Event
from deepen.engine.reading import curve, reading


def run(train, valid=(), failed=False, scores=None):
    events = [Event("started", 0, {})]
    events += [Event("stepped", 10 * i, {"loss": loss}) for i, loss in enumerate(train, 1)]
    events += [Event("evaluated", 10 * i, {"loss": loss, "accuracy": scores[i - 1] if scores else 0.5})
               for i, loss in enumerate(valid, 1)]
    return events + [Event("failed", 99, {"why": "x"})] * failed


def test_overfitting_names_the_step_of_the_lowest_loss():
    told = reading(run([2, 1.5, 1, 0.7, 0.5, 0.3, 0.2, 0.1], [2, 1.2, 0.8, 0.9, 1.1, 1.4, 1.8, 2.2]))
    assert len(told) == 1 and "overfitting" in told[0] and "step 30 " in told[0]


def test_a_sound_run_is_called_sound():
    assert "no sign of learning by heart" in reading(run([2, 1.5, 1, .7, .5], [2, 1.5, 1.1, .8, .6]))[0]


def test_a_score_that_still_grows_is_no_overfitting():
    """With label smoothing the loss rises while the answers get better: the network only becomes surer."""
    told = reading(run([2, 1.5, 1, .7, .6, .55], [2, .3, .14, .15, .17, .18], scores=[.5, .9, .96, .97, .98, .99]))
    assert "overfitting" not in " ".join(told)


def test_a_late_wiggle_is_no_overfitting():
    assert "overfitting" not in " ".join(reading(run([2, 1, .5, .3, .2, .2], [2, 1, .5, .41, .40, .41])))


def test_a_jump_is_told_with_its_step():
    told = reading(run([1, .9, .8, .7, .6, .5, 9, 8], [1, .9, .8, .7]))
    assert any("jumped at step 70" in sentence for sentence in told)


def test_underfitting_and_failure():
    assert any("underfitting" in sentence for sentence in reading(run([2.3, 2.3, 2.3, 2.29, 2.3])))
    assert "failed" in reading(run([2, 1], failed=True))[0]


def test_too_short_is_said():
    assert "too short" in reading(run([2, 1]))[0]


def test_curve_takes_numbers_only():
    events = [Event("stepped", 1, {"loss": None}), Event("stepped", 2, {"loss": 0.5}), Event("evaluated", 2, {"loss": 9})]
    assert curve(events, "loss", "stepped") == [(2, 0.5)]
