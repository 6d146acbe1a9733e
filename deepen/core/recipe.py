"""Recipes: typed fields with defaults <-> `key=value` <-> TOML <-> JSON schema.

The same functions serve a system (fields of its dataclass) and a source (parameters of its function).
"""
import difflib
import inspect
import math
import types
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from deepen.core.words import Problem, say


class LiveField:
    """Marks a field that `steps()` reads each turn, so that it may be changed while it learns."""


def _field(**limits):
    from pydantic import Field
    return Field(**limits)


Count = Annotated[int, _field(ge=1, le=1_000_000)]                      # how many: 1 … 10⁶
Size = Annotated[int, _field(ge=1, le=4096)]                            # pixels of a side
Times = Annotated[float, _field(gt=0, le=100_000, allow_inf_nan=False)]  # epochs, also parts of one
Rate = Annotated[float, _field(ge=0, le=1000, allow_inf_nan=False)]     # a learning rate
Amount = Annotated[float, _field(ge=0, le=1e9, allow_inf_nan=False)]    # a strength ≥ 0
Fraction = Annotated[float, _field(ge=0, le=1, allow_inf_nan=False)]    # 0 … 1
Live = LiveField


def once(read):
    """Marks a field that older recipes wrote otherwise: `read` makes what is meant today of what is given."""
    from pydantic import BeforeValidator
    return BeforeValidator(read)


@dataclass(frozen=True)
class Field:
    """One thing that can be set: its name, type and default; `required` when there is no default."""
    name: str
    type: Any
    default: Any
    required: bool

    @property
    def live(self) -> bool:
        return Live in getattr(self.type, "__metadata__", ())

    @property
    def choices(self) -> tuple:
        kind = get_args(self.type)[0] if get_origin(self.type) is Annotated else self.type
        return get_args(kind) if get_origin(kind) is Literal else ()


def fields_of(owner) -> dict[str, Field]:
    """The fields of a dataclass, or the parameters of a function."""
    hints = get_type_hints(owner, include_extras=True)
    if is_dataclass(owner):
        found = {}
        for field in fields(owner):
            default = field.default if field.default_factory is MISSING else field.default_factory()
            found[field.name] = Field(field.name, hints[field.name], default, default is MISSING)
        return found
    return {name: Field(name, hints.get(name, str), parameter.default, parameter.default is parameter.empty)
            for name, parameter in inspect.signature(owner).parameters.items()}


def checked(owner, values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """`values` (text or typed) as the types of the owner's fields; `Problem` names the key, the reason and the nearest."""
    known = fields_of(owner)
    good = {}
    for key, value in values.items():
        if key not in known:
            raise unknown("setting", prefix + key, [prefix + name for name in known])
        good[key] = convert(known[key], value, prefix + key)
    missing = [prefix + name for name, field in known.items() if field.required and name not in good]
    if missing:
        raise Problem("{owner} needs {missing}; give it as {first}=…",
                      owner=getattr(owner, "__name__", owner), missing=", ".join(missing), first=missing[0])
    return good


def convert(field: Field, value, key: str):
    """One value as its field's type."""
    from pydantic import TypeAdapter, ValidationError
    given = value
    if isinstance(value, str) and _wants_list(field.type):
        value = [part for part in value.strip("[]()").split(",") if part.strip()]
    if isinstance(value, str) and value.lower() == "none" and type(None) in get_args(field.type):
        value = None
    try:
        return TypeAdapter(field.type).validate_python(value)
    except ValidationError as error:
        wrong = error.errors()
        first = next((one for one in wrong if one["type"] != "string_pattern_mismatch"), wrong[0])
        raise Problem("{key}={value} is not possible: {reason}", key=key, value=given,
                      reason=_reason(field, first)) from None


def _wants_list(kind) -> bool:
    if get_origin(kind) in (Annotated, Union, types.UnionType):
        return any(_wants_list(part) for part in get_args(kind))
    return (get_origin(kind) or kind) in (list, tuple)


def _reason(field: Field, error: Mapping) -> str:
    limits = error.get("ctx", {})
    match error["type"]:
        case "greater_than_equal":
            return say("it must be at least {limit}", limit=_number(limits["ge"]))
        case "greater_than":
            return say("it must be more than {limit}", limit=_number(limits["gt"]))
        case "less_than_equal":
            return say("it must be at most {limit}", limit=_number(limits["le"]))
        case "finite_number":
            return say("it must be a finite number")
        case "literal_error":
            near = difflib.get_close_matches(str(error["input"]), map(str, field.choices), 1, 0.4)
            choices = ", ".join(map(str, field.choices))
            return (say("did you mean {near}? choose from {choices}", near=near[0], choices=choices) if near
                    else say("choose from {choices}", choices=choices))
        case "int_parsing" | "int_from_float" | "int_type" | "int_parsing_size":
            return say("a whole number is wanted")
        case "float_parsing" | "float_type":
            return say("a number is wanted")
        case "bool_parsing" | "bool_type":
            return say("true or false is wanted")
    return error["msg"]


def _number(value) -> str:
    return f"{value:,}".replace(",", "") if isinstance(value, int) else f"{value:g}"


def unknown(what: str, name: str,
            names: Iterable[str]) -> Problem:
    """The problem of a name nobody knows, with the nearest that somebody does."""
    names = list(names)
    near = difflib.get_close_matches(name, names, 1, 0.5) or [n for n in names if n.startswith(name)][:1]
    if near:
        return Problem("there is no {what} {name}; did you mean {near}?", what=Word(what), name=name, near=near[0])
    return Problem("there is no {what} {name}; there are: {names}", what=Word(what), name=name, names=", ".join(names))


class Word(str):
    """A word of ours inside a sentence: it is put into the language spoken when the sentence is."""

    def __format__(self, spec):
        return format(say(str(self)), spec)

    def __str__(self):
        return str.__str__(self)


def pairs(words: Iterable[str]) -> dict[str, str]:
    """`["lr=0.1", "data.size=28"]` -> {"lr": "0.1", "data.size": "28"}."""
    found: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise Problem("{word} is not key=value; write for example lr=0.01", word=word)
        found[key.strip()] = value.strip()
    return found


def schema(owner) -> dict[str, Any]:
    """JSON schema of the fields: what forms are drawn from."""
    from pydantic import TypeAdapter
    properties = {}
    for name, field in fields_of(owner).items():
        properties[name] = TypeAdapter(field.type).json_schema()
        if not field.required:
            properties[name]["default"] = field.default
        if field.live:
            properties[name]["live"] = True
    return {"type": "object", "properties": properties, "additionalProperties": False}


def toml(tree: Mapping[str, Any], inside: str = "") -> str:
    """A tree of plain values as TOML text (None is left out); `inside` is the name of the table it goes into."""
    lines = [f"{_key(key)} = {_value(value)}" for key, value in tree.items()
             if value is not None and not isinstance(value, Mapping)]
    for key, table in tree.items():
        if isinstance(table, Mapping):
            name = f"{inside}{_key(key)}"
            lines.append(f"\n[{name}]\n{toml(table, name + '.')}".rstrip())
    return "\n".join(lines) + "\n"


def _value(value) -> str:
    import json
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)                                                   # inf, -inf, nan
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(key: str) -> str:
    return key if key.replace("_", "").replace("-", "").isalnum() and key.isascii() else _value(key)
