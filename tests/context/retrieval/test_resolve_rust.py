"""Where a `use` of Rust leads."""

import pytest

from assist_context.retrieval.resolve.rust import Leaf, leaves
from assist_context.syntax.symbols import Import
from support.arrows import arrows, led, workspace

LAYOUTS = {
    "modules of a crate": """
=== Cargo.toml
[package]
name = "my-app"
=== src/lib.rs
mod config;
pub mod net;
pub use net::client::Client; // -> src/net/client.rs
use config::Config; // -> src/config.rs
use std::fmt; // -> nothing
use crate::Top; // -> src/lib.rs
=== src/config.rs
use crate::net; // -> src/net/mod.rs
use super::net::client; // -> src/net/client.rs
use self::inner::X; // -> src/config.rs
use crate::net::{client::Client, Server as S, self}; // -> src/net/client.rs src/net/mod.rs
mod inner {
    use super::Config; // -> src/config.rs
    use super::super::Top; // -> src/lib.rs
    use crate::config::inner::X; // -> src/config.rs
}
=== src/net/mod.rs
pub mod client;
use self::client::*; // -> src/net/client.rs
use super::config; // -> src/config.rs
=== src/net/client.rs
use super::Server; // -> src/net/mod.rs
use super::super::config::Config; // -> src/config.rs
use client_deep::Deep; // -> nothing
mod deep;
use deep::Deep; // -> src/net/client/deep.rs
=== src/net/client/deep.rs
use super::Client; // -> src/net/client.rs
use crate::Client; // -> src/lib.rs
=== src/main.rs
use my_app::net::Server; // -> src/net/mod.rs
use crate::args; // -> src/args.rs
=== src/args.rs
=== src/bin/tool.rs
use my_app::Client; // -> src/lib.rs
use crate::local; // -> src/bin/tool.rs
=== tests/it.rs
mod common;
use common::setup; // -> tests/common/mod.rs
use my_app::config::Config; // -> src/config.rs
=== tests/common/mod.rs
""",
    "crates of a workspace": """
=== Cargo.toml
[workspace]
members = ["crates/*"]
=== crates/base/Cargo.toml
[package]
name = "acme-base"
[lib]
name = "base"
path = "source/base.rs"
=== crates/base/source/base.rs
pub mod io;
pub use io as input; // -> crates/base/source/io.rs
=== crates/base/source/io.rs
use crate::Root; // -> crates/base/source/base.rs
=== crates/app/Cargo.toml
[package]
name = "app"
[dependencies]
renamed = { path = "../other", package = "acme-other" }
=== crates/app/src/main.rs
use base::io::Read; // -> crates/base/source/io.rs
use base::input::Read; // -> crates/base/source/io.rs
use renamed::Thing; // -> crates/other/src/lib.rs
use acme_other::Thing; // -> crates/other/src/lib.rs
use serde::Serialize; // -> nothing
=== crates/other/Cargo.toml
[package]
name = "acme-other"
=== crates/other/src/lib.rs
""",
}


@pytest.mark.parametrize("text", LAYOUTS.values(), ids=LAYOUTS)
def test_layouts(text: str) -> None:
    index = workspace(text)
    said = arrows(index)
    assert said
    assert led(index, said) == said


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("a::b", [Leaf(("a", "b"), "b")]),
        ("a::b as c", [Leaf(("a", "b"), "c")]),
        ("a::{b, c as d, e::*}", [Leaf(("a", "b"), "b"), Leaf(("a", "c"), "d"), Leaf(("a", "e"), "*")]),
        ("a::{self, b::{self as x}}", [Leaf(("a",), "a"), Leaf(("a", "b"), "x")]),
        ("::a::{\n    b,\n}", [Leaf(("a", "b"), "b")]),
        ("super::*", [Leaf(("super",), "*")]),
        ("r#type::r#match", [Leaf(("type", "match"), "match")]),
        ("a::{", []),
        ("", []),
    ],
)
def test_writes_the_braces_of_a_use_out(source: str, found: list[Leaf]) -> None:
    assert list(leaves(Import(source, "", "", 0))) == found
