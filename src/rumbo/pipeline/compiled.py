"""The parameters of one task class, compiled once so that making a task takes microseconds.

A table knows the parameters in the order of their creation, what of each may be skipped, and where a value comes from
when the constructor is not given it:

    constructor  >  ``--Family-x`` on the command line  >  ``[Family] x`` in files  >  ``config_path``  >  default

Tables are made when a class is first used and thrown away when its parameters change (see ``registry``), since
decorators attach parameters to classes that exist already.
"""

from __future__ import annotations

from rumbo.errors import (
    DuplicateParameterError,
    MissingParameterError,
    RegistryError,
    UnknownParameterError,
)
from rumbo.pipeline import config
from rumbo.pipeline.config import ABSENT
from rumbo.pipeline.parameter import (
    InvalidValueError,
    Parameter,
    ParameterVisibility,
    UnconsumedParameterWarning,
    _no_value,
    shortened,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    Pairs = list[tuple[str, Parameter[Any]]]

PUBLIC = ParameterVisibility.PUBLIC
PRIVATE = ParameterVisibility.PRIVATE

# A parameter class that overrides one of these looks for its value in its own way.
_RESOLUTION = ("has_task_value", "task_value", "_get_value", "_value_iterator", "_get_value_from_config")

# What parse(), normalize() and serialize() raise for a bad value. A class derived from one of these by the user is his
# own affair, and passes through.
_BAD_VALUE = (ValueError, TypeError, AttributeError, KeyError, IndexError, OverflowError, ArithmeticError)


class InvalidParameterError(InvalidValueError):
    """A value does not fit its parameter.

    Attributes:
        family: the task's family.
        name: the parameter's name.
        source: where the value came from, as a sentence.
    """

    def __init__(self, family: str, name: str, value: object, problem: str, source: str, expected: str = "") -> None:
        super().__init__(value, expected)
        self.family = family
        self.name = name
        self.problem = problem
        self.source = source
        self.args = (family, name, value, problem, source, expected)

    def __str__(self) -> str:
        return f"{self.family}.{self.name}: {self.problem} {self.source}"


def blame(family: str, name: str, value: object, error: Exception, source: str) -> Exception:
    """The error to raise instead of ``error``: it names the task, the parameter, the value and where it came from."""
    if isinstance(error, InvalidParameterError):
        return error
    if isinstance(error, InvalidValueError):
        return InvalidParameterError(family, name, error.value, str(error), source, error.expected)
    if isinstance(error, RegistryError):
        first, *near = str(error).split("\n")
        advice = f" {', '.join(near)}." if near else ""
        return type(error)(f"{family}.{name}: {first}{advice} {source}")
    plain = type(error) in _BAD_VALUE or type(error).__name__ == "JSONDecodeError"
    if not plain:
        return error
    reason = str(error) or type(error).__name__
    problem = f"{shortened(value)} cannot be used: {reason}{'' if reason.endswith('.') else '.'}"
    return InvalidParameterError(family, name, value, problem, source)


class Slot:
    """One parameter of one class, with what may be skipped for it."""

    __slots__ = ("looks_for_itself", "name", "normalize", "parameter", "settled", "warn")

    def __init__(self, name: str, parameter: Parameter[Any]) -> None:
        kind = type(parameter)
        self.name = name
        self.parameter = parameter
        self.normalize: Callable[[Any], Any] | None = parameter.normalize
        if kind.normalize is Parameter.normalize and "normalize" not in vars(parameter):
            self.normalize = None
        self.settled = _settled_type(kind)
        self.looks_for_itself = parameter._config_path is not None or any(
            getattr(kind, method) is not getattr(Parameter, method) for method in _RESOLUTION
        )
        self.warn: Callable[[str, object], None] | None = parameter._warn_on_wrong_param_type
        if kind._warn_on_wrong_param_type is Parameter._warn_on_wrong_param_type and kind is not Parameter:
            self.warn = None


def _settled_type(kind: type[Parameter[Any]]) -> type | None:
    """The type whose values ``normalize`` leaves alone, if the class that wrote ``normalize`` says so."""
    for ancestor in kind.__mro__:
        if "normalize" in vars(ancestor):
            settled: type | None = vars(ancestor).get("_settled")
            return settled
    return None


class ParameterTable:
    """The parameters of one class.

    Attributes:
        owner: the class.
        family: its family.
        pairs: names and parameters, in the order of their creation.
        names: the names, in that order.
        slots: the same, with what may be skipped.
        by_name: name -> parameter.
    """

    __slots__ = (
        "_hot",
        "by_name",
        "calls_init",
        "calls_new",
        "custom_binding",
        "family",
        "hides_id",
        "names",
        "owner",
        "pairs",
        "slots",
        "sorted_names",
        "warnings",
    )

    def __init__(self, owner: Any, pairs: Pairs, family: str) -> None:
        self.owner = owner
        self.family = family
        self.pairs = pairs
        self.slots = [Slot(name, parameter) for name, parameter in pairs]
        self.names = tuple(name for name, _ in pairs)
        self.by_name = dict(pairs)
        self.sorted_names = sorted((name, index, parameter) for index, (name, parameter) in enumerate(pairs))
        self._hot = [(slot.name, slot.settled, slot.normalize, slot) for slot in self.slots]
        self.warnings = [
            (index, slot.name, slot.warn, type(slot.parameter) is Parameter)
            for index, slot in enumerate(self.slots)
            if slot.warn is not None
        ]
        self.calls_init = self.calls_new = self.custom_binding = False
        self.hides_id = "task_id" in self.names
        """A parameter is called ``task_id``: what the task is known by takes its place on each task."""

    # Values for a new task ---------------------------------------------------------------------------------------

    def bind(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Any, ...]:
        """The normalized value of each parameter, from the arguments of a constructor and from outside.

        Raises:
            ParameterError: a value is missing, unknown, given twice, or not understood.
        """
        if args:
            kwargs = self._named(args, kwargs)
        values = []
        used = 0
        outside = None
        for name, settled, normalize, slot in self._hot:
            value = kwargs.get(name, ABSENT)
            if value is ABSENT:
                if outside is None:
                    outside = Outside(self.family)
                value = self._missing_value(slot, outside, kwargs)
            else:
                used += 1
                if normalize is not None and type(value) is not settled:
                    try:
                        value = normalize(value)
                    except Exception as error:
                        raise blame(self.family, name, value, error, _FROM_CONSTRUCTOR) from error
            values.append(value)
        if used != len(kwargs):
            raise self._unknown(kwargs)
        return tuple(values)

    def _named(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        positional = [name for name, parameter in self.pairs if parameter.positional]
        if len(args) > len(positional):
            raise UnknownParameterError(
                f"{self.family} takes {_count(len(positional), 'positional value')} "
                f"({', '.join(positional) or 'none'}), but {len(args)} were given: "
                f"{', '.join(shortened(arg, 60) for arg in args)}."
            )
        named = dict(zip(positional, args, strict=False))
        for name in named:
            if name in kwargs:
                raise DuplicateParameterError(
                    f"{self.family}.{name} was given twice: {shortened(named[name], 60)} by position and "
                    f"{shortened(kwargs[name], 60)} by name. Leave one out."
                )
        named.update(kwargs)
        return named

    def _missing_value(self, slot: Slot, outside: Outside, kwargs: Mapping[str, Any]) -> Any:
        """The value of a parameter that the constructor was not given."""
        if slot.looks_for_itself:
            value = self._ask_parameter(slot)
        else:
            value = outside.value(slot) if outside.speaks else ABSENT
            if value is ABSENT and slot.parameter._default is not _no_value:
                value = self._normalized_default(slot)
        if value is not ABSENT:
            return value
        if not all(name in self.by_name for name in kwargs):
            raise self._unknown(kwargs)  # a misspelt name explains a missing value
        raise MissingParameterError(self._missing_text(slot.name))

    def _normalized_default(self, slot: Slot) -> Any:
        value = slot.parameter._default
        if slot.normalize is None or type(value) is slot.settled:
            return value
        try:
            return slot.normalize(value)
        except Exception as error:
            raise blame(self.family, slot.name, value, error, "It is the default of the parameter.") from error

    def _ask_parameter(self, slot: Slot) -> Any:
        try:
            if not slot.parameter.has_task_value(self.family, slot.name):
                return ABSENT
        except InvalidValueError as error:
            raise blame(self.family, slot.name, None, error, "It comes from the configuration.") from error
        except Exception as error:
            raise InvalidParameterError(
                self.family,
                slot.name,
                None,
                f"its value from outside the program cannot be found out: {error}.",
                f"{type(slot.parameter).__name__} looks for it in a way of its own.",
            ) from error
        return slot.parameter.task_value(self.family, slot.name)

    def _missing_text(self, name: str) -> str:
        flag = f"--{self.family}-{name}".replace("_", "-")
        return (
            f"{self.family}.{name} has no value, and no default. Give it as {self.owner.__name__}({name}=...), as "
            f"--{name.replace('_', '-')} on the command line when {self.family} is the task to run, as {flag} "
            f"otherwise, or as {name} in [tasks.{_toml_key(self.family)}] of rumbo.toml or in [{self.family}] of "
            "luigi.cfg."
        )

    def _unknown(self, kwargs: Mapping[str, Any]) -> UnknownParameterError:
        from difflib import get_close_matches

        name = next(name for name in kwargs if name not in self.by_name)
        near = get_close_matches(name, self.names, n=3, cutoff=0.6)
        if near:
            advice = f"Did you mean {' or '.join(near)}?"
        elif self.names:
            advice = f"It has: {', '.join(self.names)}."
        else:
            advice = "It has no parameters."
        return UnknownParameterError(f"{self.family} has no parameter {name}. {advice}")

    # Putting them on the task ------------------------------------------------------------------------------------

    def fill(self, task: Any, values: tuple[Any, ...]) -> None:
        """Make the values attributes of a new task, and tell of doubtful ones."""
        for name, value in zip(self.names, values, strict=True):
            setattr(task, name, value)
        task._parameter_values = values
        if self.hides_id:
            from rumbo.pipeline.task import task_id_str  # which imports this module

            task.task_id = task_id_str(self.family, self.identifying(values))
        if self.warnings:
            for index, name, warn, wants_text in self.warnings:
                if not (wants_text and type(values[index]) is str):
                    warn(name, values[index])

    def warn_of_unconsumed(self) -> None:
        """Warn, once for each, of keys in the class's sections that are no parameters of it."""
        sources = config.sources_for(self.family)
        if not sources:
            return
        owner = self.owner
        if "_unconsumed_params" not in vars(owner):
            owner._unconsumed_params = set()
        ignored = getattr(owner, "ignore_unconsumed", ())
        for source in sources:
            for key, value in source.options(self.family).items():
                name = key.replace("-", "_")
                known = name in self.by_name or name in ignored or f"{self.family}_{name}" in owner._unconsumed_params
                if not known:
                    owner._unconsumed_params.add(f"{self.family}_{name}")
                    _warn_unconsumed(self.family, name, value)

    # Values as text ----------------------------------------------------------------------------------------------

    def serialized(
        self, names_and_values: Iterable[tuple[str, Any]], significant: bool, public: bool
    ) -> dict[str, str]:
        """Values as text; only significant or only public ones if asked; private ones never."""
        texts = {}
        for name, value in names_and_values:
            parameter = self.by_name.get(name)
            if parameter is None or (significant and not parameter.significant):
                continue
            visibility = parameter.visibility
            if visibility == PRIVATE or (public and visibility != PUBLIC):
                continue
            texts[name] = self.text(name, parameter, value)
        return texts

    def identifying(self, values: tuple[Any, ...]) -> dict[str, str]:
        """The texts that count in a task's id, sorted by name."""
        texts = {}
        for name, index, parameter in self.sorted_names:
            if parameter.significant and parameter.visibility == PUBLIC:
                value = values[index]
                if type(value) is str and type(parameter) is Parameter:
                    texts[name] = value
                    continue
                try:
                    texts[name] = parameter.serialize(value)
                except Exception as error:
                    raise blame(self.family, name, value, error, _UNWRITABLE) from error
        return texts

    def text(self, name: str, parameter: Parameter[Any], value: Any) -> str:
        """One value as text."""
        if type(value) is str and type(parameter) is Parameter:
            return value
        try:
            return parameter.serialize(value)
        except Exception as error:
            raise blame(self.family, name, value, error, _UNWRITABLE) from error

    def parse(self, texts: Mapping[str, Any], source: Callable[[str], str]) -> dict[str, Any]:
        """Values from texts; a list of texts becomes one value by the parameter's batch method.

        Args:
            texts: names and texts; those of no parameter are passed over.
            source: tells where the text of a name came from, as a sentence.
        """
        values = {}
        for name, parameter in self.pairs:
            if name not in texts:
                continue
            text = texts[name]
            try:
                values[name] = parameter._parse_list(text) if isinstance(text, list) else parameter.parse(text)
            except Exception as error:
                raise blame(self.family, name, text, error, source(name)) from error
        return values


_FROM_CONSTRUCTOR = "It was given to the constructor."
_UNWRITABLE = "It cannot be written as text."


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _toml_key(family: str) -> str:
    return family if family.replace("_", "").isalnum() else f'"{family}"'


def _warn_unconsumed(family: str, name: str, value: object) -> None:
    import warnings

    # The text is Luigi's to the letter, since programs filter on it.
    # No stacklevel: the frames between here and the user's line are not always the same in number.
    warnings.warn(  # noqa: B028
        f"The configuration contains the parameter '{name}' with value '{value}' "
        f"that is not consumed by the task '{family}'.",
        UnconsumedParameterWarning,
    )


class Outside:
    """What the command line and the files say about one family."""

    __slots__ = ("_family", "_line", "_sources", "speaks")

    def __init__(self, family: str) -> None:
        line = config._command_line
        self._family = family
        self._line = line if line is not None and line.mentions(family) else None
        self._sources = config.sources_for(family)
        self.speaks = self._line is not None or bool(self._sources)

    def value(self, slot: Slot) -> Any:
        """The value of a parameter, parsed and normalized, or ``ABSENT``."""
        name = slot.name
        if self._line is not None:
            text = self._line.lookup(self._family, name)
            if text is not ABSENT:
                where = f"It was given as {self._line.flag(self._family, name)} on the command line."
                value = self._understood(slot, text, where, slot.parameter._parse_or_no_value)
                if value is not _no_value:
                    return value
        for source in self._sources:
            try:
                text = source.lookup(self._family, name)
            except Exception as error:
                raise self._unreadable(slot, error) from error
            if text is not ABSENT:
                where = f"It comes from {source.where(self._family, name)}."
                return self._understood(slot, text, where, slot.parameter.parse)
        return ABSENT

    def _understood(self, slot: Slot, text: Any, where: str, parse: Callable[[Any], Any]) -> Any:
        try:
            try:
                value = parse(text)
            except Exception:
                if isinstance(text, str):
                    raise
                value = text  # TOML gives a date, a list, a table as such; parse() wants text
            if value is not _no_value and slot.normalize is not None and type(value) is not slot.settled:
                value = slot.normalize(value)
        except Exception as error:
            raise blame(self._family, slot.name, text, error, where) from error
        return value

    def _unreadable(self, slot: Slot, error: Exception) -> Exception:
        return InvalidParameterError(
            self._family, slot.name, None, "the configuration's value cannot be read.", str(error)
        )


def collect_parameters(cls: type) -> Pairs:
    """The parameters among a class's attributes, inherited ones too, in the order of their creation."""
    found: dict[str, Any] = {}
    for ancestor in reversed(cls.__mro__):
        found.update(vars(ancestor))
    pairs = [(name, found[name]) for name in sorted(found) if isinstance(found[name], Parameter)]
    pairs.sort(key=lambda pair: pair[1]._counter)
    return pairs
