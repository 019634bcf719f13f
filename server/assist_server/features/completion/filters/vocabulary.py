"""The words of languages that nobody has to declare, and names that any file may be about to import."""

import builtins
import keyword
import re
import sys
import typing
from collections.abc import Mapping
from types import MappingProxyType

NAME = re.compile(r"(?<!\w)[^\W\d]\w*")
LAST_NAME = re.compile(rf"{NAME.pattern}\Z")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_C = _words(
    "alignas alignof auto bool break case catch char class co_await co_return co_yield concept const const_cast"
    " consteval constexpr constinit continue decltype default delete do double dynamic_cast else enum explicit export"
    " extern false final float for friend goto if inline int int16_t int32_t int64_t int8_t long mutable namespace new"
    " noexcept nullptr operator override private protected public register reinterpret_cast requires return short"
    " signed size_t sizeof ssize_t static static_assert static_cast struct switch template this throw true try typedef"
    " typeid typename uint16_t uint32_t uint64_t uint8_t union unsigned using virtual void volatile while"
)
_ECMASCRIPT = _words(
    "any async await bigint boolean break case catch class const continue declare default delete do else enum export"
    " extends false finally for function if implements import in instanceof interface let namespace never new null"
    " number object private protected public readonly return static string super switch symbol this throw true try"
    " typeof undefined unknown var void while with yield"
)
_ECMASCRIPT_HAS = _words(
    "abstract accessor arguments Array ArrayBuffer as asserts AsyncGenerator AsyncIterable AsyncIterator Atomics"
    " Awaited BigInt BigInt64Array Boolean constructor DataView Date debugger decodeURI decodeURIComponent encodeURI"
    " encodeURIComponent Error escape eval EvalError Exclude Extract FinalizationRegistry Float32Array Float64Array"
    " from Function Generator get globalThis hasOwnProperty infer Infinity Int16Array Int32Array Int8Array Intl is"
    " isFinite isNaN Iterable Iterator JSON keyof Map Math module NaN NonNullable Number Object of Omit out override"
    " package Parameters parseFloat parseInt Partial Pick Promise PromiseLike prototype Proxy RangeError Readonly"
    " ReadonlyArray ReadonlyMap ReadonlySet Record ReferenceError Reflect RegExp require Required ReturnType satisfies"
    " Set set SharedArrayBuffer String Symbol SyntaxError toString type TypeError Uint16Array Uint32Array Uint8Array"
    " Uint8ClampedArray unescape unique URIError using valueOf WeakMap WeakRef WeakSet"
    # Browsers, workers and servers
    " __dirname __filename AbortController AbortSignal addEventListener alert atob Audio AudioContext Blob"
    " BroadcastChannel btoa Buffer Bun caches cancelAnimationFrame cancelIdleCallback chrome clearImmediate"
    " clearInterval clearTimeout close confirm console createImageBitmap crypto CryptoKey CSS customElements"
    " CustomEvent Deno dispatchEvent Document document DocumentFragment DOMException DOMMatrix DOMParser DOMPoint"
    " DOMRect Element Event EventSource EventTarget exports fetch File FileList FileReader focus FontFace FormData gc"
    " getComputedStyle getSelection global Headers history HTMLElement Image ImageBitmap ImageData indexedDB"
    " IntersectionObserver JSX KeyboardEvent localStorage location matchMedia MediaRecorder MediaStream MessageChannel"
    " MessageEvent MessagePort MouseEvent MutationObserver name navigator Node NodeFilter NodeJS NodeList Notification"
    " OffscreenCanvas open Option origin parent Path2D performance PerformanceObserver PointerEvent postMessage print"
    " process prompt queueMicrotask Range React ReadableStream removeEventListener reportError Request"
    " requestAnimationFrame requestIdleCallback ResizeObserver Response screen scroll scrollBy scrollTo Selection self"
    " sessionStorage setImmediate setInterval setTimeout ShadowRoot SharedWorker speechSynthesis stop Storage"
    " structuredClone SubtleCrypto Text TextDecoder TextDecoderStream TextEncoder TextEncoderStream top TouchEvent"
    " TransformStream TreeWalker URL URLPattern URLSearchParams visualViewport WebAssembly WebSocket window Worker"
    " WritableStream XMLHttpRequest XMLSerializer XPathResult"
    # Tests
    " after afterAll afterEach assert before beforeAll beforeEach bench context cy describe expect expectTypeOf"
    " fdescribe fit it jasmine jest mocha page sinon specify suite test vi vitest xdescribe xit"
)
_GO = _words(
    "any bool break byte case chan const continue default defer else error fallthrough false float32 float64 for func"
    " go goto if import int int16 int32 int64 int8 interface map nil package range return rune select string struct"
    " switch true type uint uint16 uint32 uint64 uint8 uintptr var"
)
_GO_HAS = _words(
    "append cap clear close comparable complex complex128 complex64 copy delete imag iota len make max min new panic"
    " print println real recover"
    # Packages, which editors import where they are used
    " aes ascii85 asn1 ast atomic base32 base64 big binary bits bufio build buildinfo bytes bzip2 cgo cipher cmp cmplx"
    " color constant context cookiejar crc32 crc64 crypto csv debug des doc draw driver ecdh ecdsa ed25519 elf elliptic"
    " embed encoding errors exec expvar filepath flag flate fmt fnv format fs fstest gif gob gzip hash heap hex hkdf"
    " hmac html http httptest httptrace httputil image importer io iotest ioutil iter jpeg json jsonrpc list log lzw"
    " mail maphash maps math md5 metrics mime multipart net netip os palette parser path pbkdf2 pem pkix plugin png"
    " pprof printer quick quotedprintable rand reflect regexp ring rpc rsa runtime scanner sha1 sha256 sha3 sha512"
    " signal slices slog smtp sort sql strconv strings subtle suffixarray sync synctest syscall syslog tabwriter tar"
    " template testing textproto time tls token trace types unicode unique unsafe url user utf16 utf8 weak x509 xml zip"
    " zlib"
)
_RUST = _words(
    "as async await bool break char const continue crate dyn else enum extern f32 f64 false fn for i128 i16 i32 i64 i8"
    " if impl in isize let loop match mod move mut pub ref return Self self static str struct super trait true type"
    " u128 u16 u32 u64 u8 union unsafe use usize where while yield"
)
_RUST_HAS = _words(
    "align_of alloc Arc AsMut AsRef assert Box box Clone Copy core Debug Default DoubleEndedIterator Drop drop Eq Err"
    " ExactSizeIterator Extend Fn FnMut FnOnce From FromIterator FromStr Future Hash HashMap HashSet Into IntoFuture"
    " IntoIterator Iterator macro_rules None Ok Option Ord Ordering PartialEq PartialOrd Rc Result Send size_of Sized"
    " Some std String Sync ToOwned ToString TryFrom TryInto Unpin Vec"
    # Of the standard library, which editors import where they are used
    " AtomicBool AtomicI32 AtomicI64 AtomicU32 AtomicU64 AtomicUsize BinaryHeap BTreeMap BTreeSet BufRead BufReader"
    " BufWriter Bytes Cell Command Condvar Context Cow Cursor Display Duration Entry Error File Formatter Instant"
    " IpAddr Layout ManuallyDrop MaybeUninit Mutex MutexGuard NonNull NonZeroU32 NonZeroU64 NonZeroUsize OnceCell"
    " OnceLock OsStr OsString Path PathBuf PhantomData Pin Poll Read RefCell RwLock Seek SocketAddr Stdio SystemTime"
    " TcpListener TcpStream VecDeque Waker Wrapping Write"
)
_PYTHON = frozenset((*keyword.kwlist, "bool", "bytes", "complex", "float", "int", "str"))
_PYTHON_HAS = frozenset(
    (
        *keyword.softkwlist,
        *dir(builtins),
        *sys.stdlib_module_names,
        *typing.__all__,
        *_words(
            "self cls __file__ __all__ __path__ ABC abstractmethod Counter dataclass datetime Decimal defaultdict"
            " deepcopy deque Enum field lru_cache namedtuple partial Path SimpleNamespace StringIO timedelta wraps"
        ),
    )
)
_SCRIPTS = ("javascript", "javascriptreact", "typescript", "typescriptreact")

KEY_WORDS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "python": _PYTHON,
        **dict.fromkeys(_SCRIPTS, _ECMASCRIPT),
        "go": _GO,
        "rust": _RUST,
        **dict.fromkeys(("c", "cpp"), _C),
    }
)
"""By LSP identifier of a language: key words and built-in types."""

GIVEN: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "python": _PYTHON | _PYTHON_HAS,
        **dict.fromkeys(_SCRIPTS, _ECMASCRIPT | _ECMASCRIPT_HAS),
        "go": _GO | _GO_HAS,
        "rust": _RUST | _RUST_HAS,
    }
)
"""By LSP identifier of a language: its key words, what it has built in, and what its libraries offer to any file."""
