"""Where imports of Ruby, Lua, shell scripts, PHP and C# lead."""

import pytest

from assist_context.retrieval.imports import resolve
from assist_context.retrieval.resolve.project import Project
from assist_context.syntax.symbols import Import
from support.arrows import workspace

FILES = """
=== gem/lib/gem/core.rb
=== gem/lib/gem/tools/saw.rb
=== gem/spec/core_spec.rb
=== lua/plug/init.lua
=== lua/plug/view.lua
=== scripts/run.sh
=== scripts/lib/log.sh
=== composer.json
{"autoload": {"psr-4": {"Acme\\\\": "code/", "Acme\\\\Test\\\\": ["tests/unit", "tests"]}}}
=== code/Model/User.php
=== code/bootstrap.php
=== tests/unit/UserTest.php
=== legacy/Old/Thing.php
=== Shop/Cart.cs
namespace Acme.Shop;
class Cart {}
=== Shop/Order.cs
namespace Acme.Shop { class Order {} }
=== Web/Page.cs
namespace Acme.Web;
class Page {}
"""


@pytest.mark.parametrize(
    ("path", "source", "found"),
    [
        ("gem/lib/gem/core.rb", "tools/saw", "gem/lib/gem/tools/saw.rb"),
        ("gem/lib/gem/core.rb", "./tools/saw", "gem/lib/gem/tools/saw.rb"),
        ("gem/spec/core_spec.rb", "gem/core", "gem/lib/gem/core.rb"),
        ("gem/spec/core_spec.rb", "../lib/gem/core", "gem/lib/gem/core.rb"),
        ("gem/spec/core_spec.rb", "json", ""),
        ("lua/plug/view.lua", "plug", "lua/plug/init.lua"),
        ("lua/plug/init.lua", "plug.view", "lua/plug/view.lua"),
        ("lua/plug/init.lua", "plug/view", "lua/plug/view.lua"),
        ("lua/plug/init.lua", "string", ""),
        ("scripts/run.sh", "./lib/log.sh", "scripts/lib/log.sh"),
        ("scripts/run.sh", "$(dirname $0)/lib/log.sh", "scripts/lib/log.sh"),
        ("scripts/run.sh", "${HERE}", ""),
        ("code/bootstrap.php", r"Acme\Model\User", "code/Model/User.php"),
        ("code/bootstrap.php", r"\Acme\Test\UserTest", "tests/unit/UserTest.php"),
        ("code/bootstrap.php", r"Vendor\Old\Thing", "legacy/Old/Thing.php"),
        ("code/bootstrap.php", r"Other\Model\Nothing", ""),
        ("tests/unit/UserTest.php", "/code/bootstrap.php", "code/bootstrap.php"),
        ("Web/Page.cs", "Acme.Shop", "Shop/Cart.cs Shop/Order.cs"),
        ("Web/Page.cs", "System.Text", ""),
    ],
)
def test_layouts(path: str, source: str, found: str) -> None:
    index = workspace(FILES)
    assert " ".join(resolve(Project(index, index.read), path, Import(source, "", "", 0))) == found
