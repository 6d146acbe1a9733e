"""A plain reading of curves: each sentence for the curve it was written for."""
from deepen.core.events import Event
from deepen.engine.reading import curve, differ, reading, shape


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


def test_shapes_are_told_apart():
    """One judge for the words and for the advice."""
    score = [Event("started", 0, {"score": "accuracy"})]

    def of(scores, losses=(1.0, 0.5)):
        return shape([*score, *(Event("stepped", 10 * (i + 1), {"loss": loss}) for i, loss in enumerate(losses)),
                      *(Event("evaluated", 10 * (i + 1), {"accuracy": one, "loss": 1 - one}) for i, one in enumerate(scores))],
                     "accuracy", 100)
    assert of([.2, .4, .5, .6, .7, .8]).name == "rising"
    assert of([.9] * 6).name == "level"
    assert (of([.5, .9, .8, .7, .6, .5]).name, of([.5, .9, .8, .7, .6, .5]).turn) == ("overfit", 20)
    assert of([.2, .1, .1], (1.0, 0.5, 9.0)).name == "diverged"
    assert of([.5, .5, .5, .5], (2.3, 2.3, 2.29, 2.3)).name == "underfit"
    assert of([.5]).name == "short"
    assert shape([*score, Event("failed", 3, {"why": "x"})]).name == "failed"


def test_what_may_be_luck_is_no_difference():
    assert not differ(0.63, 0.60, 153), "less than a standard error of 153 examples"
    assert differ(0.63, 0.55, 153) and differ(0.63, 0.62, 100_000)
    assert differ(3.0, 2.9, 100) and not differ(3.0, 2.999, 100)


def test_a_last_value_alone_is_no_divergence():
    losses = [2, 1, .5, .4, .3, .25, .2, .2, .34]
    assert "rose again" not in " ".join(reading(run(losses, [2, 1, .5, .4])))
    assert "rose again after step 70" in " ".join(reading(run([2, 1, .5, .4, .3, .25, .2, .8, .9, 1.1], [2, 1, .5, .4])))
