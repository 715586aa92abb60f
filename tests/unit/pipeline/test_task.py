"""The task in Luigi's style: values, names, completeness, and the errors of a constructor."""

from __future__ import annotations

import copy
import datetime as dt
import pickle
import warnings
from typing import Any

import pytest

from rumbo.errors import (
    DuplicateParameterError,
    MissingParameterError,
    ParameterError,
    TaskError,
    UnknownParameterError,
)
from rumbo.pipeline.parameter import Parameter, ParameterVisibility
from rumbo.pipeline.parameters.collections import DictParameter
from rumbo.pipeline.parameters.dates import DateParameter
from rumbo.pipeline.parameters.scalars import IntParameter
from rumbo.pipeline.registry import Register
from rumbo.pipeline.task import (
    BulkCompleteNotImplementedError,
    Config,
    ExternalTask,
    MixinNaiveBulkComplete,
    Task,
    WrapperTask,
    externalize,
)


class Clean(Task):
    date = DateParameter()
    limit = IntParameter(default=100)
    note = Parameter(default="", significant=False)
    keyword = IntParameter(default=0, positional=False)


DAY = dt.date(2013, 7, 10)


class Output:
    def __init__(self, exists: bool) -> None:
        self._exists = exists

    def exists(self) -> bool:
        return self._exists


class TestValues:
    def test_positions_follow_the_order_in_which_parameters_were_made(self) -> None:
        late = IntParameter()
        early = IntParameter()

        class Swapped(Task):
            a = early
            b = late

        assert Swapped(1, 2).param_kwargs == {"b": 1, "a": 2}

    def test_inherited_parameters_come_first(self) -> None:
        class More(Clean):
            extra = IntParameter()

        assert list(More(DAY, 5, "n", 7).param_kwargs) == ["date", "limit", "note", "keyword", "extra"]
        assert More(DAY, 5, "n", 7).extra == 7  # keyword takes no position

    def test_parameters_of_a_plain_mixin_count(self) -> None:
        class Dated:
            day = DateParameter()

        class Mixed(Dated, Task):
            pass

        assert Mixed(DAY).day == DAY

    def test_values_are_attributes_and_a_dictionary(self) -> None:
        task = Clean(DAY, limit=3)
        assert (task.date, task.limit, task.note) == (DAY, 3, "")
        assert task.param_kwargs == {"date": DAY, "limit": 3, "note": "", "keyword": 0}
        assert Clean.date is dict(Clean.get_params())["date"]

    def test_the_class_tells_its_parameters(self) -> None:
        assert [name for name, _ in Clean.get_params()] == ["date", "limit", "note", "keyword"]
        assert Clean.get_param_names() == ["date", "limit", "keyword"]
        assert Clean.get_param_names(include_significant=True) == ["date", "limit", "note", "keyword"]
        assert Clean.get_param_values(Clean.get_params(), [DAY], {"note": "n"}) == [
            ("date", DAY),
            ("limit", 100),
            ("note", "n"),
            ("keyword", 0),
        ]

    def test_texts_and_back(self) -> None:
        task = Clean(DAY, 3, "n")
        texts = {"date": "2013-07-10", "limit": "3", "note": "n", "keyword": "0"}
        assert task.to_str_params() == texts
        assert task.to_str_params(only_significant=True) == {"date": "2013-07-10", "limit": "3", "keyword": "0"}
        assert Clean.from_str_params(texts) is task
        assert Clean.from_str_params({"date": "2013-07-10", "unknown": "?"}) is Clean(DAY)

    def test_visibility_decides_who_sees_a_text(self) -> None:
        class Secretive(Task):
            a = Parameter()
            b = Parameter(visibility=ParameterVisibility.HIDDEN)
            c = Parameter(visibility=ParameterVisibility.PRIVATE)

        task = Secretive("1", "2", "3")
        assert task.to_str_params() == {"a": "1", "b": "2"}
        assert task.to_str_params(only_public=True) == {"a": "1"}
        assert task._get_param_visibilities() == {"a": 0, "b": 1}

    def test_a_list_of_texts_becomes_one_value_by_the_batch_method(self) -> None:
        class Batched(Task):
            day = DateParameter(batch_method=max)
            x = IntParameter()

        assert Batched.from_str_params({"day": ["2013-07-10", "2013-07-12"], "x": "1"}).day == dt.date(2013, 7, 12)
        assert Batched.batch_param_names() == ["day"]
        assert Batched(DAY, 1).batchable
        assert not Clean(DAY).batchable

    def test_a_changed_dictionary_of_values_is_what_is_written(self) -> None:
        task = Clean(DAY)
        task.param_kwargs["limit"] = 7
        assert task.to_str_params()["limit"] == "7"

    def test_a_doubtful_value_is_warned_of(self) -> None:
        class Texts(Task):
            x = Parameter()

        with pytest.warns(UserWarning, match='Parameter "x" with value "5" is not of type string.'):
            Texts(x=5)

    def test_param_args_are_deprecated(self) -> None:
        with pytest.warns(DeprecationWarning, match="param_args is deprecated, use param_kwargs."):
            assert Clean(DAY).param_args == (DAY, 100, "", 0)

    def test_a_class_may_find_its_values_in_its_own_way(self) -> None:
        class Own(Task):
            x = IntParameter()

            @classmethod
            def get_param_values(cls, params: Any, args: Any, kwargs: Any) -> Any:
                return [(name, value * 2) for name, value in super().get_param_values(params, args, kwargs)]

        class Derived(Own):
            def __init__(self, *args: Any, **kwargs: Any) -> None:
                super().__init__(*args, **kwargs)

        assert Own(2).x == 4
        assert Own(2) is Own(x=2)
        assert Derived(2).x == 4

    def test_a_class_may_name_its_parameters_in_its_own_way(self) -> None:
        extra: list[Any] = []

        class Own(Task):
            x = IntParameter()

            @classmethod
            def get_params(cls) -> Any:
                return [("x", Own.x), *extra]

        assert Own(2).param_kwargs == {"x": 2}
        extra.append(("y", IntParameter(default=9)))
        assert Own(2).param_kwargs == {"x": 2, "y": 9}


class TestErrorsOfAConstructor:
    def test_missing(self) -> None:
        with pytest.raises(MissingParameterError) as caught:
            Clean()
        assert str(caught.value) == (
            "Clean.date has no value, and no default. Give it as Clean(date=...), as --date on the command line when "
            "Clean is the task to run, as --Clean-date otherwise, or as date in [tasks.Clean] of rumbo.toml or in "
            "[Clean] of luigi.cfg."
        )

    def test_unknown_with_a_near_miss(self) -> None:
        with pytest.raises(UnknownParameterError) as caught:
            Clean(DAY, limti=3)
        assert str(caught.value) == "Clean has no parameter limti. Did you mean limit?"

    def test_unknown_without_a_near_miss(self) -> None:
        with pytest.raises(UnknownParameterError) as caught:
            Clean(DAY, colour="red")
        assert str(caught.value) == "Clean has no parameter colour. It has: date, limit, note, keyword."

    def test_unknown_where_there_are_none(self) -> None:
        class Bare(Task):
            pass

        with pytest.raises(UnknownParameterError) as caught:
            Bare(x=1)
        assert str(caught.value) == "Bare has no parameter x. It has no parameters."

    def test_a_misspelt_name_explains_a_missing_value(self) -> None:
        with pytest.raises(UnknownParameterError, match=r"Did you mean date\?"):
            Clean(dat=DAY)

    def test_twice(self) -> None:
        with pytest.raises(DuplicateParameterError) as caught:
            Clean(DAY, 5, limit=6)
        assert str(caught.value) == "Clean.limit was given twice: 5 by position and 6 by name. Leave one out."

    def test_too_many_by_position(self) -> None:
        with pytest.raises(UnknownParameterError) as caught:
            Clean(DAY, 5, "n", 7)
        assert str(caught.value) == (
            "Clean takes 3 positional values (date, limit, note), but 4 were given: "
            "datetime.date(2013, 7, 10), 5, 'n', 7."
        )

    def test_a_value_of_the_wrong_type(self) -> None:
        with pytest.raises(ParameterError) as caught:
            Clean("2013-07-10")
        assert str(caught.value) == (
            "Clean.date: '2013-07-10' is not a datetime.date, for example datetime.date(2013, 7, 10). "
            "It was given to the constructor."
        )

    def test_a_text_that_does_not_parse(self) -> None:
        with pytest.raises(ValueError) as caught:
            Clean.from_str_params({"date": "10.7.2013"})
        assert str(caught.value) == (
            "Clean.date: '10.7.2013' is not a date of the form YYYY-MM-DD, for example 2013-07-10. "
            "It is the text of date."
        )
        assert isinstance(caught.value, ParameterError)

    def test_a_bare_error_of_a_programs_own_parameter_is_explained(self) -> None:
        class Even(Parameter[int]):
            def normalize(self, value: Any) -> int:
                if value % 2:
                    raise ValueError("odd")
                return int(value)

        class Numbers(Task):
            n = Even()

        with pytest.raises(ValueError) as caught:
            Numbers(n=3)
        assert str(caught.value) == "Numbers.n: 3 cannot be used: odd. It was given to the constructor."
        assert isinstance(caught.value.__cause__, ValueError)

    def test_an_error_of_a_programs_own_class_passes_through(self) -> None:
        class OwnError(Exception):
            pass

        class Refusing(Parameter[int]):
            def normalize(self, value: Any) -> int:
                raise OwnError

        class Numbers(Task):
            n = Refusing()

        with pytest.raises(OwnError):
            Numbers(n=3)

    def test_a_default_that_does_not_fit(self) -> None:
        class Wrong(Task):
            day = DateParameter(default="today")  # type: ignore[arg-type]

        with pytest.raises(ParameterError) as caught:
            Wrong()
        assert str(caught.value) == (
            "Wrong.day: 'today' is not a datetime.date, for example datetime.date(2013, 7, 10). "
            "It is the default of the parameter."
        )


class TestOneAmongOthers:
    def test_equal_by_class_and_id(self) -> None:
        class Derived(Clean):
            pass

        assert Clean(DAY, note="a") == Clean(DAY, note="b")
        assert hash(Clean(DAY, note="a")) == hash(Clean(DAY, note="b"))
        assert Clean(DAY) != Derived(DAY)
        assert Clean(DAY) != "Clean"

    def test_shown_with_significant_values_in_order(self) -> None:
        assert repr(Clean(DAY, 3, "n")) == str(Clean(DAY, 3)) == "Clean(date=2013-07-10, limit=3, keyword=0)"

    def test_pickled_and_copied(self) -> None:
        task = Clean(DAY, 3)
        for twin in (pickle.loads(pickle.dumps(task)), copy.copy(task), copy.deepcopy(task)):
            assert twin == task
            assert twin.to_str_params() == task.to_str_params()

    def test_the_class_has_no_id(self) -> None:
        assert not isinstance(Clean.task_id, str)

    def test_own_attributes_are_allowed(self) -> None:
        task = Clean(DAY)
        task.remembered = 5  # type: ignore[attr-defined]
        assert Clean(DAY).remembered == 5  # type: ignore[attr-defined]

    def test_a_constructor_that_forgets_super(self) -> None:
        class Forgetful(Task):
            x = IntParameter(default=1)

            def __init__(self) -> None:
                pass

        task = Forgetful()
        assert not task.initialized()
        assert Clean(DAY).initialized()
        assert repr(task) == "Forgetful(not initialized)"
        with pytest.raises(TaskError) as caught:
            _ = task.task_id
        assert str(caught.value) == (
            "Task of class Forgetful not initialized. Its __init__ must call super().__init__(*args, **kwargs)."
        )

    def test_a_constructor_may_change_its_arguments(self) -> None:
        class Doubling(Task):
            x = IntParameter()

            def __init__(self, x: int, **kwargs: Any) -> None:
                super().__init__(x=x * 2, **kwargs)

        assert Doubling(x=2).x == 4
        assert Doubling(x=2).to_str_params() == {"x": "4"}


class TestClone:
    def test_with_some_values_changed(self) -> None:
        assert Clean(DAY, 3).clone(limit=4) is Clean(DAY, 4)

    def test_to_another_class_by_name(self) -> None:
        class Other(Task):
            limit = IntParameter()
            note = Parameter(default="d")
            extra = IntParameter(default=1)

        assert Clean(DAY, 3, "n").clone(Other, extra=2) is Other(3, "n", 2)

    def test_any_attribute_of_the_name_will_do(self) -> None:
        class Sized(Task):
            size = IntParameter()

        class Source(Task):
            @property
            def size(self) -> int:
                return 7

        assert Source().clone(Sized) is Sized(7)

    def test_what_the_class_does_not_know_is_passed_over(self) -> None:
        assert Clean(DAY).clone(unknown=1) is Clean(DAY)


class TestCompleteness:
    def test_by_outputs(self) -> None:
        class Making(Task):
            done = IntParameter()

            def output(self) -> Any:
                return {"a": Output(True), "b": [Output(bool(self.done))]}

        assert Making(1).complete()
        assert not Making(0).complete()

    def test_without_outputs_never_and_with_a_warning(self) -> None:
        with pytest.warns(UserWarning, match="without outputs") as caught:
            assert Clean(DAY).complete() is False
        assert str(caught[0].message) == (
            "Task Clean(date=2013-07-10, limit=100, keyword=0) without outputs has no custom complete() method"
        )

    def test_a_wrapper_is_complete_when_its_requirements_are(self) -> None:
        class Part(Task):
            done = IntParameter()

            def complete(self) -> bool:
                return bool(self.done)

        class Whole(WrapperTask):
            last = IntParameter()

            def requires(self) -> Any:
                return [Part(1), Part(self.last)]

        assert Whole(1).complete()
        assert not Whole(0).complete()
        assert Whole(0).deps() == [Part(1), Part(0)]

    def test_bulk_is_not_implemented_by_default(self) -> None:
        with pytest.raises(BulkCompleteNotImplementedError):
            Clean.bulk_complete([DAY])

    def test_bulk_by_asking_each(self) -> None:
        class Even(MixinNaiveBulkComplete, Task):
            n = IntParameter()
            m = IntParameter(default=0)

            def complete(self) -> bool:
                return bool((self.n + self.m) % 2 == 0)

        assert Even.bulk_complete([1, 2, (1, 1), [1, 2], {"n": 4}]) == [2, (1, 1), {"n": 4}]


class TestExternal:
    def test_an_external_task_is_never_run(self) -> None:
        assert ExternalTask.run is None

    def test_a_class_made_external(self) -> None:
        External = externalize(Clean)
        assert External.run is None
        assert Clean.run is not None
        assert External(DAY).task_id == Clean(DAY).task_id
        assert External(DAY) != Clean(DAY)
        assert (External.__name__, External.__module__) == ("Clean", __name__)
        assert External not in Register._get_reg().values()

    def test_a_task_made_external(self) -> None:
        external = externalize(Clean(DAY))
        assert external.run is None
        assert Clean(DAY).run is not None
        assert external == Clean(DAY)


class TestSettings:
    def test_resources_by_method(self) -> None:
        class Greedy(Task):
            resources = {"cpu": 2}

        assert Greedy().process_resources() == {"cpu": 2}

    @pytest.mark.parametrize(
        ("owner", "owners"), [(None, []), ("a@x,b@x", ["a@x", "b@x"]), (("a@x", "b@x"), ["a@x", "b@x"])]
    )
    def test_owners(self, owner: Any, owners: list[str]) -> None:
        assert Register("Owned", (Task,), {"owner_email": owner})()._owner_list() == owners

    def test_the_old_name_of_the_window(self) -> None:
        class Windowed(Task):
            disable_window = 5

        with pytest.warns(DeprecationWarning, match="disable_window_seconds is deprecated, use disable_window."):
            assert Windowed().disable_window_seconds == 5

    def test_a_failure_is_explained_by_its_traceback(self) -> None:
        try:
            raise ZeroDivisionError("no")
        except ZeroDivisionError as error:
            text = Clean(DAY).on_failure(error)
        assert text.startswith("Runtime error:\nTraceback")
        assert text.endswith("ZeroDivisionError: no\n")
        assert Clean(DAY).on_success() is None

    def test_nothing_unpicklable_within_the_block(self) -> None:
        task = Clean(DAY)
        speak = task.set_status_message = lambda text: None
        with task.no_unpicklable_properties():
            assert pickle.loads(pickle.dumps(task)) == task
        assert task.set_status_message is speak
        assert task.set_tracking_url is None

    def test_a_config_is_a_bag_of_parameters(self) -> None:
        class settings(Config):
            x = IntParameter(default=3)

        assert settings().x == 3
        assert settings.get_task_family() == "settings"

    def test_a_read_only_mapping_is_a_value(self) -> None:
        class Mapped(Task):
            m = DictParameter()

        task = Mapped({"a": [1]})
        assert task.m == {"a": (1,)}
        assert Mapped({"a": [1]}) is task
        with pytest.raises(TypeError):
            task.m["b"] = 1  # type: ignore[index]


def test_making_many_tasks_warns_of_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len({Clean(DAY, limit).task_id for limit in range(100)}) == 100
