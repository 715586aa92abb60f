"""Reading the words of a command that names tasks: its own flags, and those of parameters.

Which flags there are is known only once the module with the tasks is imported, and a task's flags must not clash with
the command's. So the words are walked once, left to right: before a task's name a flag is the command's; after it,
first the task's, then the command's. ``--Family-parameter`` sets a parameter of any task, wherever it stands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from rumbo.errors import RumboError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rumbo.pipeline.parameter import Parameter
    from rumbo.pipeline.task import Task


class UsageError(RumboError):
    """The words of a command make no sense."""


class Option(NamedTuple):
    """A flag of a command."""

    name: str
    flags: tuple[str, ...]
    help: str
    metavar: str = ""
    """What its value is called; empty for a switch."""
    convert: Callable[[str], Any] | None = None
    """Makes a value of the text; raises ValueError with what was expected."""
    repeats: bool = False
    """May be given several times; the values are a list."""
    choices: tuple[str, ...] = ()


class Wanted(NamedTuple):
    """A task that the words name, with the texts of its parameters."""

    cls: type[Task]
    texts: dict[str, str]


class Line(NamedTuple):
    """The words of a command, understood."""

    options: dict[str, Any]
    """Option's name -> value; only those that were given."""
    wanted: list[Wanted]
    others: dict[tuple[str, str], str]
    """(family, parameter) -> the text given with ``--Family-parameter``."""
    modules: list[str]
    """The modules that were named, imported by now."""


class Finder(NamedTuple):
    """How tasks are found while the words are read."""

    load: Callable[[str], str]
    """Imports a module by name or path; gives its name."""
    find: Callable[[str, Sequence[str]], type[Task]]
    """The class for a task's name, given the modules named so far."""


MODULE = Option("module", ("-m", "--module"), "Import this first: a module, or a file.", "MODULE", repeats=True)
HELP = Option("help", ("-h", "--help"), "Show this, or with a task, its parameters.")


def read(words: Sequence[str], options: Sequence[Option], finder: Finder) -> Line:
    """Understand the words after a command's name.

    Raises:
        UsageError: a flag is unknown, lacks its value, or is given twice.
        RumboError: a module or task cannot be found.
    """
    reader = _Reader(words, options, finder)
    reader.import_modules()
    reader.walk()
    return Line(reader.options, reader.wanted, reader.others, reader.modules)


def parameter_flag(name: str) -> str:
    """A parameter's flag as a person types it."""
    return f"--{name.replace('_', '-')}"


def takes_no_value(parameter: Parameter[Any]) -> bool:
    """Whether the parameter's flag stands for itself."""
    return parameter._parser_kwargs("x").get("action") == "store_true"


def may_stand_alone(parameter: Parameter[Any]) -> bool:
    """Whether the parameter's flag may stand for itself, or have a value."""
    return takes_no_value(parameter) or parameter._parser_kwargs("x").get("nargs") == "?"


class _Reader:
    """Walks the words once."""

    def __init__(self, words: Sequence[str], options: Sequence[Option], finder: Finder) -> None:
        self.options: dict[str, Any] = {}
        self.wanted: list[Wanted] = []
        self.others: dict[tuple[str, str], str] = {}
        self.modules: list[str] = []
        self._words = list(words)
        self._place = 0
        self._finder = finder
        self._known = options
        self._by_flag = {flag: option for option in options for flag in option.flags}
        self._family_flags: dict[str, tuple[str, str, Parameter[Any]]] | None = None

    def import_modules(self) -> None:
        """Import what ``-m`` names wherever it stands, since flags before it may be of its tasks."""
        words = iter(self._words)
        for word in words:
            if word == "--":
                return
            if word in MODULE.flags:
                name = next(words, None)
            elif word.startswith("--module="):
                name = word.removeprefix("--module=")
            elif word.startswith("-m") and not word.startswith("--") and len(word) > 2:
                name = word[2:]
            else:
                continue
            if name:
                self.modules.append(self._finder.load(name))

    def walk(self) -> None:
        """Take one word after the other."""
        only_names = False
        while self._place < len(self._words):
            word = self._words[self._place]
            self._place += 1
            if only_names or word == "-" or not word.startswith("-"):
                self._take_name(word)
            elif word == "--":
                only_names = True
            elif word.startswith("--"):
                self._take_flag(*_split(word))
            else:
                self._take_letters(word)

    def _take_name(self, word: str) -> None:
        if self.wanted:
            try:
                cls = self._finder.find(word, self.modules)
            except RumboError as error:
                raise UsageError(_stray(word, self.wanted[-1].cls)) from error
        else:
            cls = self._finder.find(word, self.modules)
        self._family_flags = None  # finding it may have imported more tasks
        self.wanted.append(Wanted(cls, {}))

    # -- flags --------------------------------------------------------------------------------------------------------

    def _take_flag(self, flag: str, value: str | None) -> None:
        name = flag[2:].replace("-", "_")
        if self.wanted:
            cls, texts = self.wanted[-1]
            parameter = dict(cls.get_params()).get(name)
            if parameter is not None:
                _put_once(texts, name, self._value_of(flag, parameter, value), flag)
                return
        option = self._by_flag.get(flag)
        if option is not None:
            self._put_option(option, flag, value)
            return
        found = self._any_family(name)
        if found is not None:
            family, name, parameter = found
            _put_once(self.others, (family, name), self._value_of(flag, parameter, value), flag)
            return
        if not self._take_negated(name, flag, value):
            raise UsageError(self._unknown(flag))

    def _take_negated(self, name: str, flag: str, value: str | None) -> bool:
        """Take ``--no-flag`` for a parameter that is true or false."""
        if not self.wanted or not name.startswith("no_") or value is not None:
            return False
        cls, texts = self.wanted[-1]
        name = name.removeprefix("no_")
        parameter = dict(cls.get_params()).get(name)
        if parameter is None or not may_stand_alone(parameter):
            return False
        _put_once(texts, name, "false", flag)
        return True

    def _take_letters(self, word: str) -> None:
        """Take ``-w4``, ``-w 4`` or ``-sq``."""
        for index in range(1, len(word)):
            flag = f"-{word[index]}"
            option = self._by_flag.get(flag)
            if option is None:
                raise UsageError(self._unknown(flag if len(word) == 2 else word))
            if option.metavar:
                self._put_option(option, flag, word[index + 1 :] or None)
                return
            self._put_option(option, flag, None)

    def _put_option(self, option: Option, flag: str, value: str | None) -> None:
        if not option.metavar:
            if value is not None:
                raise UsageError(f"{flag} takes no value, but was given {value!r}.")
            self.options[option.name] = True
            return
        text = self._next_value(flag, option.metavar) if value is None else value
        if option.choices and text not in option.choices:
            raise UsageError(f"{flag}: {text!r} is none of {', '.join(option.choices)}.")
        try:
            converted = text if option.convert is None else option.convert(text)
        except ValueError as error:
            raise UsageError(f"{flag}: {text!r} is not {error}.") from None
        if option.repeats:
            self.options.setdefault(option.name, []).append(converted)
        elif option.name in self.options:
            raise UsageError(f"{flag} was given twice: {self.options[option.name]} and {text}. Leave one out.")
        else:
            self.options[option.name] = converted

    def _value_of(self, flag: str, parameter: Parameter[Any], value: str | None) -> str:
        """The text for a parameter."""
        if value is not None:
            return value
        if may_stand_alone(parameter):
            following = self._words[self._place] if self._place < len(self._words) else ""
            if following.lower() in ("true", "false") or (
                not takes_no_value(parameter) and following and not following.startswith("-")
            ):
                self._place += 1
                return following
            return "true"
        return self._next_value(flag, "VALUE")

    def _next_value(self, flag: str, metavar: str) -> str:
        """The word after a flag. Values that begin with two dashes must be written ``--flag=--value``."""
        if self._place >= len(self._words) or self._words[self._place].startswith("--"):
            raise UsageError(f"{flag} needs a value: {flag} {metavar}.")
        self._place += 1
        return self._words[self._place - 1]

    def _any_family(self, name: str) -> tuple[str, str, Parameter[Any]] | None:
        if self._family_flags is None:
            self._family_flags = dict(family_flags())
        return self._family_flags.get(name)

    # -- what to say --------------------------------------------------------------------------------------------------

    def _unknown(self, flag: str) -> str:
        from difflib import get_close_matches

        flags = [each for option in self._known for each in option.flags if each.startswith("--")]
        own: list[str] = []
        if self.wanted:
            own = [parameter_flag(name) for name, _ in self.wanted[-1].cls.get_params()]
        named = {wanted.cls.get_task_family() for wanted in self.wanted}
        known = dict(family_flags()).values()
        of_others = [f"--{family}-{name}".replace("_", "-") for family, name, _ in known if family not in named]
        near = get_close_matches(flag, [*own, *flags, *of_others], n=3, cutoff=0.6)
        near += [each for each in [*own, *flags] if each.startswith(flag) and each not in near]
        if not self.wanted:
            text = f"There is no flag {flag}."
            if not near:
                return f"{text} Flags of a task come after its name."
        else:
            family = self.wanted[-1].cls.get_task_family()
            text = f"There is no flag {flag}: {family} has no such parameter, and the command no such option."
            if not near and own:
                return f"{text} It has: {', '.join(own)}."
        return f"{text} Did you mean {' or '.join(near[:3])}?" if near else text


def family_flags() -> Iterator[tuple[str, tuple[str, str, Parameter[Any]]]]:
    """For each parameter of each task known by now: its flag without dashes, and family, name and parameter."""
    from rumbo.pipeline.registry import Register

    for family, is_short, name, parameter in Register.get_all_params():
        flag = name if is_short else f"{family}_{name}".replace("-", "_")
        yield flag, (family, name, parameter)


def _split(word: str) -> tuple[str, str | None]:
    flag, equals, value = word.partition("=")
    return flag, value if equals else None


def _put_once(texts: dict[Any, str], key: Any, text: str, flag: str) -> None:
    if key in texts:
        raise UsageError(f"{flag} was given twice: {texts[key]} and {text}. Leave one out.")
    texts[key] = text


def _stray(word: str, cls: type[Task]) -> str:
    family = cls.get_task_family()
    flags = [f"{parameter_flag(name)} {word}" for name, _ in cls.get_params()]
    text = f"{word!r} after {family} is neither a task nor the value of a flag."
    return f"{text} Values follow flags: {' or '.join(flags[:3])}." if flags else f"{text} {family} has no parameters."


# Conversions -----------------------------------------------------------------------------------------------------


def count(text: str) -> int:
    """A whole number of at least one."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise ValueError("a whole number of at least 1")
    return number


def amount(text: str) -> tuple[str, float]:
    """``name=number``."""
    name, _, number = text.partition("=")
    try:
        value = _quantity(number.strip())
    except ValueError:
        value = -1.0
    if not name or not value >= 0:
        raise ValueError("an amount of a resource, for example database=3 or memory=8GB")
    return name.strip(), value


def amounts(text: str) -> dict[str, float]:
    """``name=number,name=number,...``; a number may have a unit of memory: ``8GB``, ``512MiB``.

    Raises:
        ValueError: it is something else; the error says what it should be.
    """
    return dict(amount(part) for part in text.split(",") if part.strip())


_UNITS = {"KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "KIB": 2.0**10, "MIB": 2.0**20, "GIB": 2.0**30, "TIB": 2.0**40}


def _quantity(text: str) -> float:
    number = text.rstrip("BKMGTIbkmgti")
    unit = text[len(number) :].upper()
    return float(number) * (_UNITS[unit] if unit in _UNITS else float(not unit or "nan"))
