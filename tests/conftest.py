"""pytest runs trial's TestCases; this gives them the working directory that trial would."""

import pytest


@pytest.fixture(autouse=True, scope="session")
def _trial_temp(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("trial"))
        yield
