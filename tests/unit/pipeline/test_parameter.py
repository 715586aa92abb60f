from __future__ import annotations

import copy
import pickle
import warnings
from typing import Any

import pytest

from rumbo import errors
from rumbo.pipeline import config
from rumbo.pipeline.parameter import (
    DuplicateParameterException,
    InvalidValueError,
    MissingParameterException,
    OptionalParameterMixin,
    OptionalParameterTypeWarning,
    Parameter,
    ParameterException,
    ParameterVisibility,
    UnknownParameterException,
    _no_value,
    _NoValueType,
    shortened,
)
from rumbo.pipeline.parameters.scalars import IntParameter


def test_options_are_attributes() -> None:
    parameter: Parameter[str] = Parameter(
        default="x",
        significant=False,
        description="What it is.",
        positional=False,
        always_in_help=True,
        visibility=ParameterVisibility.HIDDEN,
    )
    assert parameter._default == "x"
    assert parameter.significant is False
    assert parameter.description == "What it is."
    assert parameter.positional is False
    assert parameter.always_in_help is True
    assert parameter.visibility is ParameterVisibility.HIDDEN


def test_options_have_luigis_defaults() -> None:
    parameter: Parameter[str] = Parameter()
    assert parameter._default is _no_value
    assert parameter._batch_method is None
    assert parameter.significant is True
    assert parameter.description is None
    assert parameter.positional is True
    assert parameter.always_in_help is False
    assert parameter.visibility is ParameterVisibility.PUBLIC


def test_later_parameters_have_higher_counters() -> None:
    first, second = Parameter(), IntParameter()
    assert first._counter < second._counter < Parameter._counter


def test_a_parameter_is_no_data_descriptor() -> None:
    class Holder:
        x: Any = Parameter()

    holder = Holder()
    assert isinstance(holder.x, Parameter)
    holder.__dict__["x"] = "value"
    assert holder.x == "value"
    assert isinstance(Holder.x, Parameter)
    assert not hasattr(Parameter, "__get__")


def test_is_global_means_not_positional() -> None:
    with pytest.warns(DeprecationWarning, match=r"^is_global support is removed. Assuming positional=False$"):
        assert Parameter(is_global=True).positional is False


def test_an_unknown_visibility_is_public() -> None:
    assert Parameter(visibility=7).visibility is ParameterVisibility.PUBLIC  # type: ignore[arg-type]
    assert Parameter(visibility=2).visibility == ParameterVisibility.PRIVATE  # type: ignore[arg-type]
    assert ParameterVisibility.HIDDEN.serialize() == 1


def test_config_path_needs_both_keys() -> None:
    with pytest.raises(errors.ParameterError) as raised:
        Parameter(config_path={"section": "core"})  # type: ignore[typeddict-item]
    assert str(raised.value) == (
        'config_path is {\'section\': \'core\'}, but needs both keys: {"section": "the section", "name": "the option"}.'
    )


def test_the_missing_value_is_one_object_also_after_copying() -> None:
    assert _NoValueType() is _no_value
    assert copy.deepcopy(_no_value) is _no_value
    assert pickle.loads(pickle.dumps(_no_value)) is _no_value
    assert repr(_no_value) == "<no_value>"


def test_luigis_names_of_errors_are_ours() -> None:
    assert ParameterException is errors.ParameterError
    assert MissingParameterException is errors.MissingParameterError
    assert UnknownParameterException is errors.UnknownParameterError
    assert DuplicateParameterException is errors.DuplicateParameterError


def test_an_invalid_value_is_two_errors_and_travels_between_processes() -> None:
    error = pickle.loads(pickle.dumps(InvalidValueError("x", "a whole number, for example 42")))
    assert isinstance(error, errors.ParameterError)
    assert isinstance(error, ValueError)
    assert (error.value, error.expected) == ("x", "a whole number, for example 42")
    assert str(error) == "'x' is not a whole number, for example 42."


def test_long_values_are_cut_in_messages() -> None:
    assert shortened("short") == "'short'"
    assert shortened("x" * 500) == "'" + "x" * 196 + "..."


# Batches ---------------------------------------------------------------------------------------------------------


def test_a_batch_method_joins_parsed_values() -> None:
    parameter = IntParameter(batch_method=max)
    assert parameter._is_batchable()
    assert parameter._parse_list(["3", "20", "1"]) == 20


def test_an_empty_batch_has_no_value() -> None:
    with pytest.raises(ValueError, match=r"^A batch needs at least one value, but the list is empty.$"):
        IntParameter(batch_method=max)._parse_list([])


def test_without_a_batch_method_there_is_no_batch() -> None:
    assert not IntParameter()._is_batchable()
    with pytest.raises(
        NotImplementedError, match=r"^IntParameter has no batch_method, so several values cannot become one.$"
    ):
        IntParameter()._parse_list(["1"])


# Warnings --------------------------------------------------------------------------------------------------------


def test_a_text_parameter_warns_of_other_values() -> None:
    with pytest.warns(UserWarning, match=r'^Parameter "x" with value "5" is not of type string.$'):
        Parameter()._warn_on_wrong_param_type("x", 5)


def test_no_other_kind_warns(recwarn: pytest.WarningsRecorder) -> None:
    Parameter()._warn_on_wrong_param_type("x", "text")
    IntParameter()._warn_on_wrong_param_type("x", "text")
    assert not recwarn.list


class MaybeInt(OptionalParameterMixin[int], IntParameter):  # type: ignore[misc]
    expected_type = int


class MaybeNumber(OptionalParameterMixin[float], Parameter[float]):  # type: ignore[misc]
    expected_type = (int, float)


def test_optional_parameters_warn_of_wrong_types() -> None:
    with pytest.warns(
        OptionalParameterTypeWarning,
        match=r'^MaybeInt "x" with value "a" is not of type "int" or None.$',
    ):
        MaybeInt()._warn_on_wrong_param_type("x", "a")
    with pytest.warns(
        OptionalParameterTypeWarning,
        match=r'^MaybeNumber "x" with value "a" is not of any type in \["int", "float"\] or None.$',
    ):
        MaybeNumber()._warn_on_wrong_param_type("x", "a")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        MaybeInt()._warn_on_wrong_param_type("x", None)
        MaybeInt()._warn_on_wrong_param_type("x", 5)


def test_a_users_own_optional_kind() -> None:
    parameter = MaybeInt()
    assert parameter._default is None
    assert parameter.parse("") is None
    assert parameter.parse("5") == 5
    assert parameter.parse(5) == 5
    assert parameter.serialize(None) == ""
    assert parameter.serialize(5) == "5"
    assert parameter.normalize(None) is None
    assert parameter.next_in_enumeration(5) is None


# Asking one parameter by itself ----------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _no_files() -> Any:
    before = config.use(config.Configuration())
    yield
    config.use(before)


def test_the_default_is_the_weakest_source() -> None:
    parameter = IntParameter(default=1)
    assert parameter.has_task_value("Clean", "limit")
    assert parameter.task_value("Clean", "limit") == 1
    config.get_config().set("Clean", "limit", "2")
    assert parameter.task_value("Clean", "limit") == 2
    with config.command_line_values({("Clean", "limit"): "3"}):
        assert parameter.task_value("Clean", "limit") == 3
    with config.command_line_values({("Clean", "limit"): ""}):
        assert parameter.task_value("Clean", "limit") == 2


def test_a_config_path_comes_before_the_default_and_warns() -> None:
    parameter = IntParameter(default=1, config_path={"section": "old", "name": "cap"})
    assert parameter.task_value("Clean", "limit") == 1
    config.get_config().set("old", "cap", "7")
    with pytest.warns(
        DeprecationWarning,
        match=r"^The use of the configuration \[old\] cap is deprecated. Please use \[Clean\] limit$",
    ):
        assert parameter.task_value("Clean", "limit") == 7


def test_no_source_has_a_value() -> None:
    assert not IntParameter().has_task_value("Clean", "limit")
    with pytest.raises(MissingParameterException, match=r"^Clean has no value for limit, and no default.$"):
        IntParameter().task_value("Clean", "limit")


def test_values_of_all_sources_are_normalized() -> None:
    class Even(IntParameter):
        def normalize(self, value: Any) -> int:
            return value // 2 * 2  # type: ignore[no-any-return]

    assert Even(default=7).task_value("Clean", "limit") == 6


# argparse --------------------------------------------------------------------------------------------------------


def test_arguments_for_argparse() -> None:
    assert Parameter._parser_kwargs("x") == {"action": "store", "dest": "x"}
    assert Parameter._parser_kwargs("x", "Clean") == {"action": "store", "dest": "Clean_x"}
    assert Parameter._parser_global_dest("x", "Clean") == "Clean_x"
