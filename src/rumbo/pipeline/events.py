"""What happens to tasks, and the user's functions that hear of it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    Handler = TypeVar("Handler", bound=Callable[..., Any])


class Event:
    """The names of events. A program may fire events with names of its own."""

    DEPENDENCY_DISCOVERED = "event.core.dependency.discovered"  # task, the task it needs
    DEPENDENCY_MISSING = "event.core.dependency.missing"  # task
    DEPENDENCY_PRESENT = "event.core.dependency.present"  # task
    BROKEN_TASK = "event.core.task.broken"  # task, exception of requires()
    START = "event.core.start"  # task
    PROGRESS = "event.core.progress"  # fired by users' code only
    FAILURE = "event.core.failure"  # task, exception
    SUCCESS = "event.core.success"  # task
    PROCESSING_TIME = "event.core.processing_time"  # task, seconds
    TIMEOUT = "event.core.timeout"  # task, message
    PROCESS_FAILURE = "event.core.process_failure"  # task, message


Callbacks = dict[type, dict[str, dict["Callable[..., Any]", None]]]


def add_handler(callbacks: Callbacks, cls: type, event: str, handler: Callable[..., Any]) -> None:
    """From now on ``handler`` hears of ``event`` on instances of ``cls``; adding it twice changes nothing."""
    callbacks.setdefault(cls, {}).setdefault(event, {})[handler] = None


def remove_handler(callbacks: Callbacks, cls: type, event: str, handler: Callable[..., Any]) -> None:
    """``handler`` hears no more of ``event`` on ``cls``.

    Raises:
        KeyError: it was not registered there.
    """
    del callbacks[cls][event][handler]


def fire(task: Any, event: str, *args: Any, **kwargs: Any) -> None:
    """Tell every handler of ``event`` on the task's class and its ancestors, in the order they were added."""
    callbacks: Callbacks = task._event_callbacks
    if not callbacks:
        return
    for cls, by_event in list(callbacks.items()):
        handlers = by_event.get(event)
        if not handlers or not isinstance(task, cls):
            continue
        for handler in list(handlers):
            try:
                handler(*args, **kwargs)
            except KeyboardInterrupt:
                return  # as Luigi does: the interrupt ends the telling, the task goes on
            except BaseException:  # a listener's error must not become the task's; it is logged
                import logging

                logging.getLogger("luigi-interface").exception("Error in event callback for %r", event)
