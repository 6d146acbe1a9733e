import pytest

from deepen.core import words
from deepen.core.words import Failure, Problem, language, say, speak


@pytest.fixture(autouse=True)
def english_after():
    yield
    speak("en")


def in_korean(monkeypatch, **sentences):
    catalogue = {key.replace("_", " "): value for key, value in sentences.items()}
    monkeypatch.setattr(words, "korean", lambda: catalogue)
    speak("ko")


def korean_of(monkeypatch, pattern, word):
    monkeypatch.setattr(words, "korean", lambda: {"x {name}": pattern})
    speak("ko")
    return say("x {name}", name=word)


def test_english_is_the_key_and_the_sentence():
    assert language() == "en"
    assert say("there is no split {name}", name="dev") == "there is no split dev"
    assert say("{part:.0%} of it", part=0.25) == "25% of it"


@pytest.mark.parametrize("many, one", [
    ("{n} pictures have no box", "1 picture has no box"), ("{n} of {all} pictures are copies", "1 of 9 pictures is copies"),
    ("{n} of its {all} rows are in {file}", "1 of its 9 rows is in 1 pictures are"), ("{n} classes", "1 class"), ("{n} boxes; {all} boxes", "1 box; 9 boxes"),
    ("{n} categories have none", "1 category has none"), ("only {n} different values", "only 1 different value"),
    ("{n} pictures of {file} are seen", "1 picture of 1 pictures are is seen"), ("{n} files, {all} files", "1 file, 9 files"),
    ("{n} rows have none: they are kept and stay", "1 row has none: it is kept and stays"),
    ("{all} rows are seen: they are kept in {n} files", "9 rows are seen: they are kept in 1 file"), ("{all} rows and {n} files are", "9 rows and 1 file is"),
    ("{n} of {all} pictures cannot be read and are left out", "1 of 9 pictures cannot be read and is left out"),
    ("around={n} leaves nothing", "around=1 leaves nothing"), ("{n} has no class", "1 has no class"), ("{n} less", "1 less"), ("{n} of them are told", "1 of them are told")])
def test_one_is_no_plural(monkeypatch, many, one):
    values = {"all": 9, "file": "1 pictures are"}
    assert say(many, n=1, **values) == one
    assert say(many, n="1", **values) == many.format(n="1", **values), "a class may be called 1"
    assert say(many, n=2, **values) == many.format(n=2, **values)
    monkeypatch.setattr(words, "korean", lambda: {many: "{n} pictures have"})
    speak("ko")
    assert say(many, n=1, **values) == "1 pictures have", "Korean has no plural to mend"


def test_a_value_is_never_read_as_a_template():
    assert say("{name} is unknown", name="{secret}") == "{secret} is unknown"
    assert str(Problem("{name} is unknown", name="{0.__class__}")) == "{0.__class__} is unknown"


@pytest.mark.parametrize("word, subject, topic, object_, with_, by", [
    ("고양이", "고양이가", "고양이는", "고양이를", "고양이와", "고양이로"),
    ("손실", "손실이", "손실은", "손실을", "손실과", "손실로"),           # a final ㄹ: 으로 becomes 로
    ("검증", "검증이", "검증은", "검증을", "검증과", "검증으로"),
    ("3", "3이", "3은", "3을", "3과", "3으로"),                         # 삼
    ("7", "7이", "7은", "7을", "7과", "7로"),                           # 칠
    ("2", "2가", "2는", "2를", "2와", "2로"),
    ("100", "100이", "100은", "100을", "100과", "100으로"),             # 백
    ("film", "film이", "film은", "film을", "film과", "film으로"),
    ("model", "model이", "model은", "model을", "model과", "model로"),
    ("image", "image가", "image는", "image를", "image와", "image로"),
    ("'검증'", "'검증'이", "'검증'은", "'검증'을", "'검증'과", "'검증'으로"),
    ("…", "…가", "…는", "…를", "…와", "…로"),
])
def test_particles_follow_the_sound(monkeypatch, word, subject, topic, object_, with_, by):
    made = [korean_of(monkeypatch, f"{{name:{particle}}}", word)
            for particle in ("이가", "은는", "을를", "과와", "으로")]
    assert made == [subject, topic, object_, with_, by]


def test_numbers_take_particles_too(monkeypatch):
    assert korean_of(monkeypatch, "{name:이가} 있습니다", 10) == "10이 있습니다"
    assert korean_of(monkeypatch, "{name:을를} 맞혔습니다", "64.7 %") == "64.7 %를 맞혔습니다"       # 퍼센트


def test_a_missing_korean_sentence_falls_back_to_english(monkeypatch):
    in_korean(monkeypatch, a_sentence="문장")
    assert say("a sentence") == "문장"
    assert say("another {thing}", thing="one") == "another one"


def test_the_catalogue_is_a_dictionary_of_sentences():
    assert all(isinstance(key, str) and isinstance(value, str) for key, value in words.korean().items())


def test_a_problem_is_rendered_in_the_language_spoken_when_it_is_shown(monkeypatch):
    problem = Problem("there is no {thing}", thing="net")
    assert str(problem) == "there is no net"
    monkeypatch.setattr(words, "korean", lambda: {"there is no {thing}": "{thing:이가} 없습니다"})
    speak("ko")
    assert str(problem) == "net이 없습니다"
    assert str(Problem("outer: {reason}", reason=problem)) == "outer: net이 없습니다"


def test_exit_codes():
    assert (Problem("x").code, Failure("x").code) == (2, 1)
    assert isinstance(Failure("x"), Problem)


def test_an_unknown_language_is_refused():
    with pytest.raises(Problem, match="no language fr; choose en or ko"):
        speak("fr")
    assert language() == "en"
