"""Where an `#include` leads."""

import pytest

from support.arrows import arrows, led, workspace

LAYOUTS = {
    "folders of headers": """
=== include/proj/api.h
#include "types.h" // -> include/proj/types.h
=== include/proj/types.h
=== src/main.c
#include <stdio.h> // -> nothing
#include <string.h> // -> nothing
#include <proj/api.h> // -> include/proj/api.h
#include "local.h" // -> src/local.h
#include "../include/proj/types.h" // -> include/proj/types.h
#include "deep/inner.h" // -> src/deep/inner.h
#include "third/party.h" // -> external/lib/third/party.h
#include "gone.h" // -> nothing
=== src/local.h
=== src/deep/inner.h
#include "local.h" // -> src/local.h
=== external/lib/third/party.h
=== other/util/string.h
""",
    "several of one name": """
=== a/config.h
=== b/config.h
=== b/sub/x.cpp
#include "config.h" // -> b/config.h
using std::vector; // -> nothing
=== c/y.cpp
#include "config.h" // -> nothing
=== c/z.cpp
#include "a/config.h" // -> a/config.h
#include "sub/x.cpp" // -> b/sub/x.cpp
""",
}


@pytest.mark.parametrize("text", LAYOUTS.values(), ids=LAYOUTS)
def test_layouts(text: str) -> None:
    index = workspace(text)
    said = arrows(index)
    assert said
    assert led(index, said) == said
