"""Files in the style of INI, with environment variables filled in."""

from rumbo.pipeline.config_files import (
    BaseParser,
    CombinedInterpolation,
    EnvironmentInterpolation,
    InterpolationMissingEnvvarError,
    LuigiConfigParser,
)

__all__ = [
    "BaseParser",
    "CombinedInterpolation",
    "EnvironmentInterpolation",
    "InterpolationMissingEnvvarError",
    "LuigiConfigParser",
]
