"""Failed assertions of the contract are explained as those of a test file are."""

import pytest

pytest.register_assert_rewrite("support.backend_contract")
