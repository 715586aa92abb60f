"""Classes are found by family; the same class and values are the same task."""

from __future__ import annotations

import sys
import threading
from types import ModuleType
from typing import Any

import pytest

from rumbo.errors import RegistryError, TaskAmbiguousError, TaskNotFoundError
from rumbo.pipeline import config, registry
from rumbo.pipeline.parameter import Parameter
from rumbo.pipeline.parameters.collections import ListParameter
from rumbo.pipeline.parameters.dates import DateParameter
from rumbo.pipeline.parameters.scalars import IntParameter
from rumbo.pipeline.registry import Register, load_root, load_task
from rumbo.pipeline.task import Task, auto_namespace, namespace


def define(name: str, **body: Any) -> Any:
    return Register(name, (Task,), {"__module__": __name__, **body})


class TestFamilies:
    def test_a_class_is_found_by_its_name(self) -> None:
        cls = define("Simple")
        assert registry.get_task_cls("Simple") is cls
        assert "Simple" in registry.task_names()
        assert "Simple" in Register.tasks_str().split(",")

    def test_a_namespace_stands_before_the_name(self) -> None:
        namespace("ns")
        cls = define("Spaced")
        assert cls.get_task_family() == cls.task_family == "ns.Spaced"
        assert cls().task_family == "ns.Spaced"
        assert registry.get_task_cls("ns.Spaced") is cls

    def test_a_namespace_holds_for_classes_defined_later(self) -> None:
        before = define("Early")
        namespace("ns")
        assert before.get_task_family() == "Early"

    def test_the_longest_scope_counts(self) -> None:
        namespace("all")
        namespace("package", scope="a")
        namespace("module", scope="a.b")
        assert define("X", __module__="a.b.c").get_task_namespace() == "module"
        assert define("X", __module__="a.z").get_task_namespace() == "package"
        assert define("X", __module__="z").get_task_namespace() == "all"

    def test_auto_namespace_is_the_module(self) -> None:
        auto_namespace(scope="a")
        assert define("X", __module__="a.b").get_task_family() == "a.b.X"

    def test_task_namespace_overrides_and_is_inherited(self) -> None:
        namespace("ns")
        own = define("Own", task_namespace="mine")
        derived = Register("Derived", (own,), {})
        assert derived.get_task_family() == "mine.Derived"
        assert define("Reset", task_namespace="").get_task_family() == "Reset"

    def test_a_namespace_set_on_a_class_later_is_seen(self) -> None:
        cls = define("Moved")
        assert cls().task_id.startswith("Moved_")
        cls.task_namespace = "elsewhere"
        assert registry.get_task_cls("elsewhere.Moved") is cls

    def test_a_derived_class_takes_the_name_over(self) -> None:
        base = define("Wrapped")
        wrapper = Register("Wrapped", (base,), {})
        assert registry.get_task_cls("Wrapped") is wrapper

    def test_an_invisible_class_is_not_found(self) -> None:
        define("Hidden", _visible_in_registry=False)
        with pytest.raises(TaskNotFoundError):
            registry.get_task_cls("Hidden")

    def test_the_registry_can_be_read_and_put_back(self) -> None:
        define("Temporary")
        saved = Register._get_reg()
        saved.pop("Temporary")
        Register._set_reg(saved)
        assert "Temporary" not in registry.task_names()

    def test_all_parameters_of_all_tasks(self) -> None:
        parameter = Parameter()
        define("Holder", x=parameter)
        define("Flat", x=parameter, use_cmdline_section=False)
        found = [entry for entry in Register.get_all_params() if entry[0] in ("Holder", "Flat")]
        assert found == [("Holder", False, "x", parameter), ("Flat", True, "x", parameter)]


class TestErrors:
    def test_an_unknown_name_with_near_misses(self) -> None:
        define("CountWords")
        define("CountLines")
        with pytest.raises(TaskNotFoundError) as caught:
            registry.get_task_cls("CountWord")
        assert str(caught.value) == "No task CountWord. Did you mean:\nCountWords\nCountLines"
        assert isinstance(caught.value, registry.TaskClassNotFoundException)
        assert isinstance(caught.value, registry.TaskClassException)

    def test_an_unknown_name_without_near_misses(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Register, "_reg", [])
        define("One")
        with pytest.raises(RegistryError) as caught:
            registry.get_task_cls("SomethingElseEntirely")
        assert str(caught.value) == (
            "No task SomethingElseEntirely. Name the module that defines it with --module, or import it. "
            "Candidates are: One"
        )

    def test_two_unrelated_classes_of_one_name(self) -> None:
        define("Twice", __qualname__="First")
        define("Twice", __qualname__="Second", __module__="elsewhere")
        with pytest.raises(TaskAmbiguousError) as caught:
            registry.get_task_cls("Twice")
        assert str(caught.value) == (
            f"Task 'Twice' is ambiguous: it is the name of {__name__}.First and of elsewhere.Second. "
            "Rename one, or set task_namespace on one of them."
        )
        assert isinstance(caught.value, registry.TaskClassAmbigiousException)

    def test_ambiguity_matters_only_to_who_looks_the_name_up(self) -> None:
        first, second = define("Both"), define("Both")
        assert first() is not second()
        assert Register._get_reg()["Both"] is Register.AMBIGUOUS_CLASS


class TestInstances:
    def test_the_same_values_are_the_same_task(self) -> None:
        cls = define("Cached", x=IntParameter(), y=Parameter(default="d"))
        assert cls(1) is cls(x=1) is cls(1, "d") is cls(x=1, y="d")
        assert cls(1) is not cls(2)

    def test_values_are_compared_after_normalizing(self) -> None:
        import datetime as dt

        cls = define("Normalized", day=DateParameter())
        assert cls(dt.date(2020, 1, 1)) is cls(dt.datetime(2020, 1, 1, 23, 59))

    def test_insignificant_values_make_equal_but_distinct_tasks(self) -> None:
        cls = define("Quiet", x=IntParameter(), y=IntParameter(significant=False))
        assert cls(1, 2) is not cls(1, 3)
        assert cls(1, 2) == cls(1, 3)

    def test_init_runs_once(self) -> None:
        runs = []

        class Counting(Task):
            x = IntParameter()

            def __init__(self, *args: Any, **kwargs: Any) -> None:
                super().__init__(*args, **kwargs)
                runs.append(self.x)

        assert Counting(1) is Counting(1)
        assert runs == [1]

    def test_lists_become_tuples(self) -> None:
        class Plain(Parameter[Any]):
            """Takes what it gets."""

        cls = define("Lists", x=Plain(), y=ListParameter())
        made = cls(x=[1, 2], y=[[1]])
        assert (made.x, made.y) == ((1, 2), ((1,),))
        assert made is cls(x=(1, 2), y=((1,),))

    def test_the_cache_can_be_cleared(self) -> None:
        cls = define("Cleared", x=IntParameter())
        before = cls(1)
        Register.clear_instance_cache()
        assert cls(1) is not before
        assert cls(1) == before

    def test_the_cache_can_be_disabled(self) -> None:
        cls = define("Separate", x=IntParameter())
        Register.disable_instance_cache()
        assert cls(1) is not cls(1)
        assert cls(1) == cls(1)

    def test_threads_get_the_same_task(self) -> None:
        cls = define("Shared", x=IntParameter())
        start = threading.Barrier(4)
        made: list[list[int]] = []

        def make() -> None:
            start.wait()
            made.append([id(cls(number)) for number in range(50)])

        threads = [threading.Thread(target=make) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert made[0] == made[1] == made[2] == made[3]

    def test_a_metaclass_of_a_programs_own_may_wrap_the_making(self) -> None:
        made = []

        class Watching(Register):
            def __call__(cls, *args: Any, **kwargs: Any) -> Any:  # noqa: N805 - a metaclass
                task = super().__call__(*args, **kwargs)  # type: ignore[misc]
                made.append(task)
                return task

        class Watched(Task, metaclass=Watching):
            x = IntParameter()

        assert Watched(1) is made[0]


class TestParametersAttachedLater:
    def test_a_new_parameter_is_seen_by_the_class_and_those_derived_from_it(self) -> None:
        base = define("Base", x=IntParameter())
        derived = Register("Derived", (base,), {})
        before = derived(1)
        base.y = IntParameter(default=5)
        assert [name for name, _ in derived.get_params()] == ["x", "y"]
        assert derived(1).y == 5
        assert before.to_str_params() == {"x": "1"}
        assert repr(before) == "Derived(x=1)"

    def test_a_parameter_can_be_fixed_or_taken_away(self) -> None:
        base = define("Fixed", x=IntParameter(default=1), y=IntParameter(default=2))
        assert base().to_str_params() == {"x": "1", "y": "2"}
        base.x = 9
        assert base().to_str_params() == {"y": "2"}
        assert base().x == 9
        del base.y
        assert base().to_str_params() == {}

    def test_a_constructor_attached_later_is_called(self) -> None:
        cls = define("Late", x=IntParameter())
        cls(1)

        def init(self: Any, *args: Any, **kwargs: Any) -> None:
            Task.__init__(self, *args, **kwargs)
            self.extra = True

        cls.__init__ = init
        assert cls(2).extra


class TestLoading:
    def test_a_task_travels_as_module_family_and_texts(self) -> None:
        cls = define("Traveller", x=IntParameter(), y=Parameter(default="d"))
        assert load_task(None, "Traveller", {"x": "3"}) is cls(3)
        assert load_task(__name__, "Traveller", {"x": "3", "unknown": "1"}) is cls(3)

    def test_the_module_is_imported_first(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
        (tmp_path / "far_away_tasks.py").write_text(
            "from rumbo.pipeline.task import Task\nclass FarAway(Task):\n    pass\n", encoding="utf-8"
        )
        monkeypatch.syspath_prepend(tmp_path)
        assert load_task("far_away_tasks", "FarAway", {}).task_module == "far_away_tasks"
        module = sys.modules.pop("far_away_tasks")
        assert isinstance(module, ModuleType)

    def test_the_root_takes_the_texts_of_the_command_line(self) -> None:
        cls = define("Root", x=IntParameter(), y=Parameter(default="d"), flag=IntParameter(default=0))
        assert load_root("Root", {"x": "3", "y": "", "flag": None}) is cls(3)

    def test_a_text_of_the_root_that_does_not_parse(self) -> None:
        define("Root", my_x=IntParameter())
        with pytest.raises(ValueError) as caught:
            load_root("Root", {"my_x": "three"})
        assert str(caught.value) == (
            "Root.my_x: 'three' is not a whole number, for example 42 or -7. "
            "It was given as --my-x on the command line."
        )

    def test_values_of_the_root_hold_for_the_root_alone(self) -> None:
        cls = define("Root", x=IntParameter(default=1))
        with config.command_line_values({}, root=("Root", {"x": "5"})) as line:
            assert line.root is not None
            assert load_root(*line.root).param_kwargs == {"x": 5}
            assert cls().x == 1


def test_setting_the_registry_counts_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Register, "_reg", list(Register._reg))
    for _ in range(20):  # a list that is thrown away often leaves its place to the next one
        before = Register._get_reg()
        define("Passing")
        assert "Passing" in Register.task_names()
        Register._set_reg(before)
        assert "Passing" not in Register.task_names()
