"""What is used of ml_collections.config_flags, for the type checker."""

from typing import Any

from absl import flags

def DEFINE_config_file(  # noqa: N802 (the library's own name)
    name: str, default: str | None = None, help_string: str = ..., *, lock_config: bool = True
) -> flags.FlagHolder[Any]: ...
def get_config_filename(config_flag: flags.Flag[Any]) -> str: ...
