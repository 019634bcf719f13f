import itertools
import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assist_context.secrets import find_secrets, is_secret_path, looks_random

ALNUM = string.ascii_letters + string.digits


def made(length: int, alphabet: str = ALNUM, seed: int = 7) -> str:
    """Make a token of the right shape, so that nothing in this file is one."""
    return "".join(random.Random(seed).choices(alphabet, k=length))  # noqa: S311 - not for security


KEY = "\n".join(made(64, ALNUM + "+/", seed=n) for n in range(12)) + "\n" + made(30) + "=="


def pem(kind: str = "RSA ", body: str = KEY) -> str:
    return f"-----BEGIN {kind}PRIVATE KEY-----\n{body}\n-----END {kind}PRIVATE KEY-----"


FOUND = [
    ("private-key", "key = '''", pem(), "'''"),
    ("private-key", "", pem(""), "\n"),
    ("private-key", "", pem("OPENSSH "), "\n"),
    ("private-key", "", pem("ENCRYPTED "), "\n"),
    ("private-key", "{'k': '", pem().replace("\n", "\\n"), "'}"),
    ("private-key", "x\n", pem().split("-----END")[0].rstrip("\n"), "\n"),  # cut off at its end
    (
        "private-key",
        "",
        f"-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: 1\n\n{KEY}\n-----END PGP PRIVATE KEY BLOCK-----",
        "",
    ),
    ("aws-access-key", "id=", "AKIA" + made(16, string.ascii_uppercase + "234567"), "\n"),
    ("aws-access-key", "'", "ASIA" + made(16, string.ascii_uppercase + "234567"), "'"),
    ("github-token", "token: ", "ghp_" + made(36), ""),
    ("github-token", '"', "ghs_" + made(36), '"'),
    ("github-token", "", "github_pat_" + made(22) + "_" + made(59), ""),
    ("gitlab-token", " ", "glpat-" + made(20, ALNUM + "_-"), " "),
    ("slack-token", "", "xoxb-" + made(12, string.digits) + "-" + made(24), ""),
    ("slack-token", "", "xapp-1-" + made(40), ""),
    ("slack-webhook", "https://hooks.slack.com/", f"services/T{made(8)}/B{made(8)}/{made(24)}", '"'),
    ("google-api-key", "key=", "AIza" + made(35), "&x=1"),
    ("google-oauth", "", "GOCSPX-" + made(28), ""),
    ("google-oauth", "", "ya29." + made(60), ""),
    ("openai-key", "", "sk-" + made(48), ""),
    ("openai-key", "", "sk-proj-" + made(80, ALNUM + "_-"), ""),
    ("anthropic-key", "", "sk-ant-api03-" + made(90, ALNUM + "_-"), ""),
    ("huggingface-token", "", "hf_" + made(34), ""),
    ("stripe-key", "", "sk_live_" + made(24), ""),
    ("npm-token", "//registry.npmjs.org/:_authToken=", "npm_" + made(36), "\n"),
    ("pypi-token", "password = ", "pypi-AgEIcHlwaS5vcmc" + made(100), "\n"),
    ("sendgrid-key", "", f"SG.{made(22)}.{made(43)}", ""),
    ("azure-key", "AccountName=x;AccountKey=", made(86, ALNUM + "+/") + "==", ";"),
    ("jwt", "", f"eyJ{made(30)}.eyJ{made(80)}.{made(43)}", ""),
    ("bearer-token", "Authorization: Bearer ", made(40), "\n"),
    ("bearer-token", "curl -H 'authorization: bearer ", made(40), "'"),
    ("basic-auth", "'Authorization': 'Basic ", made(31) + "=", "'"),
    ("url-password", "postgres://app:", "tiger-in-9-tanks", "@db:5432/x"),
    ("url-password", "https://bot:", made(20), "@example.org/x.git"),
    ("assigned-secret", "password = '", "Tr0ub4dor&3x", "'"),
    ("assigned-secret", 'DB_PASSWORD="', made(20), '"'),
    ("assigned-secret", 'const apiKey: string = "', made(24), '";'),
    ("assigned-secret", '"client_secret": "', made(32), '",'),
    ("assigned-secret", ":secret_key => '", made(40), "'"),
    ("assigned-secret", 'token := "', made(40, string.hexdigits.lower()[:16]), '"'),
    ("assigned-secret", "config['api_key'] = '", made(24), "'"),
    ("assigned-secret", "API_TOKEN=", made(32), "\n"),
    ("assigned-secret", "export AWS_SECRET_ACCESS_KEY=", made(40, ALNUM + "+/"), "\r\n"),
    ("assigned-secret", "spring.datasource.password: ", made(18), "\n"),
]


@pytest.mark.parametrize(("kind", "before", "secret", "after"), FOUND)
def test_found(kind, before, secret, after):
    (span,) = find_secrets(f"first line\n{before}{secret}{after}")
    assert ("first line\n" + before + secret + after)[span.start : span.end] == secret
    assert span.kind == kind


LEFT_ALONE = [
    "",
    "id = 'f81d4fae-7dec-11d0-a765-00a0c91e6bf6'",
    "token = 'f81d4fae-7dec-11d0-a765-00a0c91e6bf6'",
    "commit 388bc67c0d3f5a9e1b7d2f4a6c8e0b1d3f5a7c9e",
    "sha256 = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'",
    "password_hash = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'",
    "integrity sha512-" + made(86, ALNUM + "+/") + "==",
    "data:image/png;base64," + made(400, ALNUM + "+/"),
    "password = ''",
    "password = 'hunter2'",
    "password = 'correct horse battery staple'",
    "password = getpass.getpass()",
    "password = os.environ['DB_PASSWORD']",
    "password: ${DB_PASSWORD}",
    "password = '{{ vault_password_1 }}'",
    "password: '<your-password-123>'",
    "api_key = 'YOUR_API_KEY_123'",
    "api_key = 'xxxxxxxxxxxx1234'",
    "secret: example-Secret-123",
    "token_type = 'Bearer1234Abcd5678'",
    "token_url = 'https://id3.example.org/oauth2/Token9'",
    "token = tokens[12].value3Of4",
    "next_token = self._tokens2.popleft()",
    "const tokenName = 'keyword.control.import2';",
    "access_key_id = request.headers_v2",
    "aws_access_key_id = AKIAIOSFODNN7EXAMPLE",
    "postgres://user:password@localhost/db",
    "postgres://user:{password}@localhost/db",
    "postgres://user:$PASSWORD@localhost/db",
    "http://localhost:8080/a@b",
    "git@github.com:owner/repository.git",
    "Authorization: Bearer <token>",
    "Authorization: Bearer ${token}",
    "the Bearer authentication-scheme-of-rfc-6750 is",
    "if '-----BEGIN PRIVATE KEY-----' in text:",
    "-----BEGIN PUBLIC KEY-----\n" + KEY + "\n-----END PUBLIC KEY-----",
    "-----BEGIN CERTIFICATE-----\n" + KEY + "\n-----END CERTIFICATE-----",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA" + made(44) + " me@host",
    ".sk-fading-circle-container-12 { }",
    "hf_hub_download(repo_id_of_the_model)",
    "ghp_short",
    "task-" + made(40),
    "monkey = 'abcdefgh12345678'",
    "keyboard_layout: de-latin1-nodeadkeys",
]


@pytest.mark.parametrize("text", LEFT_ALONE)
def test_left_alone(text):
    assert [text[span.start : span.end] for span in find_secrets(text)] == []


def test_several_in_order_and_without_overlap():
    text = f"a = '{'ghp_' + made(36)}'\nAPI_KEY='{'AIza' + made(35)}'\ntoken = 'ghp_{made(36, seed=8)}'\n{pem()}\n"
    spans = find_secrets(text)
    assert [span.kind for span in spans] == ["github-token", "google-api-key", "github-token", "private-key"]
    assert all(one.end <= other.start for one, other in itertools.pairwise(spans))


def test_two_keys_one_of_them_cut_off():
    text = pem().split("-----END")[0] + "\n# and another\n" + pem("EC ")
    assert [span.kind for span in find_secrets(text)] == ["private-key", "private-key"]


@given(st.text(alphabet=st.sampled_from("aA1=:'\" \n-_./@+\\skeyprt"), max_size=120))
def test_spans_are_inside_the_text_and_do_not_overlap(text):
    spans = find_secrets(text)
    assert all(0 <= span.start < span.end <= len(text) for span in spans)
    assert all(one.end <= other.start for one, other in itertools.pairwise(spans))


@pytest.mark.parametrize(
    "text",
    [
        "password" * 50_000,
        "password = '" * 30_000,
        "eyJ" + "a" * 400_000,
        "eyJaaaaaaaaa." * 30_000,
        "-----BEGIN PRIVATE KEY-----\n" * 15_000,
        "://a:" * 80_000,
        "Bearer " * 60_000,
        "sk-" * 130_000,
        " " * 400_000,
        "token: " + " " * 400_000,
        "=" * 400_000,
    ],
    ids=lambda text: text[:14].strip() or "blank",
)
def test_text_made_to_be_slow_is_read_to_its_end(text):
    find_secrets(text)


@pytest.mark.parametrize(
    ("value", "random_looking"),
    [
        (made(20), True),
        ("Tr0ub4dor&3x", True),
        ("aaaaaaaaaaaa1", False),
        ("short1", False),
        ("nodigitsinthisvalue", False),
        ("12345678901234", False),
    ],
)
def test_what_looks_random(value, random_looking):
    assert looks_random(value) == random_looking


@pytest.mark.parametrize(
    "path",
    [
        ".env",
        "app/.env",
        "app/.env.production",
        "prod.env",
        ".envrc",
        "id_rsa",
        "home/me/.ssh/id_ed25519",
        ".ssh/config",
        "server.pem",
        "tls/server.KEY",
        "store.p12",
        "store.jks",
        ".netrc",
        "_netrc",
        ".npmrc",
        ".pypirc",
        ".pgpass",
        ".git-credentials",
        ".aws/credentials",
        "home\\me\\.aws\\config",
        ".docker/config.json",
        "x/.kube/config",
        "credentials.json",
        "config/secrets.yml",
        "service-account-prod.json",
        "service_account.json",
        "client_secret_1.apps.json",
        "application_default_credentials.json",
        "terraform.tfstate",
        "prod.tfvars",
        ".gnupg/secring.gpg",
        ".env-prod",
        "prod.env.local",
        ".dev.vars",
        "local.settings.json",
        "http.keytab",
        "ssh_host_rsa_key",
        "rclone.conf",
        ".bash_history",
        "config/secrets",
        "app-firebase-adminsdk-1.json",
        "x/.config/gcloud/access_tokens.db",
        ".m2/settings.xml",
    ],
)
def test_secret_paths(path):
    assert is_secret_path(path)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "main.py",
        "environment.py",
        ".env.example",
        ".env.sample",
        "app/.env.template",
        "id_rsa.pub",
        "secrets.py",
        "src/credentials.ts",
        "secret.go",
        "docs/secrets.md",
        "config.json",
        "docker/config.json",
        "keys.txt",
        "keyboard.json",
        "package.json",
        "Makefile",
        "secrets.yml.j2",
        "m2/settings.xml",
        "completions/htpasswd",
        "history",
    ],
)
def test_paths_of_other_files(path):
    assert not is_secret_path(path)
