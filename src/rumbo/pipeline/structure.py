"""Nested shapes of tasks and targets: made flat, or walked with the shape kept."""

from __future__ import annotations

from collections import defaultdict, deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from rumbo.pipeline.task import Task


def flatten(struct: Any) -> list[Any]:
    """All items of a nested structure, in order. None counts as nothing, a text as one item.

    >>> flatten({'a': 'foo', 'b': ['bar', ('troll',)]})
    ['foo', 'bar', 'troll']
    """
    flat: list[Any] = []
    _flatten_into(flat, struct, {})
    return flat


def _flatten_into(flat: list[Any], struct: Any, items_by_class: dict[type, bool]) -> None:
    if struct is None:
        return
    kind = type(struct)
    is_item = items_by_class.get(kind)
    if is_item is None:
        # Asking the class first spares most items, which are tasks or targets, the price of a raised TypeError.
        has_parts = hasattr(kind, "__iter__") or hasattr(kind, "__getitem__")
        is_item = items_by_class[kind] = issubclass(kind, str) or not has_parts
    if is_item:
        flat.append(struct)
        return
    if isinstance(struct, dict):
        struct = struct.values()
    try:
        items = iter(struct)
    except TypeError:
        flat.append(struct)
        return
    for item in items:
        if items_by_class.get(type(item)):
            flat.append(item)
        else:
            _flatten_into(flat, item, items_by_class)


def getpaths(struct: Any) -> Any:
    """The same shape with each task replaced by its output.

    Dictionaries, lists and tuples keep their class; any other iterable becomes a list.
    """
    return rebuild(struct, _output_of)


def _output_of(task: Task) -> Any:
    return task.output()


def rebuild(struct: Any, replace: Callable[[Task], Any]) -> Any:
    """The same shape with each task replaced by what ``replace`` makes of it.

    Raises:
        TaskError: something in the structure is neither a task nor a collection of tasks.
    """
    from rumbo.pipeline.task import Task

    if isinstance(struct, Task):
        return replace(struct)
    if isinstance(struct, dict):
        return _same_mapping(struct, {key: rebuild(value, replace) for key, value in struct.items()})
    if isinstance(struct, (list, tuple)):
        return _same_sequence(struct, [rebuild(item, replace) for item in struct])
    try:
        items = iter(struct)
    except TypeError:
        from rumbo.errors import TaskError

        raise TaskError(
            f"{struct!r} is of type {type(struct).__name__}, where a task or a list, tuple or dictionary of tasks "
            "is needed. "
            "Return tasks (not their targets, not their classes) from requires()."
        ) from None
    return [rebuild(item, replace) for item in items]


def _same_mapping(like: Any, content: dict[Any, Any]) -> Any:
    if type(like) is dict:
        return content
    if isinstance(like, defaultdict):
        return type(like)(like.default_factory, content)
    return type(like)(content)


def _same_sequence(like: list[Any] | tuple[Any, ...], content: list[Any]) -> Any:
    if type(like) is list:
        return content
    if hasattr(like, "_fields"):  # a named tuple takes its items one by one
        return type(like)(*content)
    return type(like)(content)


def flatten_output(task: Task) -> list[Any]:
    """All targets of a task; of a task without outputs, those of the tasks it requires, and so on down."""
    with_outputs: dict[Task, None] = {}
    seen: set[Task] = set()
    waiting = deque([task])
    while waiting:
        current = waiting.popleft()
        if current in seen:
            continue
        seen.add(current)
        if flatten(current.output()):
            with_outputs[current] = None
        else:
            waiting.extend(flatten(current.requires()))
    return flatten(found.output() for found in with_outputs)
