"""Tasks whose parameters are plain annotations, so that editors and type checkers know a task's constructor.

    class Clean(rumbo.Task):
        date: dt.date
        limit: int = 100

========================================  ===========================================================
annotation                                the task's value; its text
========================================  ===========================================================
str, int, float, bool                     as such
datetime.date, .datetime, .timedelta      as such; a datetime is cut to the second, without time zone
pathlib.Path                              as such; text is converted
an Enum, a Literal                        as such; the member's name, the value
a DateInterval (Month, Week ...)          as such
type[Task]                                as such; the family
X | None                                  None without another default; the empty text
list[X], tuple[X, ...], tuple[X, Y]       a tuple; JSON
set[X], frozenset[X]                      a frozenset; JSON
dict[str, X], Mapping[str, X]             a read-only mapping; JSON
a frozen dataclass, a NamedTuple          as such; JSON
========================================  ===========================================================

Not parameters: ``ClassVar``, names that start with an underscore, and the settings that every task has. A `Parameter`
of Luigi's kind, annotated or not, stays what it is.
"""

from __future__ import annotations

import sys
from types import FunctionType
from typing import Any, ClassVar, overload

from rumbo.errors import ParameterError
from rumbo.pipeline import task
from rumbo.pipeline.annotations import UnknownAnnotation, annotation_text, parameter_for
from rumbo.pipeline.parameter import InvalidValueError, Parameter, ParameterVisibility, _no_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeVar, dataclass_transform

    from rumbo.pipeline.retry import Retry

    V = TypeVar("V")


@overload
def parameter(
    *,
    default: V,
    description: str | None = None,
    significant: bool = True,
    positional: bool = True,
    always_in_help: bool = False,
    batch_method: Callable[[Iterable[Any]], Any] | None = None,
    visibility: ParameterVisibility = ParameterVisibility.PUBLIC,
    kind: type[Parameter[Any]] | None = None,
    **options: Any,
) -> V: ...
@overload
def parameter(
    *,
    description: str | None = None,
    significant: bool = True,
    positional: bool = True,
    always_in_help: bool = False,
    batch_method: Callable[[Iterable[Any]], Any] | None = None,
    visibility: ParameterVisibility = ParameterVisibility.PUBLIC,
    kind: type[Parameter[Any]] | None = None,
    **options: Any,
) -> Any: ...
def parameter(*, default: Any = _no_value, kind: type[Parameter[Any]] | None = None, **options: Any) -> Any:
    """More about a parameter than its annotation says: ``limit: int = parameter(default=100, significant=False)``.

    Args:
        default: the value when none is given.
        description: one line for ``--help``.
        significant: False keeps the value out of the task's identity.
        positional: False makes it a keyword only.
        always_in_help: show it in ``--help`` whatever the task.
        batch_method: joins the values of several tasks to the one value of a batch.
        visibility: who gets to see the value.
        kind: a Parameter class to use instead of the one that the annotation means, such as MonthParameter.
        options: further arguments of that class.
    """
    return Specification(default, kind, options)


class AnnotationError(ParameterError, TypeError):
    """An annotation of a task class cannot become a parameter."""


class Specification:
    """What ``parameter(...)`` says, until the class is made."""

    __slots__ = ("default", "kind", "options")

    def __init__(self, default: Any, kind: type[Parameter[Any]] | None, options: dict[str, Any]) -> None:
        self.default = default
        self.kind = kind
        self.options = options


if TYPE_CHECKING:

    @dataclass_transform(kw_only_default=True, eq_default=False, field_specifiers=(parameter,))
    class _Annotated(task.Task): ...

else:
    _Annotated = task.Task


class Task(_Annotated):
    """A unit of work whose parameters are its annotated attributes."""

    retries: ClassVar[int] = 0
    """How many times more the task is tried after a failure."""
    backoff: ClassVar[float | tuple[float, ...]] = 1.0
    """Seconds before the first retry, doubled each time up to an hour; or the seconds before each."""
    retry_on: ClassVar[tuple[type[BaseException], ...]] = (Exception,)
    """Only these exceptions are worth another try."""
    timeout: ClassVar[float | None] = None
    """Seconds that one attempt may take; None: as the settings say."""

    _hides_private: ClassVar[bool] = True

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _adopt_annotations(cls)

    def retry_policy(self) -> Retry:
        """How often the task is tried again, and how long it may take."""
        from rumbo.pipeline.retry import typed_policy

        return typed_policy(self)


# From annotations to parameters ----------------------------------------------------------------------------------


def _adopt_annotations(cls: Any) -> None:
    """Put a Parameter in the place of each attribute that is one."""
    own = vars(cls)
    made: dict[str, Any] = {}
    kept = False
    annotations = _own_annotations(cls)
    for name, annotation in annotations.items():
        value = own.get(name, _no_value)
        if isinstance(value, Parameter):
            made[name], kept = value, True
        elif _may_be_parameter(cls, name, annotation):
            made[name] = _parameter_of(cls, name, annotation, value)
    if kept:
        _order_as_written(list(made.values()))
    for name, value in list(own.items()):
        inherited = None if name in annotations else _inherited(cls, name)
        if isinstance(inherited, Parameter) and _is_new_default(inherited, value):
            made[name] = _with_default(cls, name, inherited, value)
    for name, one in made.items():
        if one is not own.get(name):
            _attach(cls, name, one)


def _own_annotations(cls: Any) -> dict[str, Any]:
    if sys.version_info >= (3, 14):  # pragma: no cover - they are no longer in the class's dictionary
        from annotationlib import Format, get_annotations

        return get_annotations(cls, format=Format.FORWARDREF)
    return dict(vars(cls).get("__annotations__", {}))


def _is_new_default(inherited: Parameter[Any], value: Any) -> bool:
    """Whether a plain attribute gives an annotated parameter of a base class another default.

    To type checkers the parameter is still there, so it is. (Luigi's kinds are fixed by it: its programs expect that.)
    """
    return getattr(inherited, "_annotated", False) and not (
        isinstance(value, Parameter) or hasattr(type(value), "__get__")
    )


def _with_default(cls: Any, name: str, inherited: Parameter[Any], value: Any) -> Parameter[Any]:
    import copy

    made = copy.copy(inherited)
    made._default = value
    _check_default(cls, name, made, None)
    return made


def _attach(cls: Any, name: str, one: Any) -> None:
    inherited = _inherited(cls, name)
    if isinstance(inherited, Parameter):
        one._counter = inherited._counter  # an overridden parameter keeps its place
    setattr(cls, name, one)
    naming = getattr(type(one), "__set_name__", None)
    if naming:
        naming(one, cls, name)


def _inherited(cls: Any, name: str) -> Any:
    return next((vars(base)[name] for base in cls.__mro__[1:] if name in vars(base)), None)


def _order_as_written(parameters: list[Parameter[Any]]) -> None:
    """Let positional arguments follow the lines. Parameters that the class body made are older than those made here."""
    counters = sorted(one._counter for one in parameters)
    for one, counter in zip(parameters, counters, strict=True):
        one._counter = counter


def _may_be_parameter(cls: Any, name: str, annotation: Any) -> bool:
    if name.startswith("_") or _is_class_variable(annotation):
        return False
    if not hasattr(Task, name):
        return True
    if _is_method(name):
        raise AnnotationError(
            f"{cls.__qualname__}.{name} cannot be a parameter: {name} is a method of every task. "
            "Give the parameter another name."
        )
    return False  # a setting that every task has, such as priority


def _is_method(name: str) -> bool:
    return isinstance(vars(task.Task).get(name), (FunctionType, classmethod))


def _is_class_variable(annotation: Any) -> bool:
    if isinstance(annotation, str):
        head = annotation.split("[")[0].split(".")[-1].strip()
        return head in ("ClassVar", "Final")
    from typing import Final, get_origin

    return annotation in (ClassVar, Final) or get_origin(annotation) in (ClassVar, Final)


def _parameter_of(cls: Any, name: str, annotation: Any, value: Any) -> Parameter[Any]:
    specification = value if isinstance(value, Specification) else Specification(value, None, {})
    default = specification.default
    if specification.kind is not None:
        options = dict(specification.options)
        if default is not _no_value:
            options["default"] = default
        made = specification.kind(**options)
        made._annotated = True  # type: ignore[attr-defined]
        return made
    meaning = _resolved(cls, name, annotation)
    try:
        made = parameter_for(meaning, default, specification.options)
    except UnknownAnnotation as problem:
        text = annotation if isinstance(annotation, str) else annotation_text(annotation)
        raise AnnotationError(
            f"{cls.__qualname__}.{name}: {text} cannot be a parameter, since {problem}. If it is none, annotate it as "
            f"ClassVar[{text}]; if it is one, say how its values are written: "
            f"{name}: {text} = parameter(kind=...) with a Parameter class."
        ) from None
    made._annotated = True  # type: ignore[attr-defined]
    if made._default is not _no_value:
        _check_default(cls, name, made, annotation)
    return made


def _check_default(cls: Any, name: str, made: Parameter[Any], annotation: Any) -> None:
    try:
        made._default = made.normalize(made._default)
    except InvalidValueError as error:
        advice = ""
        if error.value is None and annotation is not None:
            text = annotation if isinstance(annotation, str) else annotation_text(annotation)
            advice = f" Annotate it as {text} | None."
        raise AnnotationError(f"{cls.__qualname__}.{name}: the default {error}{advice}") from None


def _resolved(cls: Any, name: str, annotation: Any) -> Any:
    """The annotation as an object. Names are looked up where the class is defined, in functions too."""
    if not isinstance(annotation, str):
        return annotation
    scope, local = _surroundings(cls)
    meaning: Any = annotation
    try:
        while isinstance(meaning, str):  # "'Quoted'" is text within text
            try:
                meaning = eval(meaning, scope, local)
            except NameError:  # only now: an attribute may have the name of its type
                meaning = eval(meaning, scope, {**local, **vars(cls)})
        return meaning
    except Exception as error:
        raise AnnotationError(
            f"{cls.__qualname__}.{name}: the annotation {annotation!r} cannot be understood: {error}. "
            "What a parameter's annotation names must be imported when the program runs, "
            "not only under TYPE_CHECKING."
        ) from error


def _surroundings(cls: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The names of the module, and of the functions and classes around the class, which are being run just now."""
    module = sys.modules.get(cls.__module__)
    names: dict[str, Any] = vars(module) if module else {}
    around: dict[str, Any] = {}
    outer = cls.__qualname__.rpartition(".")[0].removesuffix(".<locals>")
    frame: Any = sys._getframe(1)
    is_nearest = True
    while frame is not None:
        if frame.f_globals.get("__name__") == cls.__module__:
            if is_nearest:  # not always the module's own names: notebooks and exec() have others
                names, is_nearest = frame.f_globals, False
            if outer and frame.f_code.co_qualname == outer:
                around = {**frame.f_locals, **around}
                outer = outer.rpartition(".")[0].removesuffix(".<locals>")
        frame = frame.f_back
    return names, around


# The other kinds of tasks ----------------------------------------------------------------------------------------


class ExternalTask(Task, task.ExternalTask):
    """A task whose outputs somebody else makes: Rumbo only asks whether they exist."""


class WrapperTask(Task, task.WrapperTask):
    """A task that makes nothing itself, and is complete when all that it requires is."""


class Config(Task, task.Config):
    """A bag of parameters, filled from files and from the command line; its name is the section."""
