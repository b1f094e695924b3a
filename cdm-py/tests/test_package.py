"""What holds for the package as a whole: its version and its errors."""

import pickle
import re
from importlib.metadata import version
from pathlib import Path

import pytest

import cdm

REPOSITORY = Path(__file__).resolve().parents[2]


def test_the_version_is_the_crates():
    manifest = (REPOSITORY / "Cargo.toml").read_text(encoding="utf-8")
    (crate,) = re.findall(r'^version = "(.*)"$', manifest, flags=re.MULTILINE)
    assert cdm.__version__ == crate == version("cdm")


def test_everything_public_is_there():
    assert all(hasattr(cdm, name) for name in cdm.__all__)
    assert all(hasattr(cdm.normalize, name) for name in cdm.normalize.__all__)


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (cdm.CdmError, Exception),
        (cdm.InvalidError, ValueError),
        (cdm.UnknownNameError, LookupError),
        (cdm.FileError, OSError),
        (cdm.CancelledError, Exception),
    ],
)
def test_errors_say_what_they_are_and_survive_a_process_border(error, builtin):
    assert issubclass(error, cdm.CdmError)
    assert issubclass(error, builtin)
    for caught in (error("what was wanted", "CODE"), pickle.loads(pickle.dumps(error("what was wanted", "CODE")))):
        assert type(caught) is error
        assert (str(caught), caught.code) == ("what was wanted", "CODE")


def test_the_readme_and_the_docs_run():
    import doctest

    readme = doctest.testfile(str(REPOSITORY / "cdm-py" / "README.md"), module_relative=False)
    assert readme.attempted and not readme.failed
    assert not doctest.testmod(cdm.normalize).failed
