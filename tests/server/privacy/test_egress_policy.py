"""Which addresses are this machine, which are allowed, and which are refused before anything is sent."""

import ipaddress

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assist_server.config.settings import PrivacySettings
from assist_server.core.errors import AssistError, ConfigError, EgressRefused
from assist_server.privacy.egress import EgressPolicy, connectable_host, is_loopback, parse_url, policy_from

ALL_INTERFACES = "0.0.0.0"  # noqa: S104  nothing binds to it here
NOBODY = EgressPolicy()


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.8.9.1", "::1", "[::1]", "localhost", "LOCALHOST", "localhost.", "assist.localhost",
     ALL_INTERFACES, "::", "::ffff:127.0.0.1", "::ffff:127.0.0.1%.localhost"],
)  # fmt: skip
def test_this_machine_by_any_of_its_names(host):
    assert is_loopback(host)
    NOBODY.check_url(f"http://[{host}]:1" if ":" in host and "[" not in host else f"http://{host}:1")


@pytest.mark.parametrize(
    "host",
    ["example.com", "localhost.evil.com", "127.0.0.1.nip.io", "127.0.0.1.example", "notlocalhost", "localhost-evil",
     "10.0.0.1", "192.168.1.5", "169.254.169.254", "1.2.3.4", "fe80::1", "2001:db8::1", "::ffff:10.0.0.1", "128.0.0.1"],
)  # fmt: skip
def test_every_other_host_is_refused_with_what_to_do(host):
    assert not is_loopback(host)
    with pytest.raises(EgressRefused) as refused:
        NOBODY.check_url(f"http://[{host}]/" if ":" in host else f"http://{host}/")
    assert "privacy.allowHosts" in (refused.value.hint or "")


@pytest.mark.parametrize(
    "host",
    ["2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "127.1", "127.0.0.01", "1.2.3.4.5", "", "-", "a..b"],
)
def test_an_address_in_an_unusual_form_is_refused(host):
    assert not is_loopback(host)
    with pytest.raises(ConfigError):
        NOBODY.check_url(f"http://{host}/")
    with pytest.raises(ConfigError):
        EgressPolicy(frozenset({host})).check_url(f"http://{host}/")


@pytest.mark.parametrize(
    "url",
    ["127.0.0.1:11434", "localhost", "ftp://127.0.0.1", "file:///etc/passwd", "ws://127.0.0.1", "javascript:alert(1)",
     "", "http://", "http:///path", "http://127.0.0.1:99999", "http://127.0.0.1:port", "http://[::1",
     "http://127.0.0.1 /x", "http://127.0.0.1\\@evil.com", "http://127.0.0.1\n.evil.com", "http://\uff4cocalhost", "http://exämple.com",
     "unix://host/path", "unix:relative", "http://127.0.0.1%2eevil.com"],
)  # fmt: skip
def test_what_is_no_address_of_a_server(url):
    with pytest.raises(ConfigError):
        NOBODY.check_url(url)


@pytest.mark.parametrize(
    "url", ["http://user:secret@127.0.0.1/", "http://127.0.0.1@evil.com/", "http://:secret@[::1]/"]
)
def test_a_password_in_an_address_is_refused_and_not_repeated(url):
    with pytest.raises(ConfigError) as refused:
        NOBODY.check_url(url)
    assert "secret" not in f"{refused.value.message}{refused.value.hint}"


def test_a_unix_socket_is_this_machine():
    NOBODY.check_url("unix:///run/user/1000/llama.sock")
    assert parse_url("unix:///run/a.sock").path == "/run/a.sock"


@pytest.mark.parametrize(
    ("allowed", "host"),
    [("gpu.lan", "GPU.lan"), ("gpu.lan", "gpu.lan."), (" gpu.lan ", "gpu.lan"), ("192.168.1.5", "192.168.1.5"),
     ("FD00:0::5", "[fd00::5]"), ("[fd00::5]", "[fd00::5]")],
)  # fmt: skip
def test_an_allowed_host_in_any_spelling(allowed, host):
    policy_from(PrivacySettings(allow_hosts=(allowed,))).check_url(f"https://{host}/v1")


@pytest.mark.parametrize("allowed", ["gpu.lan", "*.gpu.lan", "http://a.gpu.lan", "a.gpu.lan:80", "", "*", ".", "lan"])
def test_allowing_one_host_allows_no_other(allowed):
    with pytest.raises(EgressRefused):
        EgressPolicy(frozenset({allowed})).check_url("http://a.gpu.lan/")


def test_widening_leaves_the_policy_as_it_was():
    NOBODY.widened({"gpu.lan"}).check_host("gpu.lan")
    with pytest.raises(EgressRefused):
        NOBODY.check_host("gpu.lan")


@pytest.mark.parametrize(
    ("host", "peer"),
    [("127.0.0.1", "127.0.0.1"), ("localhost", "::1"), ("assist.localhost", "127.0.0.2"), ("gpu.lan", "10.0.0.9"),
     ("10.0.0.9", "10.0.0.9"), ("10.0.0.9", "::ffff:10.0.0.9"), ("fe80::1%eth0", "fe80::1%eth0")],
)  # fmt: skip
def test_a_peer_that_its_name_stands_for(host, peer):
    EgressPolicy(frozenset({"gpu.lan", "10.0.0.9", "fe80::1%eth0"})).check_peer(host, peer)


@pytest.mark.parametrize(
    ("host", "peer"),
    [("127.0.0.1", "10.0.0.9"), ("localhost", "203.0.113.9"), ("assist.localhost", "::ffff:203.0.113.9"),
     ("10.0.0.9", "10.0.0.8"), ("10.0.0.9", "127.0.0.1"), ("other.lan", "127.0.0.1"), ("localhost", "/a.sock")],
)  # fmt: skip
def test_a_peer_that_its_name_does_not_stand_for(host, peer):
    with pytest.raises(EgressRefused):
        EgressPolicy(frozenset({"gpu.lan", "10.0.0.9"})).check_peer(host, peer)


@given(st.text(alphabet="http:/@[]\\.%#?&0123456789xabcdeflos \t\u0660\uff0e", max_size=40))
def test_whatever_is_let_through_is_loopback_for_the_http_library_too(text):
    try:
        NOBODY.check_url(f"http://{text}")
        target = parse_url(f"http://{text}")
        built = httpx.URL(scheme=target.scheme, host=target.host, port=target.port, path=target.path or "/")
    except (AssistError, httpx.InvalidURL):
        return
    assert built.host.endswith(".localhost") or ipaddress.ip_address(built.host.partition("%")[0]).is_loopback
    assert connectable_host(built.host) == target.host
