"""Signatures of what is used near a place: by an import, and without one."""

from assist_context.retrieval.sources.defined import defined
from assist_context.retrieval.sources.imported import imported
from support.sources import asked, shown

PYTHON = """=== shop/cart.py
from shop.money import Price

class Cart:
    items: list[str]

    def __init__(self, owner: str) -> None:
        self.owner = owner

    @property
    def empty(self) -> bool:
        return True

    def total(self, rate: float) -> Price:
        return Price(1)

def make_cart(owner: str) -> Cart:
    return Cart(owner)

def unused(): pass
=== shop/money.py
class Price:
    cents: int
=== shop/use.py
import os
import shop.cart as carts
from shop.cart import Cart, unused

def bill(cart: Cart) -> None:
    made = carts.make_cart("a")
    cart.<|>
"""


def test_gives_what_is_imported_and_used_with_the_types_that_it_names() -> None:
    assert shown(imported(*asked(PYTHON))) == (
        "=== shop/cart.py\ndef make_cart(owner: str) -> Cart: ...\n"
        "=== shop/cart.py\nclass Cart:\n    items: list[str]\n    def __init__(self, owner: str) -> None:\n"
        "        self.owner = owner\n    @property\n    def empty(self) -> bool: ...\n"
        "    def total(self, rate: float) -> Price: ..."
    )


def test_a_type_in_the_signature_of_what_is_near_is_given_after_what_names_it() -> None:
    text = PYTHON.replace("made = carts.make_cart", "unused(carts.make_price").replace(
        "def unused(): pass", "def unused() -> Price: pass\ndef make_price() -> Price: ..."
    )
    found = imported(*asked(text))
    assert [one.path for one in found][-1] == "shop/money.py"
    assert found[-1].text == "class Price:\n    cents: int"
    assert found[-1].reason == "Price, in the signature of unused"


def test_members_that_are_used_come_first_where_there_are_many() -> None:
    many = "".join(f"    def step_{number}(self): pass\n" for number in range(40))
    text = f"=== big.py\nclass Big:\n{many}=== use.py\nfrom big import Big\nx = Big.step_33(<|>)\n"
    (one,) = imported(*asked(text))
    assert "step_33" in one.text
    assert one.text.count("def ") < 8


def test_follows_names_that_are_passed_on_and_leaves_what_is_outside() -> None:
    text = (
        "=== pkg/__init__.py\nfrom .deep import Thing\n=== pkg/deep.py\nclass Thing:\n    size: int\n"
        "=== other/path.py\nclass path: pass\n"
        "=== use.py\nfrom os import path\nfrom pkg import Thing\npath.join(Thing(<|>))\n"
    )
    assert shown(imported(*asked(text))) == "=== pkg/deep.py\nclass Thing:\n    size: int"


def test_other_languages_import_too() -> None:
    go = (
        "=== go.mod\nmodule example.com/m\n=== store/store.go\npackage store\n"
        "func New(path string) *Store { return nil }\n"
        "type Store struct {\n\tname string\n}\n=== store/more.go\npackage store\n"
        "func (s *Store) Get() int { return 1 }\n"
        '=== main.go\npackage main\nimport "example.com/m/store"\nfunc main() {\n\ts := store.New(<|>)\n}\n'
    )
    assert shown(imported(*asked(go))) == (
        "=== store/store.go\nfunc New(path string) *Store\n"
        "=== store/store.go\ntype Store struct {\n\tname string\n}\nfunc (s *Store) Get() int"
    )
    typescript = (
        "=== shape.ts\nexport class Shape {\n  area(scale: number): number { return 1; }\n}\n"
        '=== use.ts\nimport { Shape as Form } from "./shape";\nconst f = new Form();\nf.<|>\n'
    )
    assert shown(imported(*asked(typescript))) == ("=== shape.ts\nclass Shape {\n    area(scale: number): number;\n}")


MEMBERS = """=== one/engine.py
class Engine:
    def renew_lease(self, ticks: int) -> bool: ...
    def stop(self): ...
=== two/far.py
class Far:
    def stop(self): ...
=== use.py
def run(engine):
    engine.stop()
    engine.renew_lease(<|>
"""


def test_gives_members_that_no_import_names_rare_ones_first() -> None:
    found = defined(*asked(MEMBERS))
    assert found[0].path == "one/engine.py"
    assert found[0].text == (
        "class Engine:\n    def renew_lease(self, ticks: int) -> bool: ...\n    def stop(self): ..."
    )
    assert found[0].score > found[1].score


def test_a_name_with_many_definitions_is_left_out_unless_one_is_nearest() -> None:
    many = "".join(f"=== m{number}/a.py\nclass A{number}:\n    def stop(self): ...\n" for number in range(8))
    use = "=== app/use.py\ndef run(engine):\n    engine.stop(<|>)\n"
    assert defined(*asked(many + use)) == ()
    near = "=== app/near.py\nclass Near:\n    def stop(self, now: bool): ...\n"
    assert [one.path for one in defined(*asked(many + near + use))] == ["app/near.py"]


def test_what_the_file_has_imports_or_only_writes_is_not_looked_for() -> None:
    text = (
        "=== a.py\ndef own(): ...\ndef taken(): ...\ndef plain(): ...\ndef noted(): ...\n"
        "class C:\n    def bare(self): ...\n"
        "=== use.py\nfrom a import taken\ndef own(): ...\nown(taken(plain, bare()))  # noted()\n<|>\n"
    )
    assert defined(*asked(text)) == ()


def test_a_package_knows_its_own_names_and_no_other_language() -> None:
    text = (
        "=== p/a.go\npackage p\nvar limitTicks = 3\nfunc renew(n int) {}\n=== q/b.go\npackage q\nvar limitTicks = 4\n"
        "=== p/c.py\ndef renew(): ...\n=== p/use.go\npackage p\nfunc run() {\n\trenew(limitTicks<|>, limitTicks)\n}\n"
    )
    assert shown(defined(*asked(text))) == "=== p/a.go\nvar limitTicks = 3\nfunc renew(n int)"


def test_a_name_that_is_being_written_is_not_looked_for() -> None:
    assert defined(*asked("=== a.py\nclass A:\n    def renew(self): ...\n=== use.py\nx.renew<|>\n")) == ()
