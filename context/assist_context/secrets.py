"""Find what looks like a secret: detection only, the policy is the server's.

Every pattern is anchored on a literal and has bounded repetitions, so that the time is linear in the text.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import translate
from posixpath import splitext


@dataclass(frozen=True, slots=True)
class SecretSpan:
    """text[start:end] is the secret itself, without the name or the quotes around it; kind is a stable identifier."""

    start: int
    end: int
    kind: str


@dataclass(frozen=True, slots=True)
class _Rule:
    """A kind, one of the literals that must be in the text before the pattern is worth trying, and the pattern.

    The secret is the group ``secret`` where there is one; random: it must also look drawn by a machine.
    """

    kind: str
    literals: tuple[str, ...]
    pattern: re.Pattern[str]
    random: bool = False


def _rule(kind: str, literals: str, pattern: str, *, random: bool = False) -> _Rule:
    return _Rule(kind, tuple(literals.split()), re.compile(pattern), random)


_START = r"(?<![A-Za-z0-9_-])"
_END = r"(?![A-Za-z0-9_-])"

_RULES = (
    _rule("aws-access-key", "AKIA ASIA ABIA ACCA", _START + r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}" + _END),
    _rule("github-token", "ghp_ gho_ ghu_ ghs_ ghr_", _START + r"gh[pousr]_[A-Za-z0-9]{36,255}" + _END),
    _rule("github-token", "github_pat_", _START + r"github_pat_[A-Za-z0-9_]{60,255}" + _END),
    _rule("gitlab-token", "gl", _START + r"gl(?:pat|dt|rt|cbt|ptt|ft|imt|soat)-[A-Za-z0-9_=.-]{20,300}"),
    _rule("slack-token", "xox", _START + r"xox[abeoprs]-[0-9][A-Za-z0-9-]{15,250}"),
    _rule("slack-token", "xapp-", _START + r"xapp-[0-9]-[A-Za-z0-9-]{20,250}"),
    _rule(
        "slack-webhook",
        "hooks.slack.com",
        r"https://hooks\.slack\.com/(?P<secret>(?:services|workflows)/[A-Za-z0-9_/+-]{20,200})",
    ),
    _rule("google-api-key", "AIza", _START + r"AIza[A-Za-z0-9_-]{35}" + _END),
    _rule("google-oauth", "GOCSPX-", _START + r"GOCSPX-[A-Za-z0-9_-]{28}" + _END),
    _rule("google-oauth", "ya29.", _START + r"ya29\.[A-Za-z0-9_-]{30,500}"),
    _rule("anthropic-key", "sk-ant-", _START + r"sk-ant-[a-z]{3,10}\d{2}-[A-Za-z0-9_-]{40,250}"),
    _rule("openai-key", "sk-", _START + r"sk-(?:proj-|svcacct-|admin-)?[A-Za-z0-9_-]{20,250}", random=True),
    _rule("huggingface-token", "hf_", _START + r"hf_[A-Za-z0-9]{30,60}" + _END),
    _rule("stripe-key", "k_live_ k_test_", _START + r"[rs]k_(?:live|test)_[A-Za-z0-9]{16,250}" + _END),
    _rule("npm-token", "npm_", _START + r"npm_[A-Za-z0-9]{36}" + _END),
    _rule("pypi-token", "pypi-", _START + r"pypi-AgE[A-Za-z0-9_-]{50,500}"),
    _rule("sendgrid-key", "SG.", _START + r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}" + _END),
    _rule(
        "azure-key",
        "AccountKey= SharedAccessKey=",
        r"(?:AccountKey|SharedAccessKey)=(?P<secret>[A-Za-z0-9+/]{40,120}={0,2})",
    ),
    _rule("jwt", "eyJ", _START + r"eyJ[A-Za-z0-9_-]{8,2000}\.eyJ[A-Za-z0-9_-]{8,4000}\.[A-Za-z0-9_-]{16,1000}"),
    _rule(
        "bearer-token",
        "earer",
        r"\b[Bb]earer[ \t]{1,4}(?P<secret>[A-Za-z0-9._~+/-]{16,2000}={0,2})",
        random=True,
    ),
    _rule(
        "basic-auth",
        "Basic",
        r"\b[Aa]uthorization[\"']?[ \t]{0,4}[:=][ \t]{0,4}[\"']?Basic[ \t]{1,4}(?P<secret>[A-Za-z0-9+/]{12,500}={0,2})",
    ),
    _rule("url-password", "://", r"://[^\s/:@\"'<>{}$]{1,64}:(?P<secret>[^\s/:@\"'<>{}$%*]{3,128})@"),
)

_NAME = (
    r"(?i:passw(?:or)?d|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|auth[_-]?key|private[_-]?key"
    r"|encryption[_-]?key|signing[_-]?key|credentials?)"
)
_NAME_PARTS = ("passw", "passphrase", "pwd", "secret", "token", "key", "credential")
_QUOTED = re.compile(
    rf"(?P<name>{_NAME}[A-Za-z0-9_-]{{0,40}})[\"'\]]{{0,2}}[ \t]{{0,8}}"
    r"(?::[ \t]{0,4}[A-Za-z]{1,20}[ \t]{0,4}=|:=|=>|[:=])[ \t]{0,8}"
    r"[bru@$]{0,2}(?P<quote>[\"'`])(?P<secret>[^\"'`\s]{8,512})(?P=quote)"
)
_BARE = re.compile(
    rf"^[ \t]{{0,16}}(?:export[ \t]{{1,4}}|-[ \t]{{1,4}})?[A-Za-z0-9_.-]{{0,40}}?(?P<name>{_NAME}[A-Za-z0-9_]{{0,20}})"
    r"[ \t]{0,8}[:=][ \t]{0,8}(?P<secret>[A-Za-z0-9+/_.~!@#%^&*=-]{10,512})[ \t]{0,8}\r?$",
    re.MULTILINE,
)
_NOT_A_SECRET_NAME = re.compile(
    r"(?i)(?:hash|digest|checksum|sha\d*|md5|id|ids|name|type|kind|url|uri|path|file|field|label|header|prefix|suffix|regex"
    r"|pattern|format|length|size|count|limit|index|version|expiry|expires|placeholder|help|text|hint|class|salt_len)$"
)
_PLACEHOLDER = re.compile(
    r"(?i)example|sample|your|dummy|placeholder|change.?me|redacted|replace|insert|todo|fixme|x{4}|\*{3}|\.{3}|1234567|abcdef"
    r"|\$\{|\{\{|<[a-z]|%\(|^\$[a-z_]|^env[.:]|process\.env|os\.environ"
)
_PLAIN_PASSWORDS = frozenset(
    {"password", "passwd", "pass", "pwd", "secret", "token", "user", "test", "postgres", "root"}
)
_UUID = re.compile(r"(?i)\{?[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\}?")
_SEPARATOR = re.compile(r"[-_./]")
_CLASS = re.compile(r"[a-z]+|[A-Z]+|[0-9]+|[^A-Za-z0-9]+")

_KEY_BEGIN = re.compile(r"-----BEGIN (?:[A-Z0-9]{2,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_KEY_END = re.compile(r"-----END (?:[A-Z0-9]{2,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_KEY_BODY = re.compile(r"[A-Za-z0-9+/=\s\\\"',]{0,16384}")
_KEY_DATA = re.compile(r"[A-Za-z0-9+/]{32}")
_LONGEST_KEY = 16_384


def find_secrets(text: str) -> tuple[SecretSpan, ...]:
    """Give what looks like a secret, in order and without overlaps.

    Identifiers that only look random (UUIDs, git hashes, digests) and placeholders are left alone.
    """
    found = [*_private_keys(text), *_tokens(text), *_assignments(text)]
    spans: list[SecretSpan] = []
    for span in sorted(found, key=lambda span: (span.start, -span.end)):
        if not spans or span.start >= spans[-1].end:
            spans.append(span)
        elif span.end > spans[-1].end:
            spans[-1] = SecretSpan(spans[-1].start, span.end, spans[-1].kind)
    return tuple(spans)


def looks_random(value: str, *, mixed: float = 0.25) -> bool:
    """Tell whether a value looks drawn by a machine or made up to be hard to guess.

    mixed: the least share of changes between lower case, upper case, digits and signs among its characters.
    """
    if len(value) < 10 or _UUID.fullmatch(value) or _PLACEHOLDER.search(value):
        return False
    words = [word for word in _SEPARATOR.split(value) if len(word) > 2 and word.isalpha() and _CLASS.fullmatch(word)]
    if sum(map(len, words)) > len(value) / 2:
        return False
    counts = Counter(value)
    entropy = -sum(n / len(value) * math.log2(n / len(value)) for n in counts.values())
    letters, digits = any(c.isalpha() for c in value), any(c.isdigit() for c in value)
    if not letters or not digits or entropy < min(3.5, 0.8 * math.log2(len(value))):
        return False
    return len(_CLASS.findall(value)) >= mixed * len(value)


def _tokens(text: str) -> Iterator[SecretSpan]:
    for rule in _RULES:
        if not any(literal in text for literal in rule.literals):
            continue
        for match in rule.pattern.finditer(text):
            group = "secret" if "secret" in rule.pattern.groupindex else 0
            value = match[group]
            if (
                _PLACEHOLDER.search(value)
                or value.lower() in _PLAIN_PASSWORDS
                or (rule.random and not looks_random(value))
            ):
                continue
            yield SecretSpan(match.start(group), match.end(group), rule.kind)


def _assignments(text: str) -> Iterator[SecretSpan]:
    lowered = text.lower()
    if not any(part in lowered for part in _NAME_PARTS):
        return
    for pattern, mixed in ((_QUOTED, 0.25), (_BARE, 0.4)):
        for match in pattern.finditer(text):
            if not _NOT_A_SECRET_NAME.search(match["name"]) and looks_random(match["secret"], mixed=mixed):
                yield SecretSpan(match.start("secret"), match.end("secret"), "assigned-secret")


def _private_keys(text: str) -> Iterator[SecretSpan]:
    """Find key blocks, whole or cut off at their end."""
    begins = list(_KEY_BEGIN.finditer(text))
    for number, begin in enumerate(begins):
        limit = begins[number + 1].start() if number + 1 < len(begins) else len(text)
        limit = min(limit, begin.end() + _LONGEST_KEY)
        end = _KEY_END.search(text, begin.end(), limit)
        body = _KEY_BODY.match(text, begin.end(), limit)
        stop = end.end() if end else body.end() if body else begin.end()
        stop = begin.end() + len(text[begin.end() : stop].rstrip())
        if _KEY_DATA.search(text, begin.end(), stop):
            yield SecretSpan(begin.start(), stop, "private-key")


_ENVIRONMENTS = (
    ".env", ".env.*", ".env-*", ".env_*", "*.env", "*.env.*", ".envrc", ".envrc.*", ".dev.vars", ".dev.vars.*",
    "*.tfvars", "*.tfvars.json", "*.tfstate", "*.tfstate.*", "local.settings.json",
)  # fmt: skip
_KEY_FILES = (
    "*.pem", "*.key", "*.p8", "*.p12", "*.pfx", "*.jks", "*.jceks", "*.keystore", "*.kdbx", "*.kdb", "*.ppk", "*.ovpn",
    "*.keytab", "*.agekey", "*.pkcs12", "*.snk", "*.mobileprovision", "*.asc", "*.gpg", "secring.*",
)  # fmt: skip
_SSH_KEYS = ("id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "id_ecdsa_sk", "id_ed25519_sk", "ssh_host_*_key")
_LOGINS = (
    ".netrc", "_netrc", ".npmrc", ".pypirc", ".pgpass", "pgpass.conf", ".my.cnf", ".mylogin.cnf", ".htpasswd",
    ".dockercfg", ".vault-token", ".vault_pass", ".vault_pass.*", ".s3cfg", ".boto", "rclone.conf",
    ".terraformrc", "terraform.rc", ".git-credentials", "kubeconfig", "*.kubeconfig", ".*_history",
    "passwords.txt", "password.txt",
)  # fmt: skip
_CREDENTIALS = ("credentials", "credentials.*", "*.credentials", "*_credentials.json", "*-credentials.json")
_SECRETS = (
    "secret.*", "secrets", "secrets.*", "*.secret", "*.secrets", "*.secrets.*", "client_secret*.json",
    "service[-_]account*.json", "*-firebase-adminsdk-*.json", "*.token", ".token",
)  # fmt: skip
_SECRET_PATHS = (
    "*/.aws/*", "*/.azure/*", "*/.ssh/*", "*/.gnupg/*", "*/.password-store/*", "*/.kube/config",
    "*/.docker/config.json", "*/.config/gcloud/*", "*/.config/gh/hosts.yml", "*/.m2/settings.xml",
    "*/.m2/settings-security.xml",
)  # fmt: skip
_HARMLESS_NAMES = (
    "*.example", "*.sample", "*.template", "*.dist", "*.tmpl", "*.j2", "*.example.*", "*.sample.*", "*.template.*",
    "*.pub",
)  # fmt: skip
_CODE = frozenset(
    {
        ".py",
        ".pyi",
        ".js",
        ".mjs",
        ".cjs",
        ".ts",
        ".tsx",
        ".jsx",
        ".go",
        ".rs",
        ".java",
        ".c",
        ".h",
        ".cc",
        ".cpp",
        ".hpp",
    }
    | {
        ".cs",
        ".rb",
        ".php",
        ".sh",
        ".lua",
        ".kt",
        ".swift",
        ".scala",
        ".ex",
        ".hs",
        ".md",
        ".rst",
        ".html",
        ".css",
        ".vue",
    }
)


def _any_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(translate, patterns)))


_SECRET_NAME = _any_of((*_ENVIRONMENTS, *_KEY_FILES, *_SSH_KEYS, *_LOGINS, *_CREDENTIALS, *_SECRETS))
_SECRET_PATH = _any_of(_SECRET_PATHS)
_HARMLESS_NAME = _any_of(_HARMLESS_NAMES)


def is_secret_path(path: str) -> bool:
    """Tell whether a file of this name usually holds secrets (``.env``, keys, credential files).

    Examples of such files, public keys and source code that only deals with secrets are not.
    """
    parts = path.replace("\\", "/").lower()
    name = parts.rpartition("/")[2]
    if splitext(name)[1] in _CODE or _HARMLESS_NAME.match(name):
        return False
    return bool(_SECRET_NAME.match(name) or ("/." in f"/{parts}" and _SECRET_PATH.match(f"/{parts}")))
